#!/usr/bin/env bash
# show_options.sh <SCRIPT: explains the options that a script declares, in lines `name=default # explanation` above
# `# [end of options]` or the line that sources parse_options.sh or recipe_options.sh.
awk '/^# \[end of options\]/ || /^\. .*(parse|recipe)_options\.sh/ { exit }
     /^[a-z_][a-z0-9_]*=/ && match($0, / +# /) {
         name = substr($0, 1, index($0, "=") - 1)
         value = substr($0, length(name) + 2, RSTART - length(name) - 2)
         gsub(/^"|"$/, "", value)
         printf "  --%-22s %s%s\n", name, substr($0, RSTART + RLENGTH), value == "" ? "" : "  [" value "]"
     }'
