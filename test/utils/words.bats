#!/usr/bin/env bats
# shellcheck disable=SC1003,SC2016  # $, \ and backquotes are meant as they stand
# Lists of options (--asr_args and the like) as words, and words that reach a command as they are.
load helper

# splits LIST WORD...: does split_words.pl make these words of the list?
splits() {
  local list=$1
  shift
  "$UTILS/internal/split_words.pl" "$list" >got
  if [ $# -gt 0 ]; then printf '%s\0' "$@" | cmp - got; else [ ! -s got ]; fi
}

@test "blanks separate words, and an empty list has none" {
  splits '' && splits '  '
  splits $'--set  a=1\t--set\nb=2 ' --set a=1 --set b=2
}
@test "quotes around a word or a value group blanks; what quoting tools write is read back" {
  splits "--set x='a b' 'y=c d' z=\"e \\\"f\\\"\" '' q=''" --set 'x=a b' 'y=c d' 'z=e "f"' '' q=
  splits "'it'\\''s' 'it'\"'\"'s'" "it's" "it's"
  for word in "it's" 'a b' '$(touch ran)' '"' "''" 'a\b' $'two\nlines' '{a: [1, "b"]}'; do
    splits "$(python3 -c 'import shlex, sys; print(shlex.join(["--set", sys.argv[1], "end"]))' "$word")" --set "$word" end
  done
}
@test "the brackets of a list or mapping after = group blanks" {
  splits '--set w={text_full: [10, 5], b: "c }"} x=[1, 2] [3, 4]' --set 'w={text_full: [10, 5], b: "c }"}' 'x=[1, 2]' '[3,' '4]'
  splits 'x={open y=1 z=}{' 'x={open' y=1 'z=}{'
}
@test "every other character stands for itself" {
  touch a b
  splits "it's x={a:\"b\"} back\\slash end\\ --set \$HOME \$(ls) \`ls\` * ? {a,b} ; & | > ~ # ! a=b=c" "it's" 'x={a:"b"}' 'back\slash' \
    'end\' --set '$HOME' '$(ls)' '`ls`' '*' '?' '{a,b}' ';' '&' '|' '>' '~' '#' '!' a=b=c
}
@test "run.pl --literal true: words arrive as they are, operators, variables and quotes too; JOB is the number" {
  file show.sh 'printf "<%s>\n" "$@"'
  words=('$HOME' '$(touch ran)' '`touch ran`' '*' '?' '{a,b}' 'x={a:[1,2]}' ';' '&&' '|' '>' '>out' '2>&1' "'q'" '"q"' "it's" 'a b' '' '#' '~'
    '!' '(' ')' '[' 'back\' '-n' '日本' $'two\nlines')
  "$UTILS/run.pl" --literal true JOB=3 log.JOB bash show.sh "${words[@]}" 'n=JOB'
  printf '<%s>\n' "${words[@]}" n=3 >want
  sed -n '/^#$/,/^# Accounting/p' log.3 | sed '1d;$d' | diff want -
  [ ! -e ran ] && [ ! -e out ]
}
@test "--literal takes true or false" {
  run "$UTILS/run.pl" --literal yes log true
  [ "$status" != 0 ]
  [[ $output == *"--literal takes true or false, not 'yes'"* ]]
}
@test "nearest.pl names what was meant, and nothing where nothing is near" {
  near() { "$UTILS/internal/nearest.pl" "$1" nbpe asr_config stop_stage stage test_sets ngpu; }
  [ "$(near nbep)" = nbpe ]
  [ "$(near asr-confg)" = asr_config ]
  [ "$(near stage_stop)" = stop_stage ]
  [ "$(near NGPU)" = ngpu ]
  [ -z "$(near frobnicate)" ] && [ -z "$(near x)" ]
}
@test "parse_options.sh names the script's nearest option, and none of the environment's variables" {
  file s.sh 'skip_scoring=false' '. "$UTILS/parse_options.sh"'
  run env nbpes=1 bash s.sh --skip-scorin true
  [ "$status" = 1 ]
  [[ $output == *'invalid option --skip-scorin: did you mean --skip_scoring?'* ]]
  run env nbpes=1 bash s.sh --nbpe 3
  [[ $output == *'invalid option --nbpe (see'* ]]
}
@test "reduce_data_dir keeps the utterances of a list, their recordings and speakers" {
  segmented_dir d
  file d/spk2gender 'ann f' 'bob m'
  file d/reco2dur 'rec-a 3.0' 'rec-b 2.0'
  file d/stm ';; comment' 'rec-a 1 ann 0 1 one' 'rec-b 1 bob 0 1 two'
  file list 'bob-1 anything' 'no-such'
  run "$UTILS/reduce_data_dir.sh" d list out
  [ "$status" = 0 ] && [ "$output" = 'Reduced #utt from 3 to 1' ]
  is out/utt2spk 'bob-1 bob'
  is out/spk2utt 'bob bob-1'
  is out/segments 'bob-1 rec-b 0 2'
  is out/wav.scp 'rec-b b.wav'
  is out/text 'bob-1 three'
  is out/spk2gender 'bob m'
  is out/reco2dur 'rec-b 2.0'
  is out/stm 'rec-b 1 bob 0 1 two'
  [ "$(find out -mindepth 1 | wc -l)" = 8 ]
}
@test "reduce_data_dir works without segments; a list that keeps nothing is refused, and nothing is written" {
  good_dir d
  file list ann-2
  "$UTILS/reduce_data_dir.sh" d list out
  is out/wav.scp 'ann-2 sox a/2.flac -t wav - |'
  file none zoe
  run "$UTILS/reduce_data_dir.sh" d none other
  [ "$status" = 1 ]
  [[ $output == *'no utterance of none is in d/utt2spk'* ]]
  [ -z "$(find other -mindepth 1)" ]
  run "$UTILS/reduce_data_dir.sh" d
  [ "$status" = 1 ]
  [[ $output == *Usage:* ]]
}
