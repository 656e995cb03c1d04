"""A recipe that takes no time: its run.sh writes what the stages of a real one would leave."""

import subprocess

import pytest

RUN = r"""#!/usr/bin/env bash
# Options as of run.sh; FAIL_SEED in the environment: its training fails. Every call is a line of calls.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
declare -A o=([inference_tag]=beam4 [asr_args]= [n_text]=0)
while [ $# -gt 0 ]; do o[${1#--}]=$2; shift 2; done
echo "${o[stage]} ${o[asr_tag]:-} ${o[asr_args]}" >>calls.txt
[[ "${o[asr_args]}" =~ seed=([0-9]+) ]] && seed=${BASH_REMATCH[1]} || seed=0
case ${o[stage]} in
    0)
        for set in ${o[test_sets]}; do
            mkdir -p dump/fbank/${set}
            for i in 1 2 3 4; do
                echo "s-u${i} a b c" >>dump/fbank/${set}/text
                echo "s-u${i} s" >>dump/fbank/${set}/utt2spk
                echo "s-u${i} $((i % 2 ? 0 : 1))" | sed 's/0$/en/; s/1$/it/' >>dump/fbank/${set}/utt2lang
            done
        done
        echo "text ${o[n_text]}" >dump/fbank/phones
        mkdir -p dump/fbank/train && echo "x ${o[n_text]}" >dump/fbank/train/text
        ;;
    6)
        [ "${FAIL_SEED:-}" != "${seed}" ] || { echo "it breaks" >&2; exit 1; }
        mkdir -p "exp/${o[asr_tag]}/checkpoints"
        echo '{"5": 50.0, "10": 40.5}' >"exp/${o[asr_tag]}/checkpoints/scores.json"
        ;;
    8)
        for set in ${o[test_sets]}; do
            for end in "" _lm; do
                out=exp/${o[asr_tag]}/decode_${o[inference_tag]}${end}/${set}/full/score_wer
                mkdir -p "${out}"
                for i in 1 2 3 4; do echo "a b c (s-s-u${i})" >>"${out}/ref.trn"; done
                word=c; [[ "${o[asr_args]}" == *weight=0* ]] && word=x
                [ -z "${end}" ] || word=c
                { echo "a b ${word} (s-s-u1)"; echo "a ${word} (s-s-u2)"; } >"${out}/hyp.trn"
                { echo "a b (s-s-u3)"; echo "a b c (s-s-u4)"; } >>"${out}/hyp.trn"
            done
        done
        ;;
esac
"""
PLAN = """
name: toy
recipe: egs/toy/asr1
test_sets: [test]
seeds: [1, 2]
systems:
  B: {losses.consistency.weight: 0}
  C: {}
comparisons: [C - B]
"""


class Repository:
    """A git repository with the toy recipe and a plan."""

    def __init__(self, root):
        self.root, self.recipe = root, root / "egs/toy/asr1"
        self.recipe.mkdir(parents=True)
        (self.recipe / "run.sh").write_text(RUN)
        (self.recipe / "run.sh").chmod(0o755)
        (self.recipe / "asr.sh").write_text("")
        (root / ".gitignore").write_text("egs/*/*/sweep/\negs/*/*/downloads/\n")
        (root / "jstasr").mkdir()
        (root / "jstasr/code.py").write_text("a = 1\n")
        self.plan = root / "toy.yaml"
        self.plan.write_text(PLAN)
        self.git("init", "-q")
        self.commit()

    def git(self, *words):
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", self.root, *names, *words], check=True, capture_output=True)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x", "--allow-empty")


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")
