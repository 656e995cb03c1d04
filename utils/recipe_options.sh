# shellcheck shell=bash
# Sourced by a recipe's run.sh below the lines `name=default # explanation`: takes the options of those names
# (--name value, or with - for _) from the command line and leaves all others, which are asr.sh's, in "$@". --help
# explains its own and goes on to asr.sh, which explains the rest. run.sh has entered its folder before.

_own=$(sed -n '/recipe_options\.sh/q; s/^\([a-z_][a-z0-9_]*\)=.* # .*/\1/p' "$(basename "${BASH_SOURCE[1]}")")
_rest=()
while [ $# -gt 0 ]; do
  if [[ $1 == --help || $1 == -h ]]; then
    echo "Options of this recipe (below: those of every recipe):"
    sed -n '/recipe_options\.sh/q
      s/^\([a-z_][a-z0-9_]*\)=\(.*[^ ]\)  *# \(.*\)/  --\1  \3  [\2]/p
      s/^\([a-z_][a-z0-9_]*\)=  *# \(.*\)/  --\1  \2/p' "$(basename "${BASH_SOURCE[1]}")"
    _rest+=("$1")
    shift
  elif _name=${1#--} _name=${_name//-/_} && [[ $1 == --* && $'\n'${_own}$'\n' == *$'\n'"${_name}"$'\n'* ]]; then
    [ $# -ge 2 ] || { echo "run.sh: error: option $1 needs a value" >&2; exit 1; }
    printf -v "${_name}" '%s' "$2"
    shift 2
  elif [[ $1 == --* && $# -ge 2 ]]; then
    _rest+=("$1" "$2") # with its value, which may look like an option
    shift 2
  else
    _rest+=("$1")
    shift
  fi
done
set -- ${_rest[@]+"${_rest[@]}"}
unset _own _rest _name
