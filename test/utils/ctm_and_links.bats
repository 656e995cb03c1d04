#!/usr/bin/env bats
# Small tools: convert_ctm.pl, validate_text.pl, best_wer.sh, retry.pl, ln.pl, create_split_dir.pl.
load helper

ctm_files() {
  file segments 'utt-1 rec-a 10.0 20.0' 'ütt-2 rec-b 0 -1'
  file channels 'rec-a file A' 'rec-b file B'
}
@test "convert_ctm.pl: times from the start of the recording, with two digits" {
  ctm_files
  file in 'utt-1 1 8.0 1.0 word 0.5' 'utt-1 1 0.126 0.124 größe' 'ütt-2 1 3 .5 x 1'
  "$UTILS/convert_ctm.pl" segments channels in >out
  is out 'file A 18.00 1.00 word 0.5' 'file A 10.13 0.12 größe' 'file B 3.00 0.50 x 1'
  "$UTILS/convert_ctm.pl" segments channels <in | cmp - out
  sed 's/$/\r/' in | "$UTILS/convert_ctm.pl" segments channels - | cmp - out
}
@test "convert_ctm.pl: a word past the end is a warning, but not where the end is that of the recording" {
  ctm_files
  file in 'utt-1 1 9.5 0.51 edge' 'utt-1 1 9.5 0.52 late' 'ütt-2 1 900 1 open'
  run --separate-stderr "$UTILS/convert_ctm.pl" segments channels in
  [ "$status" = 0 ]
  [ "${#lines[@]}" = 3 ]
  # shellcheck disable=SC2154  # set by run
  [[ $stderr == *'in:2: the word ends after its utterance: file A 19.50 0.52 late'* ]]
  [ "$(wc -l <<<"$stderr")" = 1 ]
}
@test "convert_ctm.pl: utterances that segments lacks are an error, or left out with --skip-unknown" {
  ctm_files
  file in 'utt-1 1 1 1 a' 'utt-9 1 1 1 b'
  run --separate-stderr "$UTILS/convert_ctm.pl" segments channels in
  [ "$status" != 0 ]
  [ "$output" = '' ]
  [[ $stderr == *"in:2: utterance 'utt-9' is not in segments"* ]]
  "$UTILS/convert_ctm.pl" --skip-unknown segments channels in >out
  is out 'file A 11.00 1.00 a'
}
@test "convert_ctm.pl: bad lines are named; nothing converted is status 1" {
  ctm_files
  for line in 'utt-1 1 1 1' 'utt-1 1 1 1 a b c' 'utt-1 1 one 1 a' 'utt-1 1 1 inf a' ''; do
    file in 'utt-1 1 1 1 a' "$line"
    run "$UTILS/convert_ctm.pl" segments channels in
    [ "$status" != 0 ]
    [[ $output == *in:2:* ]]
  done
  : >in
  run "$UTILS/convert_ctm.pl" segments channels in
  [ "$status" = 1 ]
  file in 'utt-1 1 1 1 a'
  file segments 'utt-1 rec-a 1 2' 'utt-1 rec-b 1 2'
  run "$UTILS/convert_ctm.pl" segments channels in
  [[ $status != 0 && $output == *"segments:2: 'utt-1' has a line already"* ]]
  file segments 'utt-1 rec-c 1 2'
  run "$UTILS/convert_ctm.pl" segments channels in
  [[ $status != 0 && $output == *"recording 'rec-c' of 'utt-1' is not in channels"* ]]
}

@test "validate_text.pl: blanks, tabs and any script pass" {
  file text 'a one  two' 'b	drei ÄÖÜ 北京' 'c' 'd ހެވޭ'
  run "$UTILS/validate_text.pl" text
  [ "$status" = 0 ]
  [ "$output" = '' ]
}
@test "validate_text.pl and validate_data_dir.sh refuse the same bytes, with file and line" {
  while read -r bytes; do
    good_dir d
    printf 'ann-1 one\nann-2 a%bb\nbob-1 c\n' "$bytes" >d/text
    run "$UTILS/validate_text.pl" d/text
    [ "$status" = 1 ]
    [[ $output == *"d/text:2: the line of 'ann-2'"* ]]
    run "$UTILS/validate_data_dir.sh" --no-feats d
    [ "$status" = 1 ]
    [[ $output == *"d/text:2: the line of 'ann-2'"* ]]
  done <<<'\xc2\xa0
\xe3\x80\x80
\xe2\x80\xa8
\xff
\r'
}
@test "validate_text.pl: empty, missing, no line end, a byte-order mark" {
  : >empty
  printf 'a b' >open
  printf '\xef\xbb\xbfa b\n' >mark
  for name in empty missing open mark; do
    run "$UTILS/validate_text.pl" $name
    [ "$status" = 1 ]
    [[ $output == *$name* ]]
  done
}

