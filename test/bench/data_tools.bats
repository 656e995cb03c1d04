#!/usr/bin/env bats
# 100,000 utterances on one core, measured in processor seconds so that a busy machine does not matter.
load ../utils/helper

setup_file() {
  export BIG=$BATS_FILE_TMPDIR/big
  mkdir "$BIG"
  perl -e '
    my %out;
    for (qw(utt2spk text wav.scp segments utt2dur utt2lang feats.scp spk2utt)) { open $out{$_}, ">", "$ENV{BIG}/$_" }
    for my $s (0 .. 999) {
      my $spk = sprintf "spk%04d", $s;
      my @utts = map { sprintf "%s-utt%04d", $spk, $_ } 0 .. 99;
      print { $out{spk2utt} } "$spk @utts\n";
      printf { $out{"wav.scp"} } "rec%04d sox /corpora/x/rec%04d.flac -t wav - |\n", $s, $s;
      for my $u (0 .. 99) {
        print { $out{utt2spk} } "$utts[$u] $spk\n";
        print { $out{text} } "$utts[$u] the quick brown fox jumps over the lazy dog caf\xc3\xa9 na\xc3\xafve again and again\n";
        printf { $out{segments} } "%s rec%04d %.2f %.2f\n", $utts[$u], $s, $u * 3, $u * 3 + 2.5;
        print { $out{utt2dur} } "$utts[$u] 2.5\n";
        print { $out{utt2lang} } "$utts[$u] en\n";
        print { $out{"feats.scp"} } "$utts[$u] fbank/feats.ark:", 1000 * $u, "\n";
      }
    }'
}

# cpu_seconds COMMAND...: what the command and its children used
cpu_seconds() {
  local TIMEFORMAT='%U %S'
  { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{print $1 + $2}'
}

@test "validate_data_dir.sh takes less than 3 s" {
  "$UTILS/validate_data_dir.sh" "$BIG"
  seconds=$(cpu_seconds "$UTILS/validate_data_dir.sh" "$BIG")
  echo "# validate: $seconds s" >&3
  awk -v s="$seconds" 'BEGIN {exit !(s < 3)}'
}
@test "fix_data_dir.sh takes less than 10 s, all files out of order" {
  cp -r "$BIG" mixed
  for file in mixed/*; do shuf --random-source=<(yes) "$file" -o "$file"; done
  seconds=$(cpu_seconds "$UTILS/fix_data_dir.sh" mixed)
  echo "# fix: $seconds s" >&3
  diff -r -x .backup "$BIG" mixed
  awk -v s="$seconds" 'BEGIN {exit !(s < 10)}'
}
