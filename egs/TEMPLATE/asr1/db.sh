# shellcheck shell=bash
# Where the corpora are. Sourced by local/data.sh from the recipe's folder.
# A corpus is looked for in $JSTASR_CORPORA/<name> (your own store, shared by all recipes), then in
# downloads/<name>; where it is in neither, its variable names downloads/<name>, the place into which
# local/data.sh brings it from the public source (the variable *_URL).
# A variable that is already set, even by the caller's environment, is left alone: FSDD=/my/copy ./run.sh

# corpus_dir NAME: the folder that holds the corpus, or the one that it is to be downloaded to.
corpus_dir() {
    local store
    for store in "${JSTASR_CORPORA:-}" downloads; do
        if [ -n "${store}" ] && [ -d "${store}/$1" ]; then
            echo "${store}/$1"
            return
        fi
    done
    echo "downloads/$1"
}

if [ -n "${JSTASR_CORPORA:-}" ] && [ ! -d "${JSTASR_CORPORA}" ]; then
    echo "db.sh: JSTASR_CORPORA names '${JSTASR_CORPORA}', which is no folder: correct or unset it" >&2
    # shellcheck disable=SC2317  # reached when this file is executed, not sourced
    return 1 2>/dev/null || exit 1
fi

# Free Spoken Digit Dataset: 3,000 recordings, 6 speakers, 8 kHz (CC BY-SA 4.0).
export FSDD=${FSDD:-$(corpus_dir free-spoken-digit-dataset)}
export FSDD_URL=${FSDD_URL:-https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/heads/master.tar.gz}

# Mozilla Common Voice: releases in their official layout, <release>/<language>/{validated.tsv,clips/} (CC0-1.0).
# Releases are downloaded by hand, after agreeing to their terms: unpack yours and name its folder here, several with
# spaces between (a release and the deltas after it): a language is read from each that has it.
export COMMONVOICE=${COMMONVOICE:-"$(corpus_dir cv-corpus-6.1-sample) $(corpus_dir cv-corpus-13.0-delta-sample)"}

# For the recipes below, `--data_url URL` names a mirror: a place (file:///... too) with the files under the same names.

# LibriSpeech: the folder that holds LibriSpeech/<split>/<speaker>/<chapter>/, 960 hours of English books (CC BY 4.0).
# openslr.org/12, its small version /31, its text /11.
export LIBRISPEECH=${LIBRISPEECH:-$(dirname "$(corpus_dir LibriSpeech)")}
export LIBRISPEECH_URL=${LIBRISPEECH_URL:-https://www.openslr.org/resources}

# Multilingual LibriSpeech: mls_<language>[_opus]/<split>/, mls_lm_<language>/, books in 8 languages (CC BY 4.0).
# openslr.org/94.
export MLS=${MLS:-$(corpus_dir mls)}
export MLS_URL=${MLS_URL:-https://dl.fbaipublicfiles.com/mls}

# FLEURS: data/<language>/{<split>.tsv,audio/<split>/}, the same 2,000 sentences in 102 languages (CC BY 4.0).
export FLEURS=${FLEURS:-$(corpus_dir fleurs)}
export FLEURS_URL=${FLEURS_URL:-https://huggingface.co/datasets/google/fleurs/resolve/70bb2e84b976b7e960aa89f1c648e09c59f894dd}

# AN4 of Carnegie Mellon University: {etc,wav}/, names, addresses and numbers in English, most of them spelled.
export AN4=${AN4:-$(corpus_dir an4)}
export AN4_URL=${AN4_URL:-http://www.speech.cs.cmu.edu/databases/an4}

# speechocean762: English by 250 speakers of Mandarin; {train,test}/ and WAVE/, or {train,test}.tsv and clips/.
# openslr.org/101.
export SPEECHOCEAN762=${SPEECHOCEAN762:-$(corpus_dir speechocean762)}
export SPEECHOCEAN762_URL=${SPEECHOCEAN762_URL:-https://www.openslr.org/resources}

# VoxPopuli: data/<language>/{asr_<split>.tsv,<split>/}, the European Parliament in 16 languages (CC0).
export VOXPOPULI=${VOXPOPULI:-$(corpus_dir voxpopuli)}
export VOXPOPULI_URL=${VOXPOPULI_URL:-https://huggingface.co/datasets/facebook/voxpopuli/resolve/719aaef8225945c0d80b277de6c79aa42ab053d5}

# The corpora of local/data.sh files that were written for ESPnet, where nothing above has set them.
# shellcheck source=espnet_corpora.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/espnet_corpora.sh"
