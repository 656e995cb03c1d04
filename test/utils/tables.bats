#!/usr/bin/env bats
# The filters of lines: maps between utterances and speakers, symbol tables, lists.
load helper

@test "utt2spk_to_spk2utt.pl: speakers in order of appearance, utterances in the order read" {
  file in 'u2 b' 'u1 a' 'u3 b' '  u4	a  '
  "$UTILS/utt2spk_to_spk2utt.pl" in >out
  is out 'b u2 u3' 'a u1 u4'
  "$UTILS/utt2spk_to_spk2utt.pl" <in | cmp - out
}
@test "utt2spk_to_spk2utt.pl: a line with one or three fields is named" {
  file in 'u1 a' 'u2'
  run "$UTILS/utt2spk_to_spk2utt.pl" in
  [ "$status" != 0 ]
  [[ $output == *'in:2'* ]]
  file in 'u1 a' 'u2 b c'
  run "$UTILS/utt2spk_to_spk2utt.pl" in
  [ "$status" != 0 ]
  [[ $output == *'in:2'* ]]
}
@test "spk2utt_to_utt2spk.pl is the inverse for grouped utterances" {
  file in 'a u1 u2' 'é ü3'
  "$UTILS/spk2utt_to_utt2spk.pl" in >out
  is out 'u1 a' 'u2 a' 'ü3 é'
  "$UTILS/utt2spk_to_spk2utt.pl" out | cmp - in
}
@test "spk2utt_to_utt2spk.pl: a speaker without utterances is named" {
  file in 'a u1' 'b'
  run "$UTILS/spk2utt_to_utt2spk.pl" in
  [ "$status" != 0 ]
  [[ $output == *'in:2'* ]]
}

@test "filter_scp.pl keeps the listed lines, byte for byte" {
  file ids 'b anything' 'd'
  printf 'a 1\nb  2\t3 \n b 4\nc\nd\r\n' >in
  "$UTILS/filter_scp.pl" ids in >out
  printf 'b  2\t3 \n b 4\nd\r\n' | cmp - out
}
@test "filter_scp.pl --exclude, -f and standard input, in any order" {
  file ids b
  file in 'a b' 'b a' 'c b'
  "$UTILS/filter_scp.pl" --exclude ids <in >out
  is out 'a b' 'c b'
  "$UTILS/filter_scp.pl" -f 2 ids in >out
  is out 'a b' 'c b'
  "$UTILS/filter_scp.pl" -f 2 --exclude ids in >out
  is out 'b a'
}
@test "filter_scp.pl agrees with awk on random tables" {
  perl -e 'srand 7; print int(rand 50), " x", int(rand 9), "\n" for 1..300' >in
  perl -e 'srand 8; print int(rand 50), "\n" for 1..20' >ids
  "$UTILS/filter_scp.pl" ids in >out
  awk 'NR == FNR {keep[$1]; next} $1 in keep' ids in | cmp - out
}
@test "filter_scp.pl: an empty line in the list or the table is an error that names it" {
  file ids a '' b
  file in 'a 1'
  run "$UTILS/filter_scp.pl" ids in
  [ "$status" != 0 ]
  [[ $output == *'ids:2'* ]]
  run "$UTILS/filter_scp.pl" in ids
  [ "$status" != 0 ]
  [[ $output == *'ids:2'* ]]
}
@test "filter_scp.pl: a missing list is an error" {
  file in 'a 1'
  run "$UTILS/filter_scp.pl" nothing in
  [ "$status" != 0 ]
  [[ $output == *nothing* ]]
}
@test "filter_scps.pl gives what filter_scp.pl gives for each list" {
  file f.1 a c
  file f.2 b
  file in 'a 1' 'b 2' 'c 3' 'd 4'
  run "$UTILS/filter_scps.pl" JOB=1:2 f.JOB in o.JOB
  [ "$status" = 0 ]
  [[ $output == *'1 lines of in were not written'* ]]
  is o.1 'a 1' 'c 3'
  is o.2 'b 2'
}