@test "best_wer.sh: the lowest of compute-wer's lines, the first of equals, with its file at the end" {
  file in 'exp/a/wer_9:%WER 12.50 [ 5 / 40, 1 ins, 2 del, 2 sub ]' 'exp/a/wer_10:%WER 9.5 [ 4 / 42, 0 ins, 2 del, 2 sub ]' \
    'exp/b c/wer_11:%WER 9.50 [ 4 / 42, 1 ins, 1 del, 2 sub ]' 'Scored 40 sentences'
  "$UTILS/best_wer.sh" <in >out
  is out '%WER 9.5 [ 4 / 42, 0 ins, 2 del, 2 sub ] exp/a/wer_10'
}
@test "best_wer.sh: sclite's sums, also where numbers touch the bars" {
  file in 'x/d.sys:| Sum/Avg  |  10   100|90.0  6.0   4.0  2.0  12.0  50.0 | -0.1 |' \
    'x/e.sys:| Sum/Avg  |  10   100 | 90.0  6.0   4.0  1.0  11.0  50.0 | -0.1 |' 'x/e.sys:| Mean | 5 50 |'
  "$UTILS/best_wer.sh" <in >out
  is out '%WER 11.0 | 10 100 | 90.0 6.0 4.0 1.0 11.0 50.0 | -0.1 | x/e.sys'
}
@test "best_wer.sh: nothing to choose from prints nothing; nan is no rate" {
  "$UTILS/best_wer.sh" </dev/null >out
  [ ! -s out ]
  file in '%WER nan [ 0 / 0 ]' '%WER 100.00 [ 4 / 4 ]'
  sed 's/$/\r/' in | "$UTILS/best_wer.sh" >out
  is out '%WER 100.00 [ 4 / 4 ] '
}

# fails_once: a program that succeeds the second time
fails_once() {
  file job '#!/usr/bin/env bash' '[ -e once ] || { touch once; exit 3; }'
  chmod +x job
}
@test "retry.pl: a job that fails is run once more, and its first log kept" {
  fails_once
  run "$UTILS/retry.pl" "$UTILS/run.pl" --mem 1G exp/a.log ./job
  [ "$status" = 0 ]
  grep -q 'Ended (code 3)' exp/a.log.bak
  grep -q 'Ended (code 0)' exp/a.log
}
@test "retry.pl: a job that fails twice is a failure; one that succeeds runs once" {
  run "$UTILS/retry.pl" "$UTILS/run.pl" a.log false
  [ "$status" = 1 ]
  [[ $output == *'the job failed 2 times; the log is in a.log'* ]]
  run "$UTILS/retry.pl" "$UTILS/run.pl" b.log true
  [ "$status" = 0 ]
  [ ! -e b.log.bak ]
}
@test "retry.pl: the log is found among options, whatever its name" {
  fails_once
  "$UTILS/retry.pl" "$UTILS/run.pl" --max-jobs-run 2 'my log' ./job
  [ -e 'my log.bak' ]
}
@test "retry.pl: an array of jobs is not run again, and its failure is one" {
  run "$UTILS/retry.pl" "$UTILS/run.pl" JOB=1:2 a.JOB.log false
  [ "$status" = 1 ]
  [[ $output == *'not run again'* ]]
  run "$UTILS/retry.pl" no/such/runner a.log true
  [ "$status" = 1 ]
}

@test "ln.pl: relative links, old links replaced, files not" {
  mkdir -p data/x 'dest dir/sub'
  file data/x/a one
  file data/b two
  "$UTILS/ln.pl" data/x/a "$PWD/data/b" data/x/ 'dest dir'
  [ "$(readlink 'dest dir/a')" = ../data/x/a ]
  [ "$(readlink 'dest dir/b')" = ../data/b ]
  [ "$(readlink 'dest dir/x')" = ../data/x ]
  ln -sfn nowhere 'dest dir/a'
  "$UTILS/ln.pl" data/x/a 'dest dir/'
  is 'dest dir/a' one
  file 'dest dir/sub/a' mine
  run "$UTILS/ln.pl" data/x/a data/b 'dest dir/sub'
  [ "$status" = 1 ]
  is 'dest dir/sub/a' mine
  is 'dest dir/sub/b' two
}
@test "ln.pl: folders that are links themselves, and .. in paths" {
  mkdir -p real/deep/dest files
  file files/a one
  ln -s real/deep/dest short
  "$UTILS/ln.pl" files/a short
  is real/deep/dest/a one
  cd files
  "$UTILS/ln.pl" a ../real/../real/deep
  is ../real/deep/a one
}
@test "ln.pl: a file that is not there yet is linked with a warning; no folder, no link" {
  mkdir dest
  run "$UTILS/ln.pl" later dest
  [ "$status" = 0 ]
  [[ $output == *"there is no 'later'"* ]]
  file later x
  is dest/later x
  run "$UTILS/ln.pl" later nowhere
  [ "$status" = 1 ]
}

@test "create_split_dir.pl: folders, numbered links, a list of them in each" {
  "$UTILS/create_split_dir.pl" --suffix egs/storage disk1 "$PWD/disk 2" exp/storage
  [ "$(readlink exp/storage/1)" = "$PWD/disk1/egs/storage" ]
  [ "$(readlink exp/storage/2)" = "$PWD/disk 2/egs/storage" ]
  for number in 1 2; do
    grep -v '^#' exp/storage/$number/README.txt | diff - <(printf '%s\n' "$PWD/disk1/egs/storage" "$PWD/disk 2/egs/storage")
  done
  file exp/storage/1/kept x
  run "$UTILS/create_split_dir.pl" --suffix=other disk3 disk4 disk5 exp/storage
  [ "$status" = 0 ]
  [[ $output == *'link exp/storage/1 already exists'* ]]
  is exp/storage/1/kept x
  [ "$(readlink exp/storage/3)" = "$PWD/disk5/other" ]
}
@test "create_split_dir.pl: a folder that cannot be made is named" {
  file disk1 'no folder'
  run "$UTILS/create_split_dir.pl" disk1 disk2 exp
  [ "$status" = 1 ]
  [[ $output == *disk1* ]]
  [ -d exp/2/ ]
}
