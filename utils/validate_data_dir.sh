#!/usr/bin/env bash
# Checks that the files of a data directory are complete, sorted and agree with one another. Changes nothing.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/internal/common.sh"

help_message="Usage: $0 [--no-feats] [--no-text] [--non-print] [--no-wav] [--no-spk-sort] <data-dir>
e.g.: $0 data/train
Status 0 if <data-dir> is well formed; otherwise the file, the line and the remedy are named.
  --no-feats      feats.scp may be absent
  --no-wav        wav.scp may be absent
  --no-text       text may be absent, and is not checked
  --non-print     text may hold characters that cannot be printed
  --no-spk-sort   utt2spk need not be in the order of its speakers too"

options=()
data=
while [ $# -gt 0 ]; do
  case $1 in
    --no-feats | --no-text | --no-wav | --no-spk-sort | --non-print) options+=("$1") ;;
    --help | -h)
      echo "$help_message"
      exit 0
      ;;
    --*) fail "invalid option $1 (see $0 --help)" ;;
    *)
      if [ -n "$data" ]; then
        echo "$help_message"
        exit 1
      fi
      data=${1%/}
      ;;
  esac
  shift
done
if [ -z "$data" ]; then
  echo "$help_message"
  exit 1
fi

exec perl "$utils/internal/validate_data_dir.pl" "$0" "$data" "${options[@]}"
