#!/usr/bin/env bash
# Brings the Free Spoken Digit Dataset into a folder: local/download.sh URL FOLDER. A folder that has it is left alone.
set -euo pipefail

[ $# -eq 2 ] || { echo "Usage: local/download.sh URL FOLDER" >&2; exit 1; }
url=$1
folder=$2
speakers="george jackson lucas nicolas theo yweweler"

# first_missing FOLDER: the first recording that FOLDER lacks (or has empty), of 6 speakers x 10 digits x 50 takes.
first_missing() {
    local speaker digit take
    for speaker in ${speakers}; do
        for digit in {0..9}; do
            for take in {0..49}; do
                [ -s "$1/recordings/${digit}_${speaker}_${take}.wav" ] || { echo "${digit}_${speaker}_${take}.wav"; return; }
            done
        done
    done
}

if [ -d "${folder}" ]; then
    missing=$(first_missing "${folder}")
    [ -z "${missing}" ] && exit 0
    echo "local/download.sh: error: ${folder}/recordings lacks ${missing}: remove or mend ${folder}, then run again" >&2
    exit 1
fi

# The folder gets its name only when it is complete; an archive cut short stays as .part, and the next try goes on there.
archive=${folder}.tar.gz
mkdir -p "$(dirname "${folder}")"
[ -f "${archive}" ] || python3 local/fetch.py "${url}" "${archive}"
unpacked=$(dirname "${folder}")/.unpacked.$(basename "${folder}")
trap 'rm -rf "${unpacked}"' EXIT
rm -rf "${unpacked}"
mkdir "${unpacked}"
if ! tar -xzf "${archive}" -C "${unpacked}"; then
    rm -f "${archive}"
    echo "local/download.sh: error: what ${url} gave is no whole tar.gz archive; it is removed: run again" >&2
    exit 1
fi
recordings=$(find "${unpacked}" -type d -name recordings | head -n 1)
missing=$(first_missing "$(dirname "${recordings:-${unpacked}/x}")")
if [ -n "${missing}" ]; then
    rm -f "${archive}"
    echo "local/download.sh: error: the archive from ${url} lacks recordings/${missing}: is it this corpus?" >&2
    exit 1
fi
mv "$(dirname "${recordings}")" "${folder}"
rm -f "${archive}"
echo "local/download.sh: ${folder} is complete: 3,000 recordings"
