#!/usr/bin/env bats
load helper

# script ARGUMENT...: a script with options of each kind, printing what it was given
script() {
  cat >s.sh <<'END'
#!/usr/bin/env bash
set -euo pipefail
nj=4
foo_bar=
skip=false
cmd=run.pl
help_message="Usage: s.sh [--nj n]
50% of it"
. "$UTILS/parse_options.sh"
echo "nj=$nj foo_bar=$foo_bar skip=$skip cmd=$cmd rest=$*"
END
  run bash s.sh "$@"
}

@test "an option sets its variable, dashes becoming underscores" {
  script --foo-bar 'a b' --nj 8 x y
  [ "$status" = 0 ]
  [ "$output" = 'nj=8 foo_bar=a b skip=false cmd=run.pl rest=x y' ]
}
@test "underscores in the name are taken too" {
  script --foo_bar v
  [ "$output" = 'nj=4 foo_bar=v skip=false cmd=run.pl rest=' ]
}
@test "a value is taken as it is, whatever characters it has" {
  # shellcheck disable=SC2016
  script --foo-bar '"$HOME" `ls` \n *'
  # shellcheck disable=SC2016
  [ "$output" = 'nj=4 foo_bar="$HOME" `ls` \n * skip=false cmd=run.pl rest=' ]
}
@test "an empty value clears a variable" {
  script --nj '' x
  [ "$output" = 'nj= foo_bar= skip=false cmd=run.pl rest=x' ]
}
@test "options after the first argument are arguments" {
  script x --nj 9
  [ "$output" = 'nj=4 foo_bar= skip=false cmd=run.pl rest=x --nj 9' ]
}
@test "an unknown option is refused" {
  script --no-such 1
  [ "$status" = 1 ]
  [[ $output == *'invalid option --no-such'* ]]
}
@test "--name=value is refused" {
  script --nj=3
  [ "$status" = 1 ]
  [[ $output == *"must be of the form --name value, got '--nj=3'"* ]]
}
@test "a name that is no variable name is refused, not run" {
  # shellcheck disable=SC2016
  script '--a;touch$IFS.pwned' 1
  [ "$status" = 1 ]
  [ ! -e .pwned ]
}
@test "a boolean takes only true and false" {
  script --skip yes
  [ "$status" = 1 ]
  [[ $output == *'expected "true" or "false": --skip yes'* ]]
  script --skip true
  [ "$output" = 'nj=4 foo_bar= skip=true cmd=run.pl rest=' ]
}
@test "an option without its value is refused" {
  script --nj
  [ "$status" = 1 ]
  [[ $output == *'--nj needs a value'* ]]
}
@test "an empty --cmd is refused" {
  script --cmd ''
  [ "$status" = 1 ]
  [[ $output == *'empty argument to --cmd'* ]]
}
@test "--config is read first, wherever it stands, and other options override it" {
  file c.conf 'nj=20' 'foo_bar=from-file'
  script --nj 7 --config c.conf x
  [ "$output" = 'nj=7 foo_bar=from-file skip=false cmd=run.pl rest=x' ]
}
@test "a missing config file is named" {
  script --config no.conf
  [ "$status" = 1 ]
  [[ $output == *"missing config 'no.conf'"* ]]
}
@test "--help prints the help, percent signs and all, with status 0" {
  script --help
  [ "$status" = 0 ]
  [ "$output" = $'Usage: s.sh [--nj n]\n50% of it' ]
}
@test "sourcing leaves no variables of its own behind" {
  cat >s.sh <<'END'
nj=4
set | grep -c ^_opt || true
. "$UTILS/parse_options.sh"
set | grep ^_opt || true
END
  run bash s.sh --nj 3
  [ "$output" = 0 ]
}
