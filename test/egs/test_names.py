"""Names are data in every stage: utterances, speakers, files, the folders of features and experiments."""

import os
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from jstasr.kaldi.tables import read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    *(
        "take 1",
        "take  two blanks",
        "take (2)",
        "o'clock",
        "r&b",
        'say "no"',
        "cash$HOME",
        "a$(touch ran)",
        "b`touch ran`",
    ),
    *("odd`", "semi;touch ran", "a|touch ran", "in<out", "out>in", "star*", "what?", "take[2]", "{a,b}", "back\\slash"),
    *("back\\", "#1", "!", "~", "%d%s", "'quoted'", '"quoted"', "日本 語", "ÄÖÜ", "a=b", ";", "&", "&& touch ran"),
    *('it\'s "both" $X', "tab\ttab", "-n", "--version", "$", "-", "*", "JOB"),
]
WORDS = "one two three four five six seven eight nine zero".split()
DUMP, EXPERIMENTS = 'dump "d" $(touch ran) ü;&* JOB', "exp's (e) $HOME日本 `touch ran`"


def make_set(folder, sounds, names, seed):
    """A data directory with a recording for each name, which is also that of its speaker and in its utterance's."""
    random = np.random.default_rng(seed)
    sounds.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in names:
        path = sounds / f"{name}.{seed}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(random.integers(-9000, 9000, 6000 + random.integers(2000)).astype("<i2").tobytes())
        # The dot keeps one speaker's name from beginning another's.
        speaker = "_".join(name.split()) + "."
        rows.append((f"{speaker}-{speaker}", speaker, str(path), " ".join(random.choice(WORDS, 2))))
    rows.sort(key=lambda row: row[0].encode())
    folder.mkdir(parents=True)
    for column, table in enumerate(("utt2spk", "wav.scp", "text"), start=1):
        write_table(folder / table, {row[0]: row[column] for row in rows})
    (folder / "spk2utt").write_text("".join(f"{row[1]} {row[0]}\n" for row in rows), "utf-8")


@pytest.mark.slow
def test_forty_names_and_folders_of_any_name_pass_all_stages(tmp_path):
    recipe = tmp_path / "my recipe's (1) $x"
    (recipe / "local").mkdir(parents=True)
    for name in ("asr.sh", "path.sh", "cmd.sh", "db.sh"):
        (recipe / name).symlink_to(ROOT / "egs/TEMPLATE/asr1" / name)
    (recipe / "utils").symlink_to(ROOT / "utils")
    (recipe / "local/data.sh").write_text("#!/usr/bin/env bash\n")
    (recipe / "local/data.sh").chmod(0o755)
    make_set(recipe / "data/train", recipe / "my sound's (folder)", NAMES, 1)
    make_set(recipe / "data/dev", recipe / "my sound's (folder)", NAMES[3:6], 2)
    make_set(recipe / "data/test", recipe / "my sound's (folder)", NAMES, 3)
    assert len(NAMES) == len(set(NAMES)) == 40
    write_table(recipe / "data/words/text", {f"{name.split()[0]}-{n}": "two one" for n, name in enumerate(NAMES)})
    options = {
        "--stage": 1,
        "--text_sets": "words",
        "--token_type": "char",
        "--dumpdir": DUMP,
        "--expdir": EXPERIMENTS,
        "--speed_perturb_factors": "1.0 1.1",
        "--asr_config": "conf/train_smoke.yaml",
        "--asr_args": "--set optim.max_steps=2 --set valid.interval=2 --set data.num_workers=0",
        "--average_num": 1,
        "--nj": 1,
        "--metrics": "wer",
    }
    command = ["./asr.sh", *(str(word) for pair in options.items() for word in pair)]
    done = subprocess.run(command, cwd=recipe, capture_output=True, text=True, env=os.environ | {"X": "wrong"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    given = read_table(recipe / "data/test/text")
    (experiment,) = (recipe / EXPERIMENTS).glob("train_*")  # beside the language model
    assert read_table(recipe / DUMP / "fbank/test/text") == given
    assert len(read_table(recipe / DUMP / "fbank/train_sp/utt2num_frames")) == 80
    for mode in ("streaming", "full"):
        hypotheses = read_table(experiment / "decode_greedy/test" / mode / "text", allow_empty=True)
        assert hypotheses.keys() == given.keys()
    assert (experiment / "report/index.html").is_file()
    assert (experiment / f"{experiment.name}.zip").is_file()
    assert f"jstasr experiment {experiment.name}" in (recipe / "RESULTS.md").read_text("utf-8")
    assert {path.name for path in recipe.iterdir()} == {
        *("asr.sh", "path.sh", "cmd.sh", "db.sh", "utils", "local", "data", "my sound's (folder)", "RESULTS.md"),
        *(DUMP, EXPERIMENTS),
    }
    assert not list(tmp_path.rglob("ran"))
