#!/usr/bin/env bats
# shellcheck disable=SC1003,SC2016  # names with $, \ and backquotes are meant as they stand
# Names are data: whatever characters a file's name holds, it names that file and runs nothing.
load helper

NAMES=("take 1" "take  two blanks" "take (2)" "o'clock" "r&b" 'say "no"' 'cash$HOME' 'a$(touch ran)' 'b`touch ran`' 'odd`' 'semi;touch ran'
  'a|touch ran' 'in<out' 'out>in' 'star*' 'what?' 'take[2]' '{a,b}' 'back\slash' 'back\\' '#1' '!' '~' '%d%s' "'quoted'" '"quoted"'
  '日本 語' 'ÄÖÜ' 'a=b' ';' '&' '&& touch ran' "it's \"both\" \$X" 'tab	tab' '-n' '--version' '$' '-' '*' '[2]')

# named_dir DIR: a data directory with a recording for each of NAMES, number n of n samples * 80
named_dir() {
  local number=0 id
  mkdir -p "$1" sound
  for name in "${NAMES[@]}"; do
    number=$((number + 1))
    id=$(printf 'ann-%02d' $number)
    tone "sound/$name.wav" $((number * 80)) 8000
    printf '%s %s\n' "$id" "$PWD/sound/$name.wav" >>"$1/wav.scp"
    printf '%s ann\n' "$id" >>"$1/utt2spk"
    printf '%s words\n' "$id" >>"$1/text"
  done
  "$UTILS/utt2spk_to_spk2utt.pl" "$1/utt2spk" >"$1/spk2utt"
}

# plays DIR SAMPLES_PER_NUMBER: recording n of wav.scp has n times so many samples
plays() {
  local number=0 id source
  while read -r id source; do
    number=$((number + 1))
    samples=$(PATH=$UTILS:$PATH bash -o pipefail -c "${source%|}" | sox -t wav - -t raw - 2>/dev/null | wc -c)
    [ "$((samples / 2))" = $((number * $2)) ] || { echo "$id: $samples bytes of $source"; return 1; }
  done <"$1/wav.scp"
  [ $number = ${#NAMES[@]} ]
}

@test "perturb_data_dir_speed and resample_data_dir play the file of any name" {
  named_dir d
  "$UTILS/data/perturb_data_dir_speed.sh" 0.5 d slow
  plays slow 160
  "$UTILS/copy_data_dir.sh" --utt-prefix x- --spk-prefix x- d copy
  cut -d' ' -f2- d/wav.scp | diff - <(cut -d' ' -f2- copy/wav.scp)
  "$UTILS/data/resample_data_dir.sh" 16000 copy
  plays copy 160
  [ ! -e ran ]
}
@test "perturb_data_dir_volume plays the file of any name" {
  named_dir d
  "$UTILS/data/perturb_data_dir_volume.sh" d
  plays d 80
  [ ! -e ran ]
}
@test "segments of files of any name are extracted, to folders of any name" {
  named_dir d
  "$UTILS/data/get_segments_for_data.sh" d >segments
  mv segments d/
  for name in out "o'clock" 'a$(touch ran)' 'it'"'"'s "both" $X' '日本 語' '&& touch ran'; do
    "$UTILS/data/extract_wav_segments_data_dir.sh" d "./$name"
    plays "./$name" 80
    "$UTILS/data/get_utt2dur.sh" "./$name"
    awk '{printf "%.2f\n", $2 * 100}' "./$name/utt2dur" | diff - <(seq -f %.2f "${#NAMES[@]}")
  done
  [ ! -e ran ]
}
@test "ln.pl and create_split_dir.pl link files and folders of any name" {
  mkdir sound links
  for name in "${NAMES[@]}"; do
    printf %s "$name" >"sound/$name"
    "$UTILS/ln.pl" "sound/$name" links
    [ "$(cat "links/$name")" = "$name" ]
    "$UTILS/create_split_dir.pl" "disks/$name" "pseudo/$name"
    [ -f "pseudo/$name/1/README.txt" ]
  done
  [ ! -e ran ]
}
@test "a name at the front of a command line is no switch and no pattern of sox" {
  for name in -n '|true' '[2]'; do
    tone "./$name.wav" 800 8000
    file one.scp "a $name.wav"
    "$UTILS/internal/play_through_sox.pl" sox '-t wav - speed 0.5' <one.scp >two.scp
    bash -c "$(sed 's/^a //; s/|$//' two.scp)" | sox -t wav - -t raw - | wc -c >size
    is size 3200
  done
}
@test "durations of files that only sox can read, whatever their names" {
  named_dir d
  for name in "${NAMES[@]}"; do
    sox --no-glob "sound/$name.wav" --no-glob "sound/$name.au"
  done
  sed -i 's/wav$/au/' d/wav.scp
  "$UTILS/data/get_utt2dur.sh" d
  awk '{printf "%.2f\n", $2 * 100}' d/utt2dur | diff - <(seq -f %.2f "${#NAMES[@]}")
}
@test "run.pl: the name of a file reaches the command as one word" {
  file show.sh 'for word; do printf "%s\n" "<$word>"; done'
  mkdir sound
  for name in "${NAMES[@]}"; do
    touch "sound/$name"
    "$UTILS/run.pl" log bash show.sh "sound/$name" "--in=sound/$name" \> out
    printf '<%s>\n' "sound/$name" "--in=sound/$name" | diff - out
  done
  [ ! -e ran ]
}
@test "run.pl: a name that is not there yet starts no command and is not split" {
  file show.sh 'for word; do printf "%s\n" "<$word>"; done'
  for name in "take 1" "take (2)" "o'clock" 'r&b' 'semi;touch_ran' 'a|b' 'in<out' '{a,b}' 'back\' 'two back\' 'a `' 'say "no"' \
    "it's \"both\"" '#1' ';x' 'x;' '日本 語'; do
    "$UTILS/run.pl" log bash show.sh "$name"
    grep -qxF -- "<$name>" log
  done
}
@test "run.pl: operators, redirections and quoted words are bash's as before" {
  "$UTILS/run.pl" log echo one \; echo two \>two 2\>\&1 \&\& cat \<two \| tr o '"0"' \>\>"three out"
  is 'three out' tw0
  "$UTILS/run.pl" JOB=3 log.JOB x=JOB \; echo '$x' '$((JOB+1))' "'\$x'"
  grep -qx '3 4 $x' log.3
}
@test "queue.pl and slurm.pl submit from folders of any name" {
  mkdir bin
  # Both run the script that is their last argument.
  printf '#!/usr/bin/env bash\nbash "${!#}" >/dev/null 2>&1 3>&- &\necho "Your job 42 has been submitted"\n' >bin/qsub
  printf '#!/usr/bin/env bash\nbash "${!#}" >/dev/null 2>&1 3>&- &\necho 42\n' >bin/sbatch
  chmod +x bin/*
  PATH=$PWD/bin:$PATH
  for runner in queue.pl slurm.pl; do
    for name in "take 1" "o'clock" 'r&b' 'a$(touch ran)' 'b`touch ran`' 'semi;touch ran' 'star*' '日本 語' '%d'; do
      mkdir -p "exp/$name"
      timeout 20 "$UTILS/$runner" "exp/$name/log/a.log" echo "exp/$name"
      grep -qxF "exp/$name" "exp/$name/log/a.log"
      [ -z "$(find "exp/$name/q" -name 'done.*')" ]
    done
  done
  [ ! -e ran ]
}
