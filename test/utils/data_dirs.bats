#!/usr/bin/env bats
# Tools that make data directories out of data directories.
load helper

# four_dir DIR: three speakers with 4, 3 and 2 utterances
four_dir() {
  file "$1/utt2spk" a-1\ a a-2\ a a-3\ a a-4\ a b-1\ b b-2\ b b-3\ b c-1\ c c-2\ c
  file "$1/spk2utt" 'a a-1 a-2 a-3 a-4' 'b b-1 b-2 b-3' 'c c-1 c-2'
  awk '{print $1, "text of", $1}' "$1/utt2spk" >"$1/text"
  awk '{print $1, "wav/" $1 ".wav"}' "$1/utt2spk" >"$1/wav.scp"
}
# ids FILE: its first fields on one line
ids() { awk '{printf "%s%s", sep, $1; sep = " "} END {print ""}' "$1"; }

# --- combine_data.sh ---
@test "combine: lines of all sources, sorted, with spk2utt" {
  good_dir x
  good_dir y
  sed -i 's/ann/cat/g; s/bob/dan/g' y/*
  run "$UTILS/combine_data.sh" z x y
  [ "$status" = 0 ]
  for name in utt2spk text wav.scp spk2utt; do cat x/$name y/$name | sort | cmp - z/$name; done
}
@test "combine: a file that only some sources have is left out; --extra-files; --skip-fix" {
  good_dir x
  good_dir y
  sed -i 's/ann/cat/g; s/bob/dan/g' y/*
  file x/utt2lang 'ann-1 en' 'ann-2 en' 'bob-1 en'
  file x/my 'ann-1 1'
  file y/my 'cat-1 2'
  run "$UTILS/combine_data.sh" --extra-files 'my utt2uniq' --skip-fix true z x y
  [ "$status" = 0 ]
  [[ $output == *'**not combining utt2lang as it does not exist everywhere**'* ]]
  [ ! -e z/utt2lang ]
  [ ! -e z/.backup ]
  is z/my 'ann-1 1' 'cat-1 2'
}
@test "combine: utt2uniq and segments are made for the sources that lack them" {
  segmented_dir x
  good_dir y
  sed -i 's/ann/cat/g; s/bob/dan/g' y/*
  file y/utt2dur 'cat-1 1.5' 'cat-2 2' 'dan-1 2.25'
  file x/utt2uniq 'ann-1 u' 'ann-2 u' 'bob-1 v'
  run "$UTILS/combine_data.sh" z x y
  [ "$status" = 0 ]
  is z/utt2uniq 'ann-1 u' 'ann-2 u' 'bob-1 v' 'cat-1 cat-1' 'cat-2 cat-2' 'dan-1 dan-1'
  is z/segments 'ann-1 rec-a 0.00 1.50' 'ann-2 rec-a 1.50 3.00' 'bob-1 rec-b 0 2' 'cat-1 cat-1 0 1.5' 'cat-2 cat-2 0 2' 'dan-1 dan-1 0 2.25'
}
@test "combine: the old destination is replaced; a source as destination is refused" {
  good_dir x
  file z/utt2spk 'old old'
  file z/feats.scp 'old old'
  run "$UTILS/combine_data.sh" z x
  [ "$status" = 0 ]
  [ ! -e z/feats.scp ]
  run "$UTILS/combine_data.sh" x x z
  [ "$status" = 1 ]
  is x/utt2spk 'ann-1 ann' 'ann-2 ann' 'bob-1 bob'
  run "$UTILS/combine_data.sh" z x nowhere
  [ "$status" = 1 ]
  [[ $output == *'no such file nowhere/utt2spk'* ]]
  [ -e z/utt2spk ]
}
@test "combine: a last line without newline does not run into the next file" {
  good_dir x
  good_dir y
  sed -i 's/ann/cat/g; s/bob/dan/g' y/*
  printf 'ann-1 one\nann-2 two\nbob-1 three' >x/text
  run "$UTILS/combine_data.sh" z x y
  [ "$(wc -l <z/text)" = 6 ]
  grep -qx 'bob-1 three' z/text
}

# --- copy_data_dir.sh ---
@test "copy: without options the same files" {
  good_dir x
  file x/utt2lang 'ann-1 en' 'ann-2 de' 'bob-1 en'
  run "$UTILS/copy_data_dir.sh" x y
  [ "$status" = 0 ]
  diff -r x y
}
@test "copy: prefixes and suffixes of utterances and speakers" {
  good_dir x
  file x/spk2gender 'ann f' 'bob m'
  file x/utt2uniq 'ann-1 q' 'ann-2 q' 'bob-1 r'
  run "$UTILS/copy_data_dir.sh" --utt-prefix p- --spk-prefix p- --utt-suffix _x --spk-suffix -y x y
  # 'p-ann_..' sorts before 'p-ann-y' nowhere: the two orders agree here
  is y/utt2spk 'p-ann-1_x p-ann-y' 'p-ann-2_x p-ann-y' 'p-bob-1_x p-bob-y'
  is y/spk2utt 'p-ann-y p-ann-1_x p-ann-2_x' 'p-bob-y p-bob-1_x'
  is y/text 'p-ann-1_x one two' 'p-ann-2_x drei ÄÖÜ 北京' 'p-bob-1_x three'
  is y/wav.scp 'p-ann-1_x a/1.wav' 'p-ann-2_x sox a/2.flac -t wav - |' 'p-bob-1_x b/1.wav'
  is y/spk2gender 'p-ann-y f' 'p-bob-y m'
  is y/utt2uniq 'p-ann-1_x q' 'p-ann-2_x q' 'p-bob-1_x r'
  [ "$status" = 0 ]
}
@test "copy: with segments recordings keep their ids" {
  segmented_dir x
  file x/reco2dur 'rec-a 3' 'rec-b 2'
  run "$UTILS/copy_data_dir.sh" --utt-prefix p- --spk-prefix p- x y
  [ "$status" = 0 ]
  cmp x/wav.scp y/wav.scp
  cmp x/reco2dur y/reco2dur
  is y/segments 'p-ann-1 rec-a 0.00 1.50' 'p-ann-2 rec-a 1.50 3.00' 'p-bob-1 rec-b 0 2'
}
@test "copy: a prefix that cannot be a part of an id is refused" {
  good_dir x
  for prefix in 'p ' $'p\t' 'p\1'; do
    run "$UTILS/copy_data_dir.sh" --spk-prefix "$prefix" --utt-prefix "$prefix" x y
    [ "$status" -eq 1 ]
    [[ $output == *"is no part of an id"* ]]
    [ ! -e y ]
  done
}

@test "copy: a file that only the old destination has moves to .backup; --validate-opts" {
  good_dir x
  file y/feats.scp 'old old'
  printf 'ann-1 a\x01\nann-2 b\nbob-1 c\n' >x/text
  run "$UTILS/copy_data_dir.sh" x y
  [ "$status" = 1 ]
  [ ! -e y/feats.scp ]
  [ -e y/.backup/feats.scp ]
  run "$UTILS/copy_data_dir.sh" --validate-opts --non-print x y
  [ "$status" = 0 ]
}
@test "copy: an utterance that utt2spk lacks stops it before anything is written" {
  good_dir x
  file x/text 'ann-1 x' 'zoe-1 y'
  run "$UTILS/copy_data_dir.sh" x y
  [ "$status" != 0 ]
  [[ $output == *'undefined key zoe-1'* ]]
  [ -z "$(ls -A y)" ]
}

# --- subset_data_dir.sh ---
@test "subset: N utterances, spread evenly" {
  four_dir x
  run "$UTILS/subset_data_dir.sh" x 3 y
  [ "$status" = 0 ]
  [[ $output == *'reducing #utt from 9 to 3' ]]
  "$UTILS/subset_scp.pl" 3 x/utt2spk | cmp - y/utt2spk
  [ "$(ids y/text)" = "$(ids y/utt2spk)" ]
  [ "$(ids y/wav.scp)" = "$(ids y/utt2spk)" ]
}
@test "subset: --first and --last" {
  four_dir x
  "$UTILS/subset_data_dir.sh" --first x 5 y
  [ "$(ids y/utt2spk)" = 'a-1 a-2 a-3 a-4 b-1' ]
  is y/spk2utt 'a a-1 a-2 a-3 a-4' 'b b-1'
  "$UTILS/subset_data_dir.sh" --last x 3 z
  [ "$(ids z/text)" = 'b-3 c-1 c-2' ]
}
@test "subset: --shortest by utt2num_frames" {
  four_dir x
  awk '{print $1, "x"}' x/utt2spk >x/feats.scp
  file x/utt2num_frames 'a-1 90' 'a-2 8' 'a-3 100' 'a-4 7' 'b-1 55' 'b-2 10' 'b-3 99' 'c-1 54' 'c-2 1000'
  "$UTILS/subset_data_dir.sh" --shortest x 4 y
  [ "$(ids y/utt2spk)" = 'a-2 a-4 b-2 c-1' ]
  is y/utt2num_frames 'a-2 8' 'a-4 7' 'b-2 10' 'c-1 54'
}
@test "subset: --per-spk spreads over each speaker" {
  four_dir x
  "$UTILS/subset_data_dir.sh" --per-spk x 2 y
  [ "$(ids y/utt2spk)" = 'a-1 a-3 b-1 b-2 c-1 c-2' ]
  "$UTILS/subset_data_dir.sh" --per-spk x 1 z
  [ "$(ids z/utt2spk)" = 'a-1 b-1 c-1' ]
}
@test "subset: --speakers takes whole speakers until there are enough" {
  four_dir x
  "$UTILS/subset_data_dir.sh" --speakers x 5 y
  # the oracle: speakers in the order of one draw each (seed 0), until 5 utterances are reached
  perl -e 'srand 0; print rand() . "", "\n" for 1..3' | paste - x/spk2utt | sort -s -k1,1 | cut -f2 |
    awk 'n < 5 {print; n += NF - 1}' | sort | cmp - y/spk2utt
}
@test "subset: --utt-list and --spk-list" {
  four_dir x
  file list 'c-2 anything' 'a-1'
  "$UTILS/subset_data_dir.sh" --utt-list list x y
  [ "$(ids y/text)" = 'a-1 c-2' ]
  is y/spk2utt 'a a-1' 'c c-2'
  file list c b
  "$UTILS/subset_data_dir.sh" --spk-list list x z
  [ "$(ids z/utt2spk)" = 'b-1 b-2 b-3 c-1 c-2' ]
}
@test "subset: nothing chosen is an error, and makes nothing" {
  four_dir x
  file list nobody
  for option in --utt-list --spk-list; do
    run "$UTILS/subset_data_dir.sh" $option list x y
    [ "$status" = 1 ]
    [[ $output == *'no utterance of x is chosen: none of its ids is in list'* ]]
    [ ! -e y/utt2spk ]
  done
}
@test "subset: a list on standard input" {
  four_dir d
  # shellcheck disable=SC2016  # expanded by that bash
  run bash -c 'printf "b-2\na-3 a\n" | "$UTILS/subset_data_dir.sh" --utt-list - d e'
  [ "$status" = 0 ]
  is e/utt2spk 'a-3 a' 'b-2 b'
  # shellcheck disable=SC2016  # expanded by that bash
  run bash -c '"$UTILS/subset_data_dir.sh" --spk-list <(echo c) d f'
  [ "$status" = 0 ]
  is f/spk2utt 'c c-1 c-2'
}
@test "subset: recordings follow the segments" {
  segmented_dir x
  file x/reco2dur 'rec-a 3' 'rec-b 2'
  "$UTILS/subset_data_dir.sh" --first x 2 y
  is y/wav.scp 'rec-a a.wav'
  is y/reco2dur 'rec-a 3'
  is y/segments 'ann-1 rec-a 0.00 1.50' 'ann-2 rec-a 1.50 3.00'
}
@test "subset: too many, a bad option, a missing list, the same folder" {
  four_dir x
  run "$UTILS/subset_data_dir.sh" x 10 y
  [ "$status" = 1 ]
  [[ $output == *'cannot subset to more utterances'* ]]
  run "$UTILS/subset_data_dir.sh" --middle x 1 y
  [ "$status" = 1 ]
  run "$UTILS/subset_data_dir.sh" --utt-list none x y
  [ "$status" = 1 ]
  run "$UTILS/subset_data_dir.sh" x 1 x
  [ "$status" = 1 ]
  run "$UTILS/subset_data_dir.sh" --per-spk x 0 y
  [ "$status" = 1 ]
  run "$UTILS/subset_data_dir.sh" --shortest x 1 y
  [ "$status" = 1 ]
  [[ $output == *'no feats.scp'* ]]
  [ ! -e y/utt2spk ]
}

# --- split_data.sh ---
@test "split_data: parts hold whole speakers and every indexed file" {
  four_dir x
  file x/spk2gender 'a f' 'b m' 'c f'
  run "$UTILS/split_data.sh" x 3
  [ "$status" = 0 ]
  is x/split3/1/spk2utt 'a a-1 a-2 a-3 a-4'
  is x/split3/3/spk2gender 'c f'
  for name in utt2spk text wav.scp spk2utt spk2gender; do cat x/split3/{1,2,3}/$name | cmp - x/$name; done
  [ -z "$(find x -name '.tmp*')" ]
}
@test "split_data: --per-utt has a folder of its own" {
  four_dir x
  "$UTILS/split_data.sh" --per-utt x 4
  [ "$(wc -l <x/split4utt/1/text)" = 3 ]
  cat x/split4utt/{1,2,3,4}/wav.scp | cmp - x/wav.scp
}
@test "split_data: recordings go where their segments go" {
  segmented_dir x
  "$UTILS/split_data.sh" --per-utt x 2
  is x/split2utt/1/wav.scp 'rec-a a.wav'
  is x/split2utt/2/wav.scp 'rec-b b.wav'
}
@test "split_data: --per-reco keeps recordings whole, with reco2utt" {
  segmented_dir x
  file x/segments 'ann-1 r2 0 1.5' 'ann-2 r1 0 1.5' 'bob-1 r2 1.5 3.5'
  file x/wav.scp 'r1 a.wav' 'r2 b.wav'
  file x/spk2gender 'ann f' 'bob m'
  "$UTILS/split_data.sh" --per-reco x 2
  is x/split2reco/1/reco2utt 'r2 ann-1 bob-1'
  is x/split2reco/1/utt2spk 'ann-1 ann' 'bob-1 bob'
  is x/split2reco/1/spk2gender 'ann f' 'bob m'
  is x/split2reco/1/wav.scp 'r2 b.wav'
  is x/split2reco/2/reco2utt 'r1 ann-2'
  is x/split2reco/2/segments 'ann-2 r1 0 1.5'
  [ ! -e x/split2reco/utt2reco ]
}
@test "split_data: --per-reco without segments: every utterance is a recording" {
  good_dir x
  "$UTILS/split_data.sh" --per-reco x 3
  is x/split3reco/2/reco2utt 'ann-2 ann-2'
}
@test "split_data: too few speakers or recordings for the parts, and what to do; unknown options" {
  segmented_dir x
  run "$UTILS/split_data.sh" x 3
  [ "$status" = 1 ]
  [[ $output == *"x has 2 speaker(s), too few for 3 parts; ask for at most 2, or split by utterance: --per-utt" ]]
  "$UTILS/split_data.sh" --per-utt x 3 # what it says
  run "$UTILS/split_data.sh" --per-utt x 4
  [[ $output == *"x has 3 utterance(s), too few for 4 parts; ask for at most 3" ]]
  file x/segments 'ann-1 r1 0 1.5' 'ann-2 r1 0 1.5' 'bob-1 r1 1.5 3.5'
  run "$UTILS/split_data.sh" --per-reco x 2
  [[ $output == *"x has 1 recording(s), too few for 2 parts; ask for at most 1, or split by utterance: --per-utt" ]]
  run "$UTILS/split_data.sh" --per-rec x 2
  [ "$status" = 1 ]
  [[ $output == *"invalid option '--per-rec'"* ]]
  [ -z "$(find x -name '.tmp*')" ]
}
@test "split_data: nothing is done again unless a file is newer" {
  four_dir x
  "$UTILS/split_data.sh" x 2
  touch -d '1 hour ago' x/text x/wav.scp x/utt2spk x/spk2utt
  touch x/split2/mark
  "$UTILS/split_data.sh" x 2
  [ -e x/split2/mark ]
  touch -d '1 hour' x/text
  "$UTILS/split_data.sh" x 2
  [ ! -e x/split2/mark ]
}
@test "split_data: more parts than speakers is an error that leaves nothing behind" {
  four_dir x
  run "$UTILS/split_data.sh" x 4
  [ "$status" != 0 ]
  [[ $output == *'x has 3 speaker(s), too few for 4 parts'* ]]
  [ ! -e x/split4 ]
  [ -z "$(find x -name '.tmp*')" ]
  run "$UTILS/split_data.sh" x 0
  [ "$status" = 1 ]
}
@test "split_data: started twice at once, both succeed" {
  four_dir x
  "$UTILS/split_data.sh" x 3 &
  "$UTILS/split_data.sh" x 3
  wait $!
  cat x/split3/{1,2,3}/text | cmp - x/text
}

# --- subset_data_dir_tr_cv.sh ---
@test "tr_cv: the last P% of the utterances, the border at a change of speaker" {
  four_dir x
  run "$UTILS/subset_data_dir_tr_cv.sh" --cv-utt-percent 40 x tr cv
  [ "$status" = 0 ]
  # 9 - 3 = 6 wanted; a (4) fits, b (3) does not
  [ "$(ids tr/utt2spk)" = 'a-1 a-2 a-3 a-4' ]
  [ "$(ids cv/utt2spk)" = 'b-1 b-2 b-3 c-1 c-2' ]
}
@test "tr_cv: P% of the speakers at random" {
  four_dir x
  run "$UTILS/subset_data_dir_tr_cv.sh" --cv-spk-percent 34 x tr cv
  [ "$status" = 0 ]
  perl -e 'srand 777; print rand() . "", "\n" for 1..3' | paste - <(cut -d' ' -f1 x/spk2utt) | sort -s -k1,1 | cut -f2 | head -1 >held
  [ "$(ids cv/spk2utt)" = "$(cat held)" ]
  cat tr/utt2spk cv/utt2spk | sort | cmp - x/utt2spk
}
@test "tr_cv: a share that leaves a set empty is refused" {
  four_dir x
  run "$UTILS/subset_data_dir_tr_cv.sh" --cv-spk-percent 10 x tr cv
  [ "$status" = 1 ]
  [[ $output == *empty* ]]
}

@test "subset: --speakers and --per-spk give all there is, where more is wanted" {
  good_dir data
  "$UTILS/subset_data_dir.sh" --speakers data 99 some
  "$UTILS/subset_data_dir.sh" --per-spk data 99 each
  cmp data/utt2spk some/utt2spk
  cmp data/text each/text
  run -1 "$UTILS/subset_data_dir.sh" --first data 99 none
  [[ $output == *"more utterances than you originally had"* ]]
}

@test "combine: the frame shift of features is kept, and two that differ are refused" {
  good_dir one
  file one/frame_shift 0.01
  file one/feats.scp 'ann-1 f:1' 'ann-2 f:2' 'bob-1 f:3'
  file two/utt2spk 'eve-1 eve'
  file two/text 'eve-1 four'
  file two/wav.scp 'eve-1 e.wav'
  "$UTILS/combine_data.sh" both one two
  is both/frame_shift 0.01
  file two/frame_shift 0.02
  "$UTILS/combine_data.sh" both one two
  is both/frame_shift 0.01 # there are no features of the other
  file two/feats.scp 'eve-1 f:4'
  run -1 "$UTILS/combine_data.sh" other one two
  [[ $output == *"one/frame_shift and two/frame_shift differ"* ]]
  [ ! -e other ]
}