@test "apply_map.pl maps words to words and joins them by one space" {
  file map 'A a1 a2' 'B b' 'C'
  printf 'A  B\tA\nB C B\n' | "$UTILS/apply_map.pl" map >out
  is out 'a1 a2 b a1 a2' 'b  b'
}
@test "apply_map.pl -f maps only a range of fields" {
  file map 'x 1'
  for range in 2 2-3 3- -2 5; do
    echo 'x x x x' | "$UTILS/apply_map.pl" -f $range map
  done >out
  is out 'x 1 x x' 'x 1 1 x' 'x x 1 1' '1 1 x x' 'x x x x'
}
@test "apply_map.pl, sym2int.pl and int2sym.pl read their map from standard input for -" {
  file symtab 'a 1' 'b 2'
  file in '2 1'
  # shellcheck disable=SC2016  # expanded by that bash
  run bash -c '"$UTILS/int2sym.pl" - in <symtab'
  [ "$output" = 'b a ' ]
  file words 'b a'
  # shellcheck disable=SC2016  # expanded by that bash
  run bash -c '"$UTILS/sym2int.pl" - words <symtab'
  [ "$output" = '2 1' ]
  run "$UTILS/apply_map.pl" - </dev/null
  [ "$status" = 0 ]
}
@test "apply_map.pl stops at an unknown word, or warns with --permissive" {
  file map 'A a'
  run "$UTILS/apply_map.pl" map <<<'A Z'
  [ "$status" != 0 ]
  [[ $output == *'undefined key Z'* ]]
  run "$UTILS/apply_map.pl" --permissive map <<<'A Z'
  [ "$status" = 0 ]
  [[ $output == *'missing key Z'* && $output == *'a Z'* ]]
}

@test "sym2int.pl and int2sym.pl" {
  file table '<eps> 0' 'hello 1' 'wörld 2'
  echo 'utt hello wörld' | "$UTILS/sym2int.pl" -f 2- table >out
  is out 'utt 1 2'
  "$UTILS/int2sym.pl" -f 2- table out >back
  is back 'utt hello wörld '
}
@test "sym2int.pl: an unknown symbol is an error, or the OOV symbol with a warning" {
  file table '<unk> 9' 'a 1'
  run "$UTILS/sym2int.pl" table <<<'a z'
  [ "$status" != 0 ]
  [[ $output == *'undefined symbol z (in position 2'* ]]
  for oov in '<unk>' 9; do
    echo 'a z' | "$UTILS/sym2int.pl" --map-oov "$oov" table >out 2>err
    is out '1 9'
    grep -q 'replacing z with 9' err
  done
  run "$UTILS/sym2int.pl" --map-oov nope table <<<'a'
  [ "$status" != 0 ]
}
@test "sym2int.pl warns of OOVs twenty times at most" {
  file table 'a 1'
  yes z | head -100 | "$UTILS/sym2int.pl" --map-oov 1 table 2>err >/dev/null
  [ "$(grep -c replacing err)" = 20 ]
}
@test "int2sym.pl: a word or an unknown integer is an error" {
  file table 'a 1'
  run "$UTILS/int2sym.pl" table <<<'1 x'
  [ "$status" != 0 ]
  [[ $output == *'noninteger token x'* ]]
  run "$UTILS/int2sym.pl" table <<<'1 7'
  [ "$status" != 0 ]
  [[ $output == *'integer 7 not in symbol table'* ]]
}

@test "shuffle_list.pl orders lines by one draw each, compared as text" {
  seq 50 >in
  "$UTILS/shuffle_list.pl" --srand 5 in >out
  # The draws, in a process of their own; LC_ALL=C sort is the oracle for the order.
  perl -e 'srand 5; print rand() . "", "\n" for 1..50' | paste - in | sort -s -k1,1 | cut -f2 | cmp - out
  sort -n out | cmp - in
}
@test "shuffle_list.pl: seed 0 unless told, the same order each time" {
  seq 30 >in
  "$UTILS/shuffle_list.pl" <in >one
  "$UTILS/shuffle_list.pl" --srand 0 in | cmp - one
  run ! cmp -s in one
  run "$UTILS/shuffle_list.pl" --srand x in
  [ "$status" != 0 ]
}

@test "subset_scp.pl takes the first, the last, or lines from all over" {
  seq 10 >in
  "$UTILS/subset_scp.pl" --first 3 in | cmp - <(head -3 in)
  "$UTILS/subset_scp.pl" --last 3 in | cmp - <(tail -3 in)
  # 10 lines, 4 wanted: 5|5 with 2|2; 2|3 with 1|1: 1|1 with 0|1 -> 2; 1|2 with 0|1, then 1|1 with 0|1 -> 5; the same above.
  "$UTILS/subset_scp.pl" 4 in >out
  is out 2 5 7 10
}
@test "subset_scp.pl: too many is an error, or all of them with --quiet" {
  seq 3 >in
  run "$UTILS/subset_scp.pl" 4 in
  [ "$status" != 0 ]
  "$UTILS/subset_scp.pl" --quiet 4 in | cmp - in
}

@test "make_absolute.sh follows links" {
  mkdir -p a/b
  ln -s a/b link
  run "$UTILS/make_absolute.sh" link
  [ "$output" = "$(pwd -P)/a/b" ]
  run "$UTILS/make_absolute.sh" link/../new
  [ "$output" = "$(pwd -P)/a/new" ]
  run "$UTILS/make_absolute.sh" no/such/folder
  [ "$status" != 0 ]
}
