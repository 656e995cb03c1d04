#!/usr/bin/env bash
# Makes a recipe: setup.sh egs/<name>/asr1 [options]. With --manifest nothing is left to fill in.
set -euo pipefail

lang=          # Language of the recordings: en, pt-BR, zh-Hant, cnh; any code of BCP 47 or ISO 639; a column may name it.
manifest=      # Recordings with transcripts: whatever `jstasr import` reads (TSV, CSV, JSONL, a folder of .wav and .txt ...).
text=          # Text without speech, one sentence a line; several files with commas between, of several languages LANG=FILE.
lexicon=       # Pronunciations `word phone phone ...`, instead of espeak or letters.
pretrained=    # Pretrained speech encoder that the model stands on; see docs/guide/pretrained.md.
import_opts=   # More options of `jstasr import`, as in "--columns text=satz --ignore notes".

usage() {
    echo "Usage: setup.sh egs/<name>/asr1 [--manifest FILE --lang CODE [--text FILE] [--lexicon FILE] [--pretrained NAME] [--import_opts \"...\"]]"
    sed -n 's/^\([a-z_]*\)=  *# \(.*\)/  --\1  \2/p' "$(readlink -f "${BASH_SOURCE[0]}")"
    echo "Without --manifest the recipe's local/data.sh is left for you to fill in."
}
die() {
    echo "setup.sh: error: $1" >&2
    exit 1
}

target=
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --lang | --manifest | --text | --lexicon | --pretrained | --import_opts)
            [ $# -ge 2 ] || die "option $1 needs a value"
            printf -v "${1#--}" '%s' "$2"
            shift 2
            ;;
        --*=*) die "options are given as --name value, not $1" ;;
        -*) die "unknown option $1; see --help" ;;
        *)
            [ -z "${target}" ] || die "one folder only: ${target}, or $1?"
            target=$1
            shift
            ;;
    esac
done
[ -n "${target}" ] || { usage >&2 && exit 1; }
if [ -e "${target}" ] && [ -n "$(ls -A "${target}" 2>/dev/null)" ]; then die "${target} exists already: remove it, or choose another name"; fi
[ -n "${manifest}" ] || [ -z "${lang}${text}${lexicon}${import_opts}" ] || die "--lang, --text, --lexicon and --import_opts go with --manifest"
for file in ${manifest:+"${manifest}"} ${lexicon:+"${lexicon}"}; do [ -e "${file}" ] || die "${file}: no such file or folder"; done
IFS=, read -ra texts <<<"${text}"
for index in "${!texts[@]}"; do
    file=${texts[index]}
    of=
    if [ ! -f "${file}" ] && [[ ${file} == *=* ]]; then of=${file%%=*}= file=${file#*=}; fi
    [ -f "${file}" ] || die "${file}: no such file"
    texts[index]=${of}$(realpath "${file}")
done

template=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(cd "${template}/../../.." && pwd -P)

# say WORD...: the words as words of the shell.
say() {
    local words
    printf -v words ' %q' "$@"
    echo "${words:1}"
}
mapfile -d '' -t import_words < <("${root}/utils/internal/split_words.pl" "${import_opts}")
# Stage 1 runs in the recipe's folder: a path is that of this one.
for index in "${!import_words[@]}"; do
    case ${import_words[index]} in
        --audio-dir=* | --unpack-to=*)
            import_words[index]=${import_words[index]%%=*}=$(realpath -m "${import_words[index]#*=}")
            ;;
        --audio-dir | --unpack-to)
            if [ -n "${import_words[index + 1]:-}" ]; then
                import_words[index + 1]=$(realpath -m "${import_words[index + 1]}")
            fi
            ;;
    esac
done
import_opts=
if [ "${#import_words[@]}" -gt 0 ]; then import_opts=$(say "${import_words[@]}"); fi

