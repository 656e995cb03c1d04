#!/usr/bin/env bats
# recipe_options.sh: a recipe's own options, and what is left for asr.sh.
load helper

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  cat >run.sh <<END
#!/usr/bin/env bash
set -euo pipefail
cd "\$(dirname "\${BASH_SOURCE[0]}")"
count=5          # how many
name="two words" # what it is called
empty=           # nothing yet
. $UTILS/recipe_options.sh
later=1 # not an option
echo "count=\$count name=\$name empty=\$empty"
for word in "\$@"; do echo "left: \$word"; done
END
  chmod +x run.sh
}

@test "without options the defaults stand and nothing is left" {
  run ./run.sh
  [ "$output" = 'count=5 name=two words empty=' ]
}

@test "own options are taken, in any place, and the others stay in order with their values" {
  run ./run.sh --stage 3 --count 7 --foo "--count 9" --empty 'a b' --bar --name
  [ "$status" = 0 ]
  [ "${lines[0]}" = 'count=7 name=two words empty=a b' ]
  [ "$(printf '%s|' "${lines[@]:1}")" = 'left: --stage|left: 3|left: --foo|left: --count 9|left: --bar|left: --name|' ]
}

@test "a hyphen in an option's name stands for _" {
  sed -i 's/^count=5 /count_of=5 /; s/count=.count/&_of/' run.sh
  run ./run.sh --count-of 7 --bar-of 8
  [ "${lines[0]}" = 'count=7 name=two words empty=' ]
  [ "${lines[1]}" = 'left: --bar-of' ]
}

@test "a variable below the line is no option" {
  run ./run.sh --later 2
  [ "${lines[1]}" = 'left: --later' ]
}

@test "an own option without value is refused" {
  run ./run.sh --count
  [ "$status" = 1 ]
  [ "$output" = 'run.sh: error: option --count needs a value' ]
}

@test "--help explains the own options with their defaults, and is passed on" {
  run ./run.sh --help
  [ "$status" = 0 ]
  grep -qx '  --count  *how many  \[5\]' <<<"$output"
  grep -qx '  --name  *what it is called  \[two words\]' <<<"$output"
  grep -qx '  --empty  *nothing yet' <<<"$output"
  [[ $output != *later* ]]
  [[ $output == *'left: --help' ]]
}

# declare_data_options: a local/data.sh that shares two options with run.sh.
declare_data_options() {
  file local/data.sh '#!/usr/bin/env bash' 'size="a b"  # how large' 'url= # from where' \
    '# [end of the options of run.sh]' 'nj=4 # of this script alone' '. utils/parse_options.sh' 'more=1 # nothing'
  # shellcheck disable=SC2016  # expanded by run.sh
  echo 'echo "size=$size url=$url data:$local_data_opts"' >>run.sh
}

@test "options of local/data.sh have its defaults, and none of them needs to be passed on" {
  declare_data_options
  run ./run.sh
  [ "${lines[1]}" = 'size=a b url= data:' ]
}

@test "options of local/data.sh that are given are passed on, in quotes where they need them; all others stay" {
  declare_data_options
  run ./run.sh --nj 3 --url 'c d' --count 7 --size e --more 2
  [ "$status" = 0 ]
  [ "$(printf '%s|' "${lines[@]}")" = \
    'count=7 name=two words empty=|left: --nj|left: 3|left: --more|left: 2|size=e url=c d data: --url '\''c d'\'' --size e|' ]
}

@test "an empty value of an option of local/data.sh means its default" {
  declare_data_options
  run ./run.sh --size '' --empty ''
  [ "${lines[1]}" = 'size=a b url= data:' ]
}

@test "--help explains the options of local/data.sh that run.sh takes, and no other" {
  declare_data_options
  run ./run.sh --help
  grep -qx '  --size  *how large  \[a b\]' <<<"$output"
  grep -qx '  --url  *from where' <<<"$output"
  [[ $output != *--nj* && $output != *--more* ]]
}

@test "a local/data.sh without the mark, such as one of ESPnet, shares no option" {
  file local/data.sh 'stage=1 # first one' '. utils/parse_options.sh'
  run ./run.sh --stage 3
  [ "$(printf '%s|' "${lines[@]:1}")" = 'left: --stage|left: 3|' ]
}

@test "it works when run.sh is called from elsewhere" {
  cd /
  run "$BATS_TEST_TMPDIR/run.sh" --count 8
  [ "$output" = 'count=8 name=two words empty=' ]
}

@test "lists of texts: blanks or commas between, blanks in names of files, codes with digits" {
  run "$UTILS/internal/split_texts.sh" 'en=my text.txt es_419=b  zh-Hant=c,cmn_hans_cn=d'
  [ "$(printf '%s|' "${lines[@]}")" = 'en=my text.txt|es_419=b|zh-Hant=c|cmn_hans_cn=d|' ]
  run "$UTILS/internal/split_texts.sh" 'my text,other'
  [ "$(printf '%s|' "${lines[@]}")" = 'my text|other|' ]
  run "$UTILS/internal/split_texts.sh" ''
  [ "$output" = '' ]
}
