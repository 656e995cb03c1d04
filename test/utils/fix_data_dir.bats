#!/usr/bin/env bats
load helper

fix() { run "$UTILS/fix_data_dir.sh" "$@"; }

# ids_in_all FILE...: the first fields that every file has, sorted. The oracle for which utterances stay.
ids_in_all() {
  local count=$# path
  for path in "$@"; do awk '{print $1}' "$path" | sort -u; done | sort | uniq -c | awk -v n="$count" '$1 == n {print $2}'
}

@test "a good directory stays as it is, spk2utt included" {
  good_dir d
  snapshot d >before
  fix d
  [ "$status" = 0 ]
  [[ $output == *'kept all 3 utterances'* ]]
  snapshot d | cmp - before
}
@test "unsorted files are sorted as bytes, whatever the caller's locale" {
  file d/utt2spk 'b1 b' 'é1 é' 'B1 B' 'a1 a'
  file d/text 'é1 x' 'a1 y' 'B1 z' 'b1 w'
  LC_ALL=C.UTF-8 LANG=en_US.UTF-8 fix d
  [ "$status" = 0 ]
  [[ $output == *'d/text is not in sorted order or not unique, sorting it'* ]]
  is d/text 'B1 z' 'a1 y' 'b1 w' 'é1 x'
  is d/utt2spk 'B1 B' 'a1 a' 'b1 b' 'é1 é'
  is d/spk2utt 'B B1' 'a a1' 'b b1' 'é é1'
}
@test "of lines with one id the first is kept, and the others stay in .backup" {
  good_dir d
  file d/text 'bob-1 three' 'ann-1 one' 'ann-1 again' 'ann-2 x' 'ann-1 once more'
  fix d
  is d/text 'ann-1 one' 'ann-2 x' 'bob-1 three'
  grep -q '^ann-1 again$' d/.backup/text
  [[ $output == *'dropped 2 lines of d/text'* ]]
}
@test "an utterance that one file lacks goes from all" {
  good_dir d
  file d/text 'ann-1 one' 'bob-1 three' 'zoe-1 nobody'
  file d/utt2lang 'ann-1 en' 'ann-2 de' 'bob-1 en'
  fix d
  [[ $output == *'kept 2 utterances out of 3'* ]]
  is d/utt2spk 'ann-1 ann' 'bob-1 bob'
  is d/spk2utt 'ann ann-1' 'bob bob-1'
  is d/text 'ann-1 one' 'bob-1 three'
  is d/wav.scp 'ann-1 a/1.wav' 'bob-1 b/1.wav'
  is d/utt2lang 'ann-1 en' 'bob-1 en'
}
@test "a speaker left without utterances goes, also from spk2gender and cmvn.scp" {
  good_dir d
  file d/text 'ann-1 one' 'ann-2 two'
  file d/spk2gender 'ann f' 'bob m'
  file d/cmvn.scp 'ann x:1' 'bob x:2'
  fix d
  is d/spk2utt 'ann ann-1 ann-2'
  is d/spk2gender 'ann f'
  is d/cmvn.scp 'ann x:1'
}
@test "a speaker that spk2gender lacks goes with the utterances" {
  good_dir d
  file d/spk2gender 'bob m'
  fix d
  is d/utt2spk 'bob-1 bob'
  is d/text 'bob-1 three'
}
@test "segments and wav.scp keep each other's recordings" {
  segmented_dir d
  file d/wav.scp 'rec-c c.wav' 'rec-a a.wav'
  file d/reco2file_and_channel 'rec-a a A' 'rec-b b A'
  file d/reco2dur 'rec-a 3' 'rec-b 2'
  fix d
  is d/segments 'ann-1 rec-a 0.00 1.50' 'ann-2 rec-a 1.50 3.00'
  is d/wav.scp 'rec-a a.wav'
  is d/reco2file_and_channel 'rec-a a A'
  is d/reco2dur 'rec-a 3'
  is d/utt2spk 'ann-1 ann' 'ann-2 ann'
}
@test "segments are rewritten with four fields, one space apart" {
  segmented_dir d
  printf 'ann-1\trec-a  0.00 1.50 extra\nann-2 rec-a 1.50 3.00\nbob-1 rec-b 0 2\n' >d/segments
  fix d
  is d/segments 'ann-1 rec-a 0.00 1.50' 'ann-2 rec-a 1.50 3.00' 'bob-1 rec-b 0 2'
}
@test "per-utterance extras: utt2uniq, vad.scp, durations, and those named" {
  good_dir d
  file d/text 'ann-1 one' 'bob-1 three'
  for x in utt2uniq vad.scp utt2dur utt2num_frames utt2num_samples phones other; do file d/$x 'ann-1 1' 'ann-2 2' 'bob-1 3'; done
  fix --utt-extra-files 'other absent' d
  for x in utt2uniq vad.scp utt2dur utt2num_frames utt2num_samples phones other; do is d/$x 'ann-1 1' 'bob-1 3'; done
}
@test "--spk-extra-files are filtered by speaker" {
  good_dir d
  file d/text 'bob-1 three'
  file d/spk2age 'ann 3' 'bob 4'
  fix --spk-extra-files spk2age d
  is d/spk2age 'bob 4'
}
@test "a duration of zero, or none, drops the utterance" {
  good_dir d
  file d/utt2dur 'ann-1 1.5' 'ann-2 0' 'bob-1 2'
  fix d
  is d/utt2spk 'ann-1 ann' 'bob-1 bob'
}
@test "a last line without newline gets one, and nothing is joined" {
  good_dir d
  printf 'ann-1 one\nann-2 two\nbob-1 three' >d/text
  fix d
  is d/text 'ann-1 one' 'ann-2 two' 'bob-1 three'
}
@test "the originals are in .backup, and stay there when a second run has nothing to do" {
  good_dir d
  file d/text 'bob-1 three' 'ann-1 one'
  cp -r d before
  fix d
  for x in utt2spk spk2utt text wav.scp; do cmp d/.backup/$x before/$x; done
  fix d
  for x in utt2spk spk2utt text wav.scp; do cmp d/.backup/$x before/$x; done
}
@test "speakers that are no prefixes: named with the remedy, and nothing is changed" {
  file d/utt2spk 'a-1 zoe' 'b-1 ann' 'c-1 zoe'
  file d/text 'c-1 x' 'a-1 y' 'b-1 z'
  snapshot d >before
  fix d
  [ "$status" = 1 ]
  [[ $output == *'fix this by making speaker-ids prefixes of utt-ids'* ]]
  snapshot d | cmp - before
}
@test "no utterance left: an error, and nothing is changed" {
  good_dir d
  file d/text 'x 1'
  snapshot d >before
  fix d
  [ "$status" = 1 ]
  [[ $output == *'no utterances remained'* ]]
  snapshot d | cmp - before
}
@test "segments without wav.scp, a missing utt2spk and a missing folder are errors" {
  segmented_dir d
  rm d/wav.scp
  fix d
  [ "$status" = 1 ]
  [[ $output == *'d/segments exists but not d/wav.scp'* ]]
  mkdir e
  fix e
  [ "$status" = 1 ]
  [[ $output == *'no such file e/utt2spk'* ]]
  fix nowhere
  [ "$status" = 1 ]
  [ ! -e nowhere ]
}
@test "damage is named with file, line and remedy: CRLF, BOM, bytes that are no UTF-8" {
  good_dir d
  printf '\xef\xbb\xbfann-1 one\nann-2 tw\xf6\nbob-1 three\r\n' >d/text
  fix d
  [ "$status" = 0 ]
  [[ $output == *"d/text:1: begins with a byte-order mark"*sed* ]]
  [[ $output == *"d/text:2: the line of 'ann-2' is not valid UTF-8"*iconv* ]]
  [[ $output == *"d/text:3: the line of 'bob-1' has a carriage return"*sed* ]]
  printf '\xef\xbb\xbfann-1 one\nann-2 tw\xf6\nbob-1 three\r\n' | cmp - d/.backup/text
  printf 'ann-2 tw\xf6\nbob-1 three\r\n' | cmp - d/text
}
@test "a blank line, a line of utt2spk without a speaker: named, and nothing is changed" {
  good_dir d
  file d/text 'bob-1 x' '' 'ann-1 y'
  snapshot d >before
  fix d
  [ "$status" = 1 ]
  [[ $output == *'d/text:2: blank line'* ]]
  snapshot d | cmp - before
  good_dir d
  file d/utt2spk 'ann-1 ann' 'ann-2'
  fix d
  [ "$status" = 1 ]
  [[ $output == *'d/utt2spk:2'* ]]
}
@test "no temporary file is left, and the mode of a file is kept" {
  good_dir d
  file d/text 'bob-1 x' 'ann-1 y' 'ann-2 z'
  chmod 640 d/text
  fix d
  [ "$(stat -c %a d/text)" = 640 ]
  [ -z "$(find d -name '*tmp*')" ]
}
@test "ragged random directories: what stays is what sort, uniq and join say" {
  for seed in 1 2 3 4 5 6; do
    rm -rf d
    mkdir d
    perl -e '
      srand shift;
      for my $name (qw(utt2spk text wav.scp utt2lang feats.scp)) {
        open my $out, ">", "d/$name";
        my @lines;
        for my $spk ("a", "b", "é", "É") { for my $n (1 .. 9) {
          next if rand() < 0.15;
          push @lines, "$spk-$n " . ($name eq "utt2spk" ? $spk : "$name value $n") . "\n" for 1 .. 1 + (rand() < 0.2);
        } }
        print {$out} sort { rand() <=> 0.5 } @lines;
      }' "$seed"
    ids_in_all d/utt2spk d/text d/wav.scp d/utt2lang d/feats.scp >ids
    mkdir -p expected
    for name in utt2spk text wav.scp utt2lang feats.scp; do
      sort -s -k1,1 -u d/$name | join ids - >expected/$name
    done
    fix d
    [ "$status" = 0 ]
    for name in utt2spk text wav.scp utt2lang feats.scp; do cmp expected/$name d/$name; done
    awk '{u[$2] = u[$2] " " $1} END {for (s in u) print s u[s]}' expected/utt2spk | sort | cmp - d/spk2utt
  done
}
@test "what is dropped is named with the file that lacks it; a line without a path is a warning" {
  good_dir d
  sed -i 1d d/text
  file d/wav.scp 'ann-1 a/1.wav' 'ann-2' 'bob-1 b/1.wav'
  run "$UTILS/fix_data_dir.sh" d
  [ "$status" = 0 ]
  [[ $output == *"d/text has no line for 'ann-1'"* ]]
  [[ $output == *"d/wav.scp:2: 'ann-2' has no path"* ]]
  is d/wav.scp 'ann-2' 'bob-1 b/1.wav'
  mkdir e
  for i in 1 2 3 4 5 6; do
    echo "a-$i a" >>e/utt2spk
    echo "a-$i 1" >>e/utt2dur
  done
  sed -i 2,6d e/utt2dur
  run "$UTILS/fix_data_dir.sh" e
  [[ $output == *"e/utt2dur has no line for 'a-2', 'a-3', 'a-4' and 2 more"* ]]
}