utterances=0 seconds=0 letters=0 langs="" languages=()
if [ -n "${manifest}" ]; then
    # All faults of the recordings are reported now. The environment is set up first, where it is missing.
    # shellcheck source=path.sh
    . "${template}/path.sh"
    given=${lang}
    if [ -n "${lang}" ]; then lang=$(jstasr languages --canonical "${lang// /_}") || die "--lang must be a language code"; fi
    text_opts=()
    for file in "${texts[@]}"; do text_opts+=(--text "${file}"); done
    measured=$(jstasr import --measure --split ${lang:+--lang "${lang}"} "${import_words[@]}" "${text_opts[@]}" "${manifest}" none) ||
        die "recordings or text cannot be used as they are; options of jstasr import go into --import_opts \"...\""
    for pair in ${measured}; do
        case ${pair} in utterances=* | seconds=* | letters=* | langs=*) printf -v "${pair%%=*}" '%s' "${pair#*=}" ;; esac
    done
    read -ra languages <<<"${langs//,/ }"
    [ "${#languages[@]}" -gt 0 ] || die "--lang CODE is needed: no column of ${manifest} names the language"
    if [ -n "${lang}" ] && [[ " ${languages[*]} " != *" ${lang} "* ]]; then
        echo "setup.sh: ${manifest} itself names the language: ${languages[*]}, not ${lang}" >&2
    fi
    summary_langs=${languages[*]}
    if [ "${summary_langs}" = "${lang}" ]; then summary_langs=${given}; fi # as it was typed
    # What a row without language gets; there is none where a column names all of them.
    default_lang=${lang}
    lang=${languages[0]}
    for file in "${texts[@]}"; do
        [ "${#languages[@]}" -eq 1 ] ||
            { [[ ${file} == *=* ]] && code=$(jstasr languages --canonical "${file%%=*}") && [[ " ${languages[*]} " == *" ${code} "* ]]; } ||
            die "--text ${file}: say its language, one of ${languages[*]}: --text LANG=FILE,LANG=FILE"
    done
    unspaced=$(PYTHONPATH="${root}" python3 -c 'import sys; from jstasr.text.languages import is_unspaced
print(str(any(map(is_unspaced, sys.argv[1:]))).lower())' "${languages[@]}")
fi

# A path is that of every folder, a name that of the store.
if [ -d "${pretrained}" ] && [ ! -d "${JSTASR_MODELS:-/nowhere}/${pretrained}" ]; then pretrained=$(realpath "${pretrained}"); fi

# A size of model for the amount of speech; steps for some 40 times through it, within what its conf allows.
size=mini nbpe=0
if [ "${seconds}" -gt $((5 * 3600)) ]; then size=small nbpe=500; fi
if [ "${seconds}" -gt $((100 * 3600)) ]; then size=base nbpe=1000; fi
if [ "${seconds}" -gt $((1000 * 3600)) ]; then size=large nbpe=2000; fi
token_opts="--token_type char"
if [ "${nbpe}" -gt $((2 * letters)) ] && [ "${unspaced:-false}" = false ]; then token_opts="--token_type bpe --nbpe ${nbpe}"; fi

if [ -n "${manifest}" ]; then
    options=(--langs "${summary_langs}" --measured "${measured}")
    if [ -n "${lexicon}" ]; then options+=(--g2p lexicon --lexicon "${lexicon}"); fi
    summary=$(jstasr check --summary "${options[@]}") || die "the recipe would not work; the reason is above"
fi

made=$(mkdir -p "${target}"/{conf,local} 2>&1) ||
    die "the folder ${target} cannot be made (${made##*: }); choose a place where you may write"
trap 'rm -rf "${target}"' ERR
target=$(cd "${target}" && pwd -P)
case ${target} in
    "${root}"/*) base=$(realpath --relative-to "${target}" "${root}") ;;
    *) base=${root} ;;
esac
for name in asr.sh cmd.sh path.sh db.sh; do ln -s "${base}/egs/TEMPLATE/asr1/${name}" "${target}/${name}"; done
ln -s "${base}/utils" "${target}/utils"
if [ -n "${pretrained}" ]; then
    size=pretrained
    if [ -n "${manifest}" ] && [ "${seconds}" -lt 1800 ]; then size=minutes; fi # measured: 5 and 97 minutes
fi
shared=${base}/egs/TEMPLATE/asr1/conf/train_${size}.yaml
case ${shared} in /*) ;; *) shared=../${shared} ;; esac # from conf/
cat >"${target}/conf/train.yaml" <<END
# The values of this recipe that differ from those of its base; exp/<tag>/config.yaml holds all of them.
base: '${shared//\'/\'\'}'
END
if [ "${size}" = mini ]; then
    # Two processes take 32 s a step.
    steps=$((seconds * 40 / 32))
    steps=$((steps < 600 ? 600 : steps > 8000 ? 8000 : steps))
    cat >>"${target}/conf/train.yaml" <<END

optim:
  max_steps: ${steps}

valid:
  interval: $((steps / 8))

losses:
  consistency:
    start_step: $((steps / 5))
END
fi

long_texts=$(IFS=, && echo "${texts[*]}")
g2p_opts=
if [ -n "${lexicon}" ]; then g2p_opts="--g2p lexicon --lexicon $(say "$(realpath "${lexicon}")")"; fi

own_options="lang=$(say "${lang:-en}") # language of the recordings"
# shellcheck disable=SC2016  # expanded by run.sh
spoken="${lang}" lang_opts='--lang "${lang}"' data_opts='--lang "${lang:?comes from run.sh: call that}"'
if [ "${#languages[@]}" -gt 1 ]; then
    own_options="langs=\"${languages[*]}\" # languages of the recordings, as ${manifest##*/} names them"
    spoken="${languages[*]}"
    # shellcheck disable=SC2016  # expanded by run.sh
    lang_opts='--lang "${langs%% *}" --langs "${langs}"' data_opts=${default_lang:+--lang ${default_lang}}
