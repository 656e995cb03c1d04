#!/usr/bin/env bats
# What holds for every tool.
load helper

@test "every tool explains itself with --help, status 0" {
  for tool in "$UTILS"/*.pl "$UTILS"/*.sh "$UTILS"/data/*.{sh,py} "$UTILS"/{concat-feats,sph2pipe,wav-copy,wav-to-duration}; do
    [ "$(basename "$tool")" != parse_options.sh ] && [ "$(basename "$tool")" != recipe_options.sh ] || continue
    run "$tool" --help
    [ "$status" = 0 ] || { echo "$tool: $output"; false; }
    [[ $output == *[Uu]sage:* ]] || { echo "$tool: $output"; false; }
  done
}
@test "every tool without arguments fails and prints its usage" {
  for tool in "$UTILS"/*.sh "$UTILS"/data/*.sh \
    "$UTILS"/{run,slurm,queue,retry,split_scp,apply_map,sym2int,int2sym,filter_scp,convert_ctm,validate_text,ln,create_split_dir}.pl; do
    case ${tool##*/} in
      parse_options.sh | recipe_options.sh | best_wer.sh) continue ;; # sourced; a filter
    esac
    run "$tool" </dev/null
    [ "$status" != 0 ] || { echo "$tool: $output"; false; }
    [[ $output == *[Uu]sage* ]] || { echo "$tool: $output"; false; }
  done
}
@test "shellcheck finds nothing" {
  shellcheck "$UTILS"/*.sh "$UTILS"/{sph2pipe,wav-to-duration} "$UTILS"/data/*.sh "$UTILS"/internal/*.sh "$BATS_TEST_DIRNAME"/*.bats \
    "$BATS_TEST_DIRNAME"/*.{sh,bash} "$BATS_TEST_DIRNAME"/../slurm/*.sh
}
@test "Perl has nothing to warn of, and no module beyond perl-base" {
  for tool in "$UTILS"/*.pl "$UTILS"/internal/*.p[lm]; do
    run perl -I "$UTILS/internal" -wc "$tool"
    [ "$status" = 0 ] || { echo "$output"; false; }
    [[ $output == *'syntax OK' && $output != *Warning* && $(wc -l <<<"$output") = 1 ]] || { echo "$tool: $output"; false; }
  done
  run grep -hoE '^use [A-Z][A-Za-z:]*' "$UTILS"/*.pl "$UTILS"/internal/*.p[lm]
  run grep -vxE 'use (Cwd|Exporter|File::Basename|File::Temp|List::Util|POSIX|Fields|DataDir|AudioLength|FeatureRange|Quoting|Runner|Segments)' <<<"$output"
  [ "$output" = '' ]
}
@test "the tools work when called through a link, from anywhere" {
  mkdir -p recipe
  ln -s "$UTILS" recipe/utils
  good_dir recipe/data
  cd recipe
  utils/data/validate_data_dir.sh --no-feats data
  PATH=$PWD/utils:$PATH
  cd /
  validate_data_dir.sh --no-feats "$BATS_TEST_TMPDIR/recipe/data"
}
@test "folders and ids with characters of every script, and blanks in folder names" {
  good_dir 'мои данные'
  "$UTILS/validate_data_dir.sh" --no-feats 'мои данные'
  "$UTILS/fix_data_dir.sh" 'мои данные'
  "$UTILS/copy_data_dir.sh" --utt-prefix é- --spk-prefix é- 'мои данные' 'a copy'
  "$UTILS/subset_data_dir.sh" --first 'a copy' 2 'a part'
  "$UTILS/combine_data.sh" 'all of it' 'мои данные' 'a copy'
  "$UTILS/split_data.sh" 'all of it' 2
  is 'a part/utt2spk' 'é-ann-1 é-ann' 'é-ann-2 é-ann'
}
