#!/usr/bin/env bash
# Prints a segments file for a data directory that has none: each utterance is one whole recording.
set -euo pipefail
# shellcheck source=internal/common.sh
. "$(dirname "$(readlink -f "$0")")/../internal/common.sh"

if [ $# != 1 ] || [ "$1" = --help ]; then
  echo "Usage: utils/data/get_segments_for_data.sh <data-dir> > <data-dir>/segments
Needs utt2dur, and makes it if it is not there."
  [ "${1:-}" = --help ]
  exit
fi
if [ ! -f "$1/utt2dur" ]; then
  "$utils/data/get_utt2dur.sh" "$1" >&2
fi
awk '{print $1, $1, 0, $2}' "$1/utt2dur"
