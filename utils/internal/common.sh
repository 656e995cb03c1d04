#!/usr/bin/env bash
# Sourced by the data-directory scripts: byte order everywhere, the folder of the tools, errors, and work folders that
# become visible only when complete.
export LC_ALL=C
# shellcheck disable=SC2034  # used by the scripts that source this file
utils=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# fail MESSAGE...: the message on standard error, status 1
fail() {
  echo "$0: $*" >&2
  exit 1
}

# need_file PATH...: stops unless each is a file
need_file() {
  local path
  for path in "$@"; do
    [ -f "$path" ] || fail "no such file $path"
  done
}

# need_clean PATH...: stops unless those that exist are free of byte-order marks, carriage returns and invalid UTF-8,
# which would become part of ids and names
need_clean() {
  "$utils/internal/encoding.pl" "$0" "$@" || exit 1
}

# need_python: stops unless there is a Python
need_python() {
  command -v python3 >/dev/null || fail "could not find python3 in PATH; install it, e.g.: apt-get install python3"
}

# count_lines PATH: 0 if there is no such file
count_lines() {
  if [ -f "$1" ]; then wc -l <"$1"; else echo 0; fi
}

# in_parts UTT2SPK JOBS: of the lines of standard input those whose id UTT2SPK has, as JOBS parallel jobs would write
# them: UTT2SPK is cut into parts, and within a part the order stays. Nothing moves if both are sorted alike.
in_parts() {
  local total
  total=$(awk 'END {print NR}' "$1")
  [ "$total" -gt 0 ] || return 0
  awk -v total="$total" -v jobs="$(($2 < total ? $2 : total))" '
    BEGIN {
      size = int(total / jobs)
      larger = (total % jobs) * (size + 1) # lines in the parts that have one more
    }
    NR == FNR {
      line = NR - 1
      parts[$1] = parts[$1] " " (line < larger ? int(line / (size + 1)) : total % jobs + int((line - larger) / size))
      next
    }
    $1 in parts {
      count = split(parts[$1], part, " ")
      for (i = 1; i <= count; i++) print part[i] "\t" $0
    }' "$1" - | sort -s -n -k1,1 | cut -f2-
}

# map_first_field MAP: the lines of standard input with their first field as MAP ("<old> <new>") says; the rest of a line
# stays to the byte, since two blanks may be part of a file's name
map_first_field() {
  awk '
    BEGIN {
      while ((getline <ARGV[1]) > 0) new[$1] = $2
      ARGV[1] = ""
    }
    !($1 in new) {
      print "undefined key " $1 " (input line " NR ")" >"/dev/stderr"
      exit 1
    }
    {print new[$1] substr($0, index($0, $1) + length($1))}' "$1"
}

# reads_sphere WAV_SCP: whether every line has the form "<id> .../sph2pipe -f wav <file> |"
reads_sphere() {
  awk '{sub(/\|[ \t]*$/, " |")}
    NF != 6 || $2 !~ /sph2pipe$/ || $3 != "-f" || $4 != "wav" || $6 != "|" {exit 1}' "$1"
}

# open_stage DIR: sets $stage to a new hidden folder in DIR, removed when the script ends
open_stage() {
  mkdir -p "$1" || fail "could not make the folder $1"
  stage=$(mktemp -d "$1/.tmp.XXXXXX") || fail "could not make a work folder in $1"
  trap 'rm -rf "$stage"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
}

# move_aside SOURCE DIR: what only an earlier content of DIR has, and $stage lacks, goes to DIR/.backup
move_aside() {
  local file
  for file in feats.scp cmvn.scp vad.scp utt2lang utt2uniq utt2dur utt2num_frames utt2num_samples text wav.scp segments \
    phones spk2gender reco2dur reco2file_and_channel frame_shift stm glm ctm; do
    if [ -f "$2/$file" ] && [ ! -f "$stage/$file" ]; then
      echo "$0: file $file exists in dest $2 but not in src $1. Moving it to $2/.backup/$file"
      mkdir -p "$2/.backup"
      mv "$2/$file" "$2/.backup/"
    fi
  done
}

# check_stage SOURCE DIR OPTION...: stops unless $stage, made from SOURCE and soon to be DIR, passes validate_data_dir.sh
check_stage() {
  local source=$1 dir=$2 report valid=true
  shift 2
  report=$("$utils/validate_data_dir.sh" "$@" "$stage" 2>&1) || valid=false
  report=${report//"utils/fix_data_dir.sh $stage"/"utils/fix_data_dir.sh $source"}
  report=${report//"$stage"/"$dir"}
  if ! $valid; then
    echo "$report" >&2
    fail "$dir was not written: it would not be valid (see above); correct $source"
  fi
  echo "$report"
}

# close_stage DIR: moves every file of $stage into DIR
close_stage() {
  local path
  for path in "$stage"/*; do
    [ -e "$path" ] && mv -f "$path" "$1/"
  done
  rmdir "$stage"
}
