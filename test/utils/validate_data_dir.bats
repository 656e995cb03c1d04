#!/usr/bin/env bats
load helper

validate() { run "$UTILS/validate_data_dir.sh" --no-feats "$@"; }

# refused TEXT...: status 1, and the message holds each text
refused() {
  [ "$status" = 1 ] || { echo "status $status: $output"; return 1; }
  local text
  for text in "$@"; do
    [[ $output == *"$text"* ]] || { echo "no '$text' in: $output"; return 1; }
  done
}

@test "a good directory passes, and is not changed" {
  good_dir d
  snapshot d >before
  validate d
  [ "$status" = 0 ]
  [[ $output == *'Successfully validated data-directory d' ]]
  snapshot d | cmp - before
}
@test "a good directory with segments and every known file passes" {
  segmented_dir d
  for x in utt2lang utt2uniq vad.scp phones feats.scp; do file d/$x 'ann-1 x' 'ann-2 x' 'bob-1 x'; done
  for x in utt2dur utt2num_frames utt2num_samples; do file d/$x 'ann-1 3' 'ann-2 3' 'bob-1 3'; done
  file d/spk2gender 'ann f' 'bob m'
  file d/cmvn.scp 'ann x' 'bob x'
  file d/reco2dur 'rec-a 3' 'rec-b 2.5'
  file d/reco2file_and_channel 'rec-a a A' 'rec-b b B'
  run "$UTILS/validate_data_dir.sh" d
  [ "$status" = 0 ]
}
@test "missing files are named, with the option that allows it" {
  good_dir d
  run "$UTILS/validate_data_dir.sh" d
  refused 'no such file d/feats.scp' '--no-feats'
  rm d/text
  validate d
  refused 'no such file d/text' '--no-text'
  validate --no-text d
  [ "$status" = 0 ]
  rm d/wav.scp
  validate --no-text d
  refused 'no such file d/wav.scp' '--no-wav'
  run "$UTILS/validate_data_dir.sh" --no-wav d --no-text --no-feats
  [ "$status" = 0 ]
  rm d/spk2utt
  validate --no-text --no-wav d
  refused 'no such file d/spk2utt' 'utt2spk_to_spk2utt.pl'
  validate nowhere
  refused 'no such directory nowhere'
}
@test "an unknown option and a second directory are refused" {
  good_dir d
  validate --no-such d
  refused 'invalid option --no-such'
  validate d d
  [ "$status" = 1 ]
}
@test "unsorted and repeated ids: file, line, and the line of the first" {
  good_dir d
  file d/text 'ann-2 x' 'ann-1 y' 'bob-1 z'
  validate d
  refused "d/text:2: 'ann-1' comes after 'ann-2'" 'utils/fix_data_dir.sh d'
  file d/text 'ann-1 x' 'ann-1 y' 'ann-2 y' 'bob-1 z'
  validate d
  refused 'd/text:2' "id 'ann-1' is also on line 1"
  file d/text 'ann-1 x' 'ann-2 y' 'bob-1 z' 'ann-1 x'
  validate d
  refused 'd/text:4' 'is also on line 1'
}
@test "sorted means sorted as bytes, whatever the caller's locale" {
  file d/utt2spk 'B B' 'a a'
  file d/spk2utt 'B B' 'a a'
  file d/text 'B x' 'a y'
  file d/wav.scp 'B x' 'a y'
  LC_ALL=C.UTF-8 LANG=en_US.UTF-8 validate d
  [ "$status" = 0 ]
}
@test "speakers that are no prefixes: the line and the remedy; --no-spk-sort allows it" {
  file d/utt2spk 'a-1 zoe' 'b-1 ann'
  file d/spk2utt 'ann b-1' 'zoe a-1'
  file d/text 'a-1 x' 'b-1 y'
  file d/wav.scp 'a-1 x' 'b-1 y'
  validate d
  refused 'd/utt2spk:2' 'making speaker-ids prefixes of utt-ids'
}
@test "utt2spk with a line of one field, or not agreeing with spk2utt" {
  good_dir d
  file d/utt2spk 'ann-1 ann' 'ann-2' 'bob-1 bob'
  validate d
  refused 'd/utt2spk:2'
  good_dir d
  file d/spk2utt 'ann ann-1' 'bob bob-1'
  validate d
  refused 'spk2utt and utt2spk do not seem to match' 'utt2spk_to_spk2utt.pl'
}
@test "ids that one file has and the other has not are named" {
  good_dir d
  file d/text 'ann-1 x' 'bob-1 y' 'cat-1 z'
  validate d
  refused "d/text has no line for 'ann-2'" "d/text:3: 'cat-1' is not in utt2spk"
  good_dir d
  file d/utt2lang 'ann-1 en'
  validate d
  refused "d/utt2lang has no line for 'ann-2'"
  rm d/utt2lang
  file d/spk2gender 'ann f'
  validate d
  refused "d/spk2gender has no line for 'bob'"
}
@test "wav.scp: a line without a path, a tilde" {
  good_dir d
  file d/wav.scp 'ann-1 a.wav' 'ann-2' 'bob-1 b.wav'
  validate d
  refused 'd/wav.scp:2' 'the path is missing'
  file d/wav.scp 'ann-1 a.wav' 'ann-2 x.wav' 'bob-1 ~/b.wav'
  validate d
  refused 'd/wav.scp:3' 'do not use tilde'
}
@test "CRLF, BOM and bytes that are no UTF-8, in any file" {
  for name in utt2spk text wav.scp; do
    good_dir d
    sed -i '2s/$/\r/' d/$name
    validate d
    refused "d/$name:2" 'carriage return' "sed -i"
    good_dir d
    sed -i '1s/^/\xef\xbb\xbf/' d/$name
    validate d
    refused "d/$name:1" 'byte-order mark' "sed -i"
  done
  good_dir d
  printf 'ann-1 one\nann-2 tw\xf6\nbob-1 th\xed\xa0\x80\n' >d/text
  validate d
  refused "d/text:2: the line of 'ann-2' is not valid UTF-8" "d/text:3" iconv
}
@test "the remedies that are named do repair the file" {
  good_dir d
  cp d/text good
  sed -i '1s/^/\xef\xbb\xbf/' d/text
  validate d
  eval "${output##*remove it: }"
  cmp d/text good
  sed -i 's/$/\r/' d/text
  validate d
  eval "${output##*remove them: }"
  cmp d/text good
}
@test "characters that cannot be printed, unless --non-print" {
  good_dir d
  printf 'ann-1 one\nann-2 t\x01wo\nbob-1 three\n' >d/text
  validate d
  refused 'contains 1 lines with non-printable characters' 'd/text:2' 'U+0001' '--non-print'
  validate --non-print d
  [ "$status" = 0 ]
}
@test "characters of every script pass; white space of Unicode does not" {
  good_dir d
  file d/text 'ann-1 naïve żółć Ελλάδα русский हिन्दी 中文 한국어 العربية 😀' $'ann-2 soft\xc2\xadhyphen zero\xe2\x80\x8bwidth' 'bob-1 x'
  validate d
  [ "$status" = 0 ]
  file d/text 'ann-1 x' $'ann-2 no\xc2\xa0break' 'bob-1 x'
  validate d
  refused "d/text:2: the line of 'ann-2'" 'U+00A0'
  validate --non-print d
  refused "d/text:2" 'U+00A0'
}
@test "symbols that decoders use for themselves" {
  good_dir d
  file d/text 'ann-1 x' 'ann-2 x <s> y' 'bob-1 x'
  validate d
  refused 'd/text:2' 'illegal symbol <s>'
  file d/text 'ann-1 x#0y' 'ann-2 a<s>b' 'bob-1 x'
  validate d
  [ "$status" = 0 ]
}
@test "an utterance without words passes with a warning that names it" {
  good_dir d
  file d/text 'ann-1 x' 'ann-2' 'bob-1 '
  validate d
  [ "$status" = 0 ]
  [[ $output == *"d/text:2: 'ann-2' has no words (and 1 more)"* ]]
}
@test "a blank line and a last line without newline" {
  good_dir d
  file d/text 'ann-1 x' '' 'ann-2 y' 'bob-1 z'
  validate d
  refused 'd/text:2: blank line'
  printf 'ann-1 x\nann-2 y\nbob-1 z' >d/text
  validate d
  refused 'invalid newline'
}
@test "segments: bad fields, times in the wrong order, unknown recordings" {
  segmented_dir d
  sed -i '2s/.*/ann-2 rec-a 3.00/' d/segments
  validate d
  refused 'd/segments:2'
  segmented_dir d
  sed -i '3s/0 2/2 2/' d/segments
  validate d
  refused 'd/segments:3' 'end after start'
  segmented_dir d
  file d/wav.scp 'rec-a x'
  validate d
  refused "d/wav.scp has no line for 'rec-b'"
  rm d/wav.scp
  validate d
  refused 'segments file exists but no wav.scp'
}
@test "a segment past the end of its recording, by reco2dur or by the file's header" {
  segmented_dir d
  file d/reco2dur 'rec-a 2.1' 'rec-b 2'
  validate d
  refused "d/segments:2: 'ann-2' ends at 3.00 s, past the end of recording 'rec-a' (2.1 s)"
  rm d/reco2dur
  tone a.wav 33600
  validate d
  refused "d/segments:2: 'ann-2' ends at 3.00 s, past the end of recording 'rec-a' (2.1 s)"
  tone a.wav 44800 # 2.8 s: within the half second that readers cut off
  validate d
  [ "$status" = 0 ]
  [[ $output == *'warning: d/segments:2'* ]]
  tone a.wav 48000
  validate d
  [ "$status" = 0 ]
  [[ $output != *warning* ]]
}
@test "values that make no sense" {
  good_dir d
  file d/utt2dur 'ann-1 1' 'ann-2 0' 'bob-1 1'
  validate d
  refused 'd/utt2dur:2'
  rm d/utt2dur
  file d/utt2num_frames 'ann-1 1' 'ann-2 5' 'bob-1 1.5'
  validate d
  refused 'd/utt2num_frames:3'
  rm d/utt2num_frames
  file d/spk2gender 'ann f' 'bob male'
  validate d
  refused 'd/spk2gender:2'
}
@test "one speaker is a warning" {
  file d/utt2spk 'a-1 a'
  file d/spk2utt 'a a-1'
  file d/text 'a-1 x'
  file d/wav.scp 'a-1 x'
  validate d
  [ "$status" = 0 ]
  [[ $output == *'only one speaker'* ]]
}
