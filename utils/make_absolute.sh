#!/usr/bin/env bash
# Prints a path as an absolute one, with all symbolic links followed.
set -euo pipefail

if [ $# != 1 ] || [ "$1" = --help ]; then
  echo "Usage: utils/make_absolute.sh <path>"
  [ "${1:-}" = --help ]
  exit
fi
readlink -f -- "$1" || {
  echo "$0: there is no folder $(dirname -- "$1")" >&2
  exit 1
}
