"""Random corpora with random damage: each command is right, or ends with one error that names the place.

No traceback, and no silent loss: what is taken is counted here, apart from the code under test.
"""

import csv
import io
import os
import random
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fuzz_cases import RATE, audio_damage, damage, json_rows, jstasr, kaldi_table, recordings, tool
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow
PROFILE = settings.get_profile("fuzz")
FORMATS = ["tsv", "csv", "jsonl", "json", "deepspeech", "ljspeech", "audiofolder", "folder", "kaldi"]


@contextmanager
def new_folder(budget):
    """A folder of one case, which is the current one."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield Path(name)
        except BaseException:
            budget.failed = True
            raise
        finally:
            os.chdir(before)


def csv_text(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_corpus(kind, found):
    """Write a corpus in the folder c/; returns the source, and its table or None."""
    folder = Path("c")
    folder.mkdir()
    clips = {"ljspeech": folder / "wavs", "folder": folder, "audiofolder": folder}.get(kind, folder / "clips")
    for one in found:
        one.write(clips / one.speaker.replace("/", "_") if kind == "folder" else clips)
    columns = ["audio", "text"] + (["speaker"] if found[0].speaker else [])
    rows = [[f"clips/{one.name}", one.text, one.speaker][: len(columns)] for one in found]
    if kind == "tsv":
        # As spreadsheets do: a field that begins with a quote is quoted.
        fields = [[f'"{f.replace(chr(34), chr(34) * 2)}"' if f.startswith('"') else f for f in row] for row in rows]
        content = "".join("\t".join(row) + "\n" for row in [columns, *fields])
    elif kind == "csv":
        content = csv_text([columns, *rows])
    elif kind == "jsonl":
        content = json_rows(dict(zip(columns, row, strict=True)) for row in rows)
    elif kind == "json":
        content = "[" + ",\n".join(json_rows([dict(zip(columns, row, strict=True))]).strip() for row in rows) + "]\n"
    elif kind == "deepspeech":
        size = "16044"
        content = csv_text([["wav_filename", "wav_filesize", "transcript"], *([r[0], size, r[1]] for r in rows)])
    elif kind == "ljspeech":
        content = "".join(f"{one.name}|{one.text}\n" for one in found)
    elif kind == "audiofolder":
        content = csv_text([["file_name", "transcription"], *([one.name, one.text] for one in found)])
    elif kind == "folder":
        for one in found:
            path = (clips / one.speaker.replace("/", "_") / one.name).with_suffix(".txt")
            path.write_text(one.text, "utf-8")
        return folder, None
    else:
        ids = [f"{number:03}" for number in range(len(found))]
        paths = [f"{Path.cwd()}/c/clips/{one.name}" for one in found]
        (folder / "wav.scp").write_text("".join(f"{u} {path}\n" for u, path in zip(ids, paths, strict=True)), "utf-8")
        (folder / "text").write_text("".join(f"{u} {o.text}\n" for u, o in zip(ids, found, strict=True)), "utf-8")
        return folder, folder / "text"
    name = {"ljspeech": "metadata.csv", "audiofolder": "metadata.csv", "deepspeech": "train.csv"}.get(kind, f"m.{kind}")
    (folder / name).write_text(content, "utf-8")
    return (folder if kind in ("ljspeech", "audiofolder") else folder / name), folder / name


def taken():
    """(audio, transcript) of each utterance that was written."""
    text, wav = kaldi_table(Path("data/text")), kaldi_table(Path("data/wav.scp"))
    assert text.keys() == wav.keys() == kaldi_table(Path("data/utt2spk")).keys()
    return sorted((os.path.basename(os.path.realpath(wav[utterance])), words) for utterance, words in text.items())


def num_skipped():
    """How many rows were left out, by the list of them."""
    skipped = Path("data/skipped")
    return len(skipped.read_text("utf-8").split("\n")) - 1 if skipped.exists() else 0


def reported(report):
    """The counts of an import's report: found, taken, left out, and those of each reason."""
    block = next(part for part in report.split("\n\n") if part.startswith("found"))
    return [int(line.rsplit(None, 1)[1]) for line in block.splitlines()]


def check_written(count):
    """What an import wrote is whole."""
    assert len(taken()) == count
    validated = tool("validate_data_dir.sh", "--no-feats", "data")
    assert validated.status == 0, validated.err
    shutil.rmtree("data")


