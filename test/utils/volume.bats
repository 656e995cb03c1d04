#!/usr/bin/env bats
# utils/data/perturb_data_dir_volume.sh
load helper

# The first three factors between 1/8 and 2 of Python's random.Random(0), which Kaldi's script draws from.
A=1.7082909716094652 B=1.546164505513067 C=0.9135717140578343

@test "volume: files, commands and places in archives; the factors of Kaldi's script" {
  file d/wav.scp 'a x/a.wav' 'b cat x/b.wav |' 'ü x/wav.ark:123'
  "$UTILS/data/perturb_data_dir_volume.sh" --write-reco2vol factors d
  is d/wav.scp "a sox --vol $A -t wav x/a.wav -t wav - |" "b cat x/b.wav | sox --vol $B -t wav - -t wav - |" \
    "ü wav-copy x/wav.ark:123 - | sox --vol $C -t wav - -t wav - |"
  is factors "a $A" "b $B" "ü $C"
}
@test "volume: --reco2vol gives the factors; others between --scale-low and --scale-high" {
  file d/wav.scp 'a a.wav' 'b b.wav'
  file factors 'b 2' 'a .25' 'c 3'
  "$UTILS/data/perturb_data_dir_volume.sh" --reco2vol factors d
  is d/wav.scp 'a sox --vol 0.25 -t wav a.wav -t wav - |' 'b sox --vol 2.0 -t wav b.wav -t wav - |'
  seq -f 'u%g x.wav' 100 >d/wav.scp
  "$UTILS/data/perturb_data_dir_volume.sh" --scale-low 0.5 --scale-high 0.75 d
  awk '$4 < 0.5 || $4 > 0.75 {exit 1} {sum += $4} END {exit !(sum > 60 && sum < 65)}' d/wav.scp
}
@test "volume: the sound gets louder by the factor, also of files with odd names" {
  mkdir s
  for name in 'two words' "it's" 'a[1]*' '-n' 'r&b' '北京'; do
    ramp "s/$name.wav" 1000
    file d/wav.scp "a s/$name.wav"
    file factors 'a 2'
    "$UTILS/data/perturb_data_dir_volume.sh" --reco2vol factors d
    bash -c "$(sed 's/^a //; s/|$//' d/wav.scp)" | sox -t wav - -t raw - | od -An -v -td2 -w2 >out
    seq 0 2 1998 | awk '{printf "%7d\n", $1}' | cmp - out
  done
}
@test "volume: a second run does nothing, to data of any size and kind" {
  for line in 'x/a.wav' 'cat x/b.wav |' 'x/wav.ark:123' 'x/many words | in a name/and blanks in the next one/a b c.wav'; do
    { seq -f 'a%03g nothing.wav' 150 | sed 's/nothing/plain/' && echo "z $line"; } >d.scp
    file d/wav.scp "z $line"
    "$UTILS/data/perturb_data_dir_volume.sh" d
    cat <(seq -f 'a%03g plain.wav' 150) d/wav.scp >mixed
    mv mixed d/wav.scp
    snapshot d >before
    run "$UTILS/data/perturb_data_dir_volume.sh" --write-reco2vol factors d
    [ "$status" = 0 ]
    [[ $output == *'already volume perturbed (d/wav.scp:151)'* ]]
    snapshot d | cmp - before
    [ ! -e factors ]
  done
}
@test "volume: noise that another program adds at a volume does not count as perturbed" {
  file d/wav.scp 'a wav-reverberate --additive-signals="sox --vol=0.1 n.wav -t wav - |" a.wav - |' \
    'b wav-reverberate --additive-signals="sox --vol 0.1 n.wav -t wav - |" a.wav - |'
  "$UTILS/data/perturb_data_dir_volume.sh" d
  grep -c "| sox --vol $A -t wav - -t wav - |$" d/wav.scp
  grep -c "| sox --vol $B -t wav - -t wav - |$" d/wav.scp
}
@test "volume: features of the old sound move to .backup" {
  file d/wav.scp 'a a.wav'
  file d/feats.scp 'a f.ark:1'
  file d/cmvn.scp 'a c.ark:1'
  run "$UTILS/data/perturb_data_dir_volume.sh" d
  [[ $output == *"d/feats.scp exists; moving it to d/.backup/"* ]]
  is d/.backup/feats.scp 'a f.ark:1'
  [ ! -e d/feats.scp ] && [ ! -e d/cmvn.scp ]
}
@test "volume: bad input is named, and nothing changes" {
  good_dir d
  file d/feats.scp 'a f.ark:1'
  snapshot d >before
  file factors 'ann-1 1' 'ann-2 2'
  run "$UTILS/data/perturb_data_dir_volume.sh" --reco2vol factors d
  [[ $status = 1 && $output == *"d/wav.scp:3: there is no volume of 'bob-1' in factors"* ]]
  for line in 'bob-1' 'bob-1 loud' 'bob-1 nan' 'bob-1 1 2'; do
    file factors 'ann-1 1' 'ann-2 2' "$line"
    run "$UTILS/data/perturb_data_dir_volume.sh" --reco2vol factors d
    [[ $status = 1 && $output == *"factors:3: expected '<recording> <factor>'"* ]]
  done
  run "$UTILS/data/perturb_data_dir_volume.sh" --scale-low quiet d
  [ "$status" = 1 ]
  run "$UTILS/data/perturb_data_dir_volume.sh" --reco2vol none d
  [ "$status" = 1 ]
  snapshot d | cmp - before
  for line in '' 'bob-1' $'bob-1 b.wav\r'; do
    file d/wav.scp 'a a.wav' "$line"
    cp d/wav.scp before
    run "$UTILS/data/perturb_data_dir_volume.sh" d
    [[ $status = 1 && $output == *wav.scp:2* ]]
    cmp d/wav.scp before
  done
}
