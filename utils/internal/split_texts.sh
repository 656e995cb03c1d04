#!/usr/bin/env bash
# split_texts.sh LIST: a recipe's --text_files, each on a line: FILE, or with blanks or commas between, "en=FILE de=FILE".
# A blank that no "code=" follows belongs to the name of a file.
set -euo pipefail
sed -E 's/(^|[ ,])([[:alnum:]_-]+=)/\n\2/g' <<<"$1" | tr ',' '\n' | sed -E 's/ +$//; /^$/d'