@settings(PROFILE)
@given(kind=st.sampled_from(FORMATS), found=recordings())
def test_import_takes_all_or_names_what_is_wrong(budget, kind, found):
    if budget.is_spent():
        return
    with new_folder(budget):
        source, _ = write_corpus(kind, found)
        good = [one for one in found if one.good]
        once = jstasr("import", "--lang", "en", source, "data")
        if len(good) == len(found):
            assert once.status == 0, once.err
            assert taken() == sorted((one.name, one.said) for one in found)
            check_written(len(found))
        else:
            assert once.status == 1 and not Path("data").exists()
            assert str(source) in once.err, once.err
        rest = jstasr("import", "--lang", "en", "--skip-bad", source, "data")
        if good:
            assert rest.status == 0, rest.err
            assert taken() == sorted((one.name, one.said) for one in good)
            assert len(good) + num_skipped() == len(found)
            assert reported(rest.out)[:3] == [len(found), len(good), num_skipped()]
            assert sum(reported(rest.out)[3:]) == num_skipped()
            check_written(len(good))
        else:
            assert rest.status == 1 and not Path("data").exists()


def rows_of(table):
    """How many rows a damaged table has, by its lines alone; None where that is not certain."""
    content = table.read_bytes()
    if table.suffix == ".json" or (table.suffix == ".csv" and (b'"' in content or b"\r" in content)):
        return None
    if b"\n" not in content and b"\r" in content:
        return None
    content = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    lines = [line for line in content.split("\n") if line.replace(",", "").strip()]
    return len(lines) - (table.suffix in (".tsv", ".csv") and table.name != "metadata.csv")


@settings(PROFILE)
@given(
    kind=st.sampled_from([kind for kind in FORMATS if kind not in ("folder", "kaldi", "audiofolder")]),
    found=recordings(all_good=True),
    changes=st.lists(damage(), min_size=1, max_size=3),
)
def test_import_of_a_damaged_table_loses_no_row_in_silence(budget, kind, found, changes):
    if budget.is_spent():
        return
    with new_folder(budget):
        source, table = write_corpus(kind, found)
        content = table.read_bytes()
        for change in changes:
            content = change(content)
        table.write_bytes(content)
        count = rows_of(table)
        for options in ([], ["--skip-bad"]):
            done = jstasr("import", "--lang", "en", *options, source, "data")
            if done.status == 1:
                assert not Path("data").exists() and str(source) in done.err
                continue
            assert options or not num_skipped()
            if count is not None:
                assert len(taken()) + num_skipped() == count, (content, done.out)
                assert reported(done.out)[:3] == [count, len(taken()), num_skipped()]
            assert sum(reported(done.out)[3:]) == num_skipped()
            check_written(len(taken()))


