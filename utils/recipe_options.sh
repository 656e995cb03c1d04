# shellcheck shell=bash
# Sourced by a recipe's run.sh, in its folder: takes the recipe's options (--name value, or with - for _) from the
# command line, sets a variable for each, and leaves all others, which are asr.sh's, in "$@". The recipe's options are
# - those that local/data.sh declares above its line `# [end of the options of run.sh]`; ${local_data_opts} holds those of
#   them that are given, in quotes where asr.sh's --local_data_opts needs them; without an empty value, which means the
#   default,
# - those that run.sh itself declares above the line that sources this file.
# A declaration is a line `name=default # explanation`. --help explains these options; asr.sh then explains the rest.

_declarations() {
  sed -n '/^# \[end of the options of run.sh\]/q; /recipe_options\.sh/q; /^[a-z_][a-z0-9_]*=.* # /p' "$1"
}
# _quoted VALUE: the value as one word of a list of options.
_quoted() {
  if [[ $1 =~ ^[][{}A-Za-z0-9_./:,%+@=-]+$ ]]; then echo "$1"; else echo "'${1//\'/\'\\\'\'}'"; fi
}
_run_declares=$(_declarations "$(basename "${BASH_SOURCE[1]}")")
_data_declares=
if grep -qs '^# \[end of the options of run.sh\]' local/data.sh; then _data_declares=$(_declarations local/data.sh); fi
eval "$_data_declares"
local_data_opts=

_rest=()
while [ $# -gt 0 ]; do
  _name=${1#--}
  _name=${_name//-/_}
  if [[ $1 == --help || $1 == -h ]]; then
    echo "Options of this recipe (below: those of every recipe):"
    "$(dirname "${BASH_SOURCE[0]}")/internal/show_options.sh" <<<"$_data_declares"$'\n'"$_run_declares"
    _rest+=("$1")
    shift
  elif [[ $1 == --* && $'\n'$_data_declares$'\n'$_run_declares == *$'\n'"$_name="* ]]; then
    [ $# -ge 2 ] || { echo "run.sh: error: option $1 needs a value" >&2; exit 1; }
    if [[ $'\n'$_data_declares != *$'\n'"$_name="* ]]; then
      printf -v "$_name" '%s' "$2"
    elif [ -n "$2" ]; then
      printf -v "$_name" '%s' "$2"
      local_data_opts+=" --$_name $(_quoted "$2")"
    fi
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
# For asr.sh, which names the option that a misspelled one may mean.
RECIPE_OPTION_NAMES=$(printf '%s\n' "$_data_declares" "$_run_declares" | sed 's/=.*//' | tr '\n' ' ')
export RECIPE_OPTION_NAMES
unset -f _declarations _quoted
unset _run_declares _data_declares _rest _name
