# shellcheck shell=bash
# Loaded by tests that look at what reaches `jstasr` and local/data.sh through asr.sh and a runner of jobs.

# Values as they stand in a list of options, without blanks or in quotes.
# shellcheck disable=SC2016,SC1003,SC2034  # $, \ and backquotes are meant as they stand; used by the tests
VALUES=('{text_full:[10,5]}' '{a,b}' '{1..3}' '$HOME' '${HOME}' '$(touch${IFS}ran)' '`touch${IFS}ran`' '$((1+1))' '*' '?' '[a-z]*' ';' ';touch'
    '&' '&&' '|' '||true' '>out' '<in' '2>&1' '(' ')' '(x)' '!' '#' '~' '\' 'a\b' 'back\\' "it's" 'say"hi"' "'" '"' '%d%s' '日本' 'ÄÖÜ' 'a=b=c' '-n' '--help'
    'a b' 'x  y' '$(touch ran)' '; touch ran' 'two & three' '"both" it'\''s' '{a: [1, "b"]}')

# list_of PREFIX: the values as a list of options, each behind PREFIX; those with blanks in quotes.
list_of() {
    local value list=()
    for value in "${VALUES[@]}"; do
        if [[ ${value} == *' '* ]]; then value="'${value//\'/\'\\\'\'}'"; fi
        list+=("$1${value}")
    done
    echo "${list[*]}"
}

# stand_ins: a recipe in which `jstasr` writes its words into the file words.<verb>, each ended by a zero byte; its locks
# hold nothing.
stand_ins() {
    mkdir -p stand_ins
    cat >stand_ins/jstasr <<'END'
#!/usr/bin/env python3
import os, sys
with open(os.environ["RECIPE"] + "/words." + sys.argv[1], "wb") as out:
    out.write(b"".join(os.fsencode(word) + b"\0" for word in sys.argv[1:]))
if sys.argv[1] == "lock":
    print("locked", flush=True)
    sys.stdin.read()
END
    chmod +x stand_ins/jstasr
    # shellcheck disable=SC2016  # expanded where it is sourced
    echo 'PATH=${RECIPE}/stand_ins:${PATH}' >conf/cmd.sh
    export RECIPE=${PWD}
}

# arrived FILE PREFIX: do the last words of the file hold every value behind PREFIX, in their order?
arrived() {
    local value
    for value in "${VALUES[@]}"; do printf -- '%s%s\0' "$2" "${value}"; done >want
    # shellcheck disable=SC2154
    tail -c "$(wc -c <want)" "$1" | cmp want - || { tr '\0' '\n' <"$1" | tail -n 50 && return 1; }
    [ ! -e ran ]
}
