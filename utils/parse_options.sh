#!/usr/bin/env bash
# Sourced, never run: turns "--foo-bar value" of the calling script into foo_bar=value.
#
# The caller sets every option's variable to its default first; a name that has no variable is refused.
# A variable whose default is true or false takes only true or false. "--config file" is sourced before the other
# options, so that these override it. "--help" prints $help_message. Parsing stops at the first word that does not
# begin with "--" (or that is empty); what is left stays in "$@".

for ((_opt_index = 1; _opt_index < $#; _opt_index++)); do
  if [ "${!_opt_index}" = --config ]; then
    _opt_index=$((_opt_index + 1))
    config=${!_opt_index}
    if [ ! -r "$config" ]; then
      echo "$0: missing config '$config': it does not exist or cannot be read" >&2
      exit 1
    fi
    # shellcheck disable=SC1090  # the user's own file
    . "$config"
  fi
done

while [ -n "${1:-}" ]; do
  case $1 in
    --help | -h)
      if [ -n "${help_message:-}" ]; then
        printf '%b\n' "$help_message"
      else
        echo "$0: no help found." >&2
      fi
      exit 0
      ;;
    --*=*)
      echo "$0: options to scripts must be of the form --name value, got '$1'" >&2
      exit 1
      ;;
    --*)
      _opt_name=${1#--}
      _opt_name=${_opt_name//-/_}
      if [[ ! $_opt_name =~ ^[A-Za-z_][A-Za-z0-9_]*$ || -z ${!_opt_name+set} ]]; then
        # The nearest of the script's own variables, which the environment's are not.
        # shellcheck disable=SC2046  # names
        _opt_near=$("$(dirname "${BASH_SOURCE[0]}")/internal/nearest.pl" "$_opt_name" \
          $(comm -23 <(compgen -v | grep -x '[a-z][a-z0-9_]*' | sort) <(compgen -e | sort)) 2>/dev/null) || true
        echo "$0: invalid option $1${_opt_near:+: did you mean --$_opt_near?} (see $0 --help)" >&2
        exit 1
      fi
      if [ $# -lt 2 ]; then
        echo "$0: option $1 needs a value" >&2
        exit 1
      fi
      if [[ ${!_opt_name} == true || ${!_opt_name} == false ]] && [[ $2 != true && $2 != false ]]; then
        echo "$0: expected \"true\" or \"false\": $1 $2" >&2
        exit 1
      fi
      printf -v "$_opt_name" '%s' "$2"
      shift 2
      ;;
    *) break ;;
  esac
done
unset _opt_index _opt_name

# An empty runner would run the jobs' own words as commands; it is always a slip in the calling script.
if [ -n "${cmd+set}" ] && [ -z "${cmd:-}" ]; then
  echo "$0: empty argument to --cmd option" >&2
  exit 1
fi
true # the status of the sourcing command
