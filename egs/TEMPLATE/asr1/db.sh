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
# Releases are downloaded by hand, after agreeing to their terms: unpack yours and name its folder here.
export COMMONVOICE=${COMMONVOICE:-$(corpus_dir cv-corpus-6.1-sample)}
export COMMONVOICE_EN=${COMMONVOICE_EN:-$(corpus_dir cv-corpus-13.0-delta-sample)}
