#!/usr/bin/env bats
load helper

@test "parts are of nearly equal size, the first ones larger, and together they are the input" {
  seq 11 >in
  "$UTILS/split_scp.pl" in p1 p2 p3 p4
  is p1 1 2 3
  is p2 4 5 6
  is p3 7 8 9
  is p4 10 11
}
@test "-j counts from 0, with --one-based from 1" {
  seq 11 >in
  "$UTILS/split_scp.pl" -j 4 3 in out
  is out 10 11
  "$UTILS/split_scp.pl" -j 4 1 --one-based in | cmp - <(seq 3)
  "$UTILS/split_scp.pl" --one-based -j 4 4 in | cmp - <(seq 10 11)
  for bad in '4 4' '4 -1' '4 0 --one-based' '4 5 --one-based' '-1 0'; do
    # shellcheck disable=SC2086
    run "$UTILS/split_scp.pl" -j $bad in out
    [ "$status" != 0 ]
  done
}
@test "--utt2spk keeps speakers whole" {
  file u2s 'a1 a' 'a2 a' 'a3 a' 'b1 b' 'c1 c' 'd1 d'
  sed 's/ .*/ path/' u2s >in
  "$UTILS/split_scp.pl" --utt2spk=u2s in p1 p2
  is p1 'a1 path' 'a2 path' 'a3 path'
  is p2 'b1 path' 'c1 path' 'd1 path'
}
@test "--utt2spk: speakers at a border move while that balances the sizes" {
  # Speakers of 1, 1, 6, 2 lines: two each gives 2 | 8; the third moving left would give 8 | 2: no closer, so it stays.
  perl -e '@n = (1, 1, 6, 2); for $s (0..3) { print "s$s-$_ s$s\n" for 1..$n[$s] }' >u2s
  "$UTILS/split_scp.pl" --utt2spk=u2s u2s p1 p2
  [ "$(wc -l <p1)" = 2 ]
  [ "$(wc -l <p2)" = 8 ]
  # 1, 1, 2, 2, 2: three | two gives 4 | 4.
  perl -e '@n = (1, 1, 2, 2, 2); for $s (0..4) { print "s$s-$_ s$s\n" for 1..$n[$s] }' >u2s
  "$UTILS/split_scp.pl" --utt2spk=u2s u2s p1 p2
  [ "$(wc -l <p1)" = 4 ]
  [ "$(wc -l <p2)" = 4 ]
  # 5, 1, 1, 1: two | two gives 6 | 2; the second moving right gives 5 | 3.
  perl -e '@n = (5, 1, 1, 1); for $s (0..3) { print "s$s-$_ s$s\n" for 1..$n[$s] }' >u2s
  "$UTILS/split_scp.pl" --utt2spk=u2s u2s p1 p2
  [ "$(wc -l <p1)" = 5 ]
  [ "$(wc -l <p2)" = 3 ]
}
@test "--utt2spk: parts are contiguous, complete and locally balanced, on random sizes" {
  for seed in 1 2 3 4 5; do
    perl -e 'srand shift; for $s (10..39) { print "s$s-$_ s$s\n" for 1..1+rand 9 }' "$seed" >u2s
    "$UTILS/split_scp.pl" --utt2spk=u2s u2s p1 p2 p3 p4 p5
    cat p1 p2 p3 p4 p5 | cmp - u2s
    for f in p1 p2 p3 p4 p5; do cut -d' ' -f2 $f | uniq; done | uniq -d >twice
    [ ! -s twice ]
    # No single hand-over between neighbours may bring them closer.
    for pair in 'p1 p2' 'p2 p3' 'p3 p4' 'p4 p5'; do
      # shellcheck disable=SC2086
      set -- $pair
      n1=$(wc -l <"$1")
      n2=$(wc -l <"$2")
      last=$(grep -c " $(tail -1 "$1" | cut -d' ' -f2)$" "$1")
      first=$(grep -c " $(head -1 "$2" | cut -d' ' -f2)$" "$2")
      perl -e '($n1, $n2, $l, $f) = @ARGV; $d = abs($n2 - $n1);
        exit(abs(($n2 + $l) - ($n1 - $l)) < $d || abs(($n2 - $f) - ($n1 + $f)) < $d)' "$n1" "$n2" "$last" "$first"
    done
  done
}
@test "too many parts, an empty file and an unknown utterance are errors" {
  seq 3 >in
  run "$UTILS/split_scp.pl" in 1 2 3 4
  [ "$status" != 0 ]
  [[ $output == *'too many pieces'* ]]
  : >empty
  run "$UTILS/split_scp.pl" empty p1
  [ "$status" != 0 ]
  [[ $output == *'empty input'* ]]
  file u2s 'a x' 'b x'
  run "$UTILS/split_scp.pl" --utt2spk=u2s u2s p1 p2
  [ "$status" != 0 ]
  [[ $output == *'number of speakers 1 is less than'* ]]
  file in 'a 1' 'c 2'
  run "$UTILS/split_scp.pl" --utt2spk=u2s in p1
  [ "$status" != 0 ]
  [[ $output == *'no utterance c'*'in:2'* ]]
}