@settings(PROFILE)
@given(
    ending=st.sampled_from([".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au"]),
    subtype=st.sampled_from(["", "PCM_24", "FLOAT", "PCM_U8", "ULAW"]),
    rate=st.sampled_from([RATE, 16000, 44100]),
    channels=st.integers(1, 3),
    changes=st.lists(audio_damage(), max_size=2),
    mix=st.booleans(),
)
def test_damaged_audio_is_read_or_named(budget, ending, subtype, rate, channels, changes, mix):
    if budget.is_spent():
        return
    with new_folder(budget):
        Path("d").mkdir()
        path = Path(f"a{ending}")
        sound = np.random.default_rng(1).normal(0, 0.05, (rate // 3, channels))
        form = {".ogg": "OGG", ".mp3": "MP3", ".aiff": "AIFF", ".au": "AU"}.get(ending, ending[1:].upper())
        usable = subtype if subtype and soundfile.check_format(form, subtype) else None
        try:
            soundfile.write(path, sound, rate, usable, format=form)
        except soundfile.SoundFileError:
            return  # three channels of MP3
        content = path.read_bytes()
        for change in changes:
            content = change(content)
        path.write_bytes(content)
        Path("d/wav.scp").write_text(f"u {path}\n")
        Path("d/text").write_text("u one\n")
        Path("d/utt2spk").write_text("u u\n")
        Path("d/spk2utt").write_text("u u\n")
        channel = ["--channel", "mix"] if mix else []
        done = jstasr("format-audio", "--data-dir", "d", "--outdir", "dump", "--fs", RATE, *channel)
        if not changes:
            assert done.status == (0 if mix or channels == 1 else 1), done.err
        if done.status == 1:
            assert "u: " in done.err and str(path) in done.err, done.err
            return
        samples = int(kaldi_table(Path("dump/utt2num_samples"))["u"])
        written = soundfile.info(kaldi_table(Path("dump/wav.scp"))["u"])
        assert (written.samplerate, written.channels, written.frames) == (RATE, 1, samples)
        if not changes and ending != ".mp3":  # whose encoder adds silence
            assert abs(samples - RATE // 3) <= 1
        extracted = jstasr("extract", "--data-dir", "dump", "--outdir", "fbank", "--fs", RATE, "--num-mel-bins", 23)
        assert extracted.status == 0 or "u: " in extracted.err, extracted.err
        if not changes:
            assert extracted.status == 0


TABLES = ["wav.scp", "text", "utt2spk", "spk2utt", "segments"]


def write_data_dir(found, with_segments):
    """A valid data directory d/ of recordings; returns its utterances -> seconds."""
    Path("d").mkdir()
    rows = {name: [] for name in TABLES}
    length = {}
    for number, one in enumerate(found):
        one.write(Path("clips"))
        recording = f"s{number % 2}-{number}"
        path = f"clips/{one.name}"
        quoted = f"clips/{number}.wav"
        if path != quoted:  # a blank or a bar in a path means something in wav.scp
            os.rename(path, quoted) if os.path.lexists(path) else None
        rows["wav.scp"].append(f"{recording} {quoted}")
        cuts = [(f"{recording}-a", 0, 0.2), (f"{recording}-b", 0.1, one.seconds + 0.2)] if with_segments else []
        for utterance, start, end in cuts or [(recording, 0, one.seconds)]:
            rows["text"].append(f"{utterance} {one.said}")
            rows["utt2spk"].append(f"{utterance} s{number % 2}")
            if with_segments:
                rows["segments"].append(f"{utterance} {recording} {start} {end}")
            length[utterance] = min(end, one.seconds) - start
    for line in sorted(rows["utt2spk"]):
        utterance, speaker = line.split()
        if rows["spk2utt"] and rows["spk2utt"][-1].split()[0] == speaker:
            rows["spk2utt"][-1] += f" {utterance}"
        else:
            rows["spk2utt"].append(f"{speaker} {utterance}")
    for name, lines in rows.items():
        if lines:
            Path("d", name).write_text("".join(f"{line}\n" for line in sorted(lines)), "utf-8")
    return length


@settings(PROFILE)
@given(
    found=recordings(all_good=True),
    with_segments=st.booleans(),
    changes=st.lists(st.tuples(st.sampled_from(TABLES), damage()), max_size=2),
    bad_audio=st.sampled_from(["", "", "empty", "text", "cut", "missing", "link", "folder", "header"]),
    order=st.integers(0, 3),
)
def test_data_directories_are_right_or_refused(budget, found, with_segments, changes, bad_audio, order):
    if budget.is_spent():
        return
    with new_folder(budget):
        for one in found:
            one.name = Path(one.name).stem.replace("/", "_") + ".wav"
        if bad_audio:
            found[0].audio = bad_audio
        length = write_data_dir(found, with_segments)
        for name, change in changes:
            path = Path("d", name)
            if path.exists():
                path.write_bytes(change(path.read_bytes()))
        if order == 0:
            lines = Path("d/text").read_bytes().splitlines(keepends=True)
            random.Random(order).shuffle(lines)
            Path("d/text").write_bytes(b"".join(lines))
        same = not changes and order
        validated = tool("validate_data_dir.sh", "--no-feats", "d")
        if same and not bad_audio:
            assert validated.status == 0, validated.err
        if validated.status == 1:
            assert "d/" in validated.err or "d:" in validated.err or " d" in validated.err, validated.err
        formatted = jstasr("format-audio", "--data-dir", "d", "--outdir", "dump", "--fs", RATE)
        if validated.status == 0 and not bad_audio:
            assert formatted.status == 0, (formatted.err, validated.err)
        if formatted.status == 0:
            assert not (same and bad_audio)
            written = kaldi_table(Path("dump/text"))
            assert written.keys() == kaldi_table(Path("dump/wav.scp")).keys()
            assert len(written) == sum(bool(line.strip()) for line in Path("d/text").read_bytes().split(b"\n"))
            if same:
                samples = kaldi_table(Path("dump/utt2num_samples"))
                assert {u: abs(int(n) - length[u] * RATE) <= 1 for u, n in samples.items()} == dict.fromkeys(
                    length, True
                )
            extracted = jstasr("extract", "--data-dir", "dump", "--outdir", "fbank", "--fs", RATE, "--num-mel-bins", 23)
            if extracted.status == 0:
                assert kaldi_table(Path("fbank/feats.scp")).keys() == written.keys()
            else:
                assert any(utterance in extracted.err for utterance in written), extracted.err
                assert not same
        fixed = tool("fix_data_dir.sh", "d")
        if fixed.status == 0 and not bad_audio and not with_segments:
            again = tool("validate_data_dir.sh", "--no-feats", "d")
            kept = kaldi_table(Path("d/text"))
            assert kept.keys() == kaldi_table(Path("d/wav.scp")).keys() == kaldi_table(Path("d/utt2spk")).keys()
            if not any(name in ("wav.scp", "text") for name, _ in changes):
                assert again.status == 0, again.err
            if same:
                assert kept.keys() == length.keys()