fi
if [ -n "${manifest}" ]; then
    own_options+="
manifest=$(say "$(realpath "${manifest}")") # recordings with transcripts
text=$(say "${long_texts}") # text without speech, with commas between"
    # shellcheck disable=SC2016  # expanded by run.sh
    sets='text_sets=
if [ -n "${text}" ]; then text_sets=train_text; fi
export lang manifest text # for local/data.sh'
else
    sets='text_sets= # text-only sets that local/data.sh makes, as in "train_text"'
fi

# Lines of their own: a here-document takes the quotes out of what stands in \${...:+...}.
more_opts=
if [ -n "${pretrained}" ]; then
    printf -v more_opts ' \\\n    %s' "--pretrained $(say "${pretrained}")" '--speed_perturb_factors "0.9 1.0 1.1"'
fi

cat >"${target}/run.sh" <<END
#!/usr/bin/env bash
# Speech recognition${spoken:+ for ${spoken}}. Any option of asr.sh may follow (./run.sh --help).
set -euo pipefail
cd "\$(dirname "\${BASH_SOURCE[0]}")"

${own_options}
# shellcheck source=/dev/null
. utils/recipe_options.sh

${sets}
./asr.sh \\
    ${lang_opts} \\
    --train_set train \\
    --valid_set dev \\
    --test_sets test \\
    --text_sets "\${text_sets}" \\
    --channel mix \\
    ${token_opts}${g2p_opts:+ }${g2p_opts} \\
    --train_procs $([[ "${size}" =~ ^(mini|minutes|pretrained)$ ]] && echo 2 || echo 1) \\
    --asr_config conf/train.yaml${more_opts} \\
    "\$@"
END

if [ -n "${manifest}" ]; then
    cat >"${target}/local/data.sh" <<END
#!/usr/bin/env bash
# Recordings -> data/{train,dev,test}, speakers that are named apart, unless a column divides them; text -> data/train_text.
set -euo pipefail
cd "\$(dirname "\${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
. ./path.sh

options=(${data_opts}${import_opts:+ }${import_opts})
IFS=, read -ra texts <<<"\${text:-}"
for file in "\${texts[@]}"; do options+=(--text "\${file}"); done
jstasr import --split "\${options[@]}" "\${manifest:?comes from run.sh: call that}" data
END
else
    cat >"${target}/local/data.sh" <<'END'
#!/usr/bin/env bash
# Makes data/train, data/dev and data/test, each with wav.scp, text, utt2spk and spk2utt (utt2lang where there are
# several languages), and for text without speech data/<set>/text. This is where the corpus is known; fill it in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
. ./path.sh

# From a table of recordings (see `jstasr import --help`), speakers apart:
#   jstasr import --split --lang xx /my/recordings.tsv data
# or set by set:
#   jstasr import --lang xx /my/train.tsv data/train
echo "local/data.sh is to be filled in: it makes data/{train,dev,test} from the corpus; see the comments in it" >&2
exit 1
END
fi
chmod +x "${target}/run.sh" "${target}/local/data.sh"
trap - ERR

echo "${target}: ready"
if [ -n "${manifest}" ]; then
    echo "${utterances} utterances, $((seconds / 60)) minutes; conf/train.yaml: the size '${size}', ${token_opts#--}"
    echo "${summary}"
    echo "Train, decode and score: ${target}/run.sh"
else
    echo "Fill in ${target}/local/data.sh, set the options in run.sh, then: ${target}/run.sh"
fi
