"""`jstasr shards`: what the webdataset library and tar read, what the index says, and jobs."""

import hashlib
import json
import subprocess

import numpy as np
import webdataset

from jstasr.shards.index import read_index


def tar_files(folder):
    return sorted(folder.glob("*.tar"))


def samples(paths):
    """What the webdataset library reads."""
    return list(webdataset.WebDataset([str(path) for path in paths], shardshuffle=False).decode())


def test_webdataset_reads_features_transcripts_and_the_rest(sharded):
    assert sharded.write() == 0
    found = {sample["json"]["id"]: sample for sample in samples(tar_files(sharded.folder))}
    assert sorted(found) == [f"train-{number:03}" for number in range(40)]
    for number, text in enumerate(sharded.texts):
        sample = found[f"train-{number:03}"]
        assert sample["npy"].dtype == np.float32
        np.testing.assert_array_equal(sample["npy"], sharded.toy.features(text, number))
        assert sample["txt"] == sample["json"]["text"] == text
        assert sample["json"]["phones"] == sharded.toy.phones(text)
        assert sample["json"]["language"] == sharded.languages[number]
        assert sample["json"]["speaker"] == sample["json"]["id"]
        assert sample["json"]["num_frames"] == len(sample["npy"])


def test_ids_with_points_and_slashes_are_keys_of_webdataset_too(toy, sharded):
    ids = ["a.b/1", "a.b/2", "ä 3".replace(" ", "_")]
    for name in ("text", "phones", "utt2spk", "utt2num_frames", "feats.scp", "utt2lang"):
        lines = (sharded.source / name).read_text().splitlines()[:3]
        renamed = [f"{utt} {line.split(' ', 1)[1]}\n" for utt, line in zip(ids, lines)]
        (sharded.source / name).write_text("".join(renamed))
    assert sharded.write() == 0
    found = samples(tar_files(sharded.folder))
    assert sorted(sample["json"]["id"] for sample in found) == ids
    assert all({"npy", "txt", "json"} <= sample.keys() for sample in found)
    data = sharded.speech(sharded.folder)
    np.testing.assert_array_equal(data.features(0), toy.features(sharded.texts[0], 0))


def test_the_index_names_checksums_utterances_frames_and_places(sharded):
    assert sharded.write() == 0
    index = read_index(sharded.folder)
    assert len(index.shards) == len(tar_files(sharded.folder)) > 5
    places = dict(line.split(" ", 1) for line in (sharded.folder / "shards.scp").read_text().splitlines())
    for shard in index.shards:
        content = (sharded.folder / shard.name).read_bytes()
        held = samples([sharded.folder / shard.name])
        assert shard.sha256 == hashlib.sha256(content).hexdigest() and shard.size == len(content)
        assert shard.utterances == len(held)
        assert shard.frames == sum(sample["json"]["num_frames"] for sample in held)
        for sample in held:
            name, offset, size, _ = places[sample["json"]["id"]].split()
            assert name == shard.name
            assert content[int(offset) : int(offset) + int(size)].startswith(b"\x93NUMPY")
    frames = [shard.frames for shard in index.shards]
    assert max(frames) < 2 * min(frames)
    for name in ("text", "phones", "utt2num_frames", "utt2spk", "utt2lang"):
        content = (sharded.folder / name).read_bytes()
        assert content == (sharded.source / name).read_bytes()
        assert index.tables[name] == hashlib.sha256(content).hexdigest()


def test_tar_lists_and_unpacks_a_shard(sharded, tmp_path):
    assert sharded.write() == 0
    shard = tar_files(sharded.folder)[0]
    subprocess.run(["tar", "-xf", shard, "-C", tmp_path], check=True)
    assert len(list(tmp_path.glob("train-*.npy"))) == len(samples([shard]))


def test_any_number_of_jobs_writes_the_same_bytes(sharded, tmp_path):
    assert sharded.write() == 0
    for job in "123":
        assert sharded.write("--job", job, "--num-jobs", "3", outdir=tmp_path / "jobs") == 0
    assert sharded.write("--merge", "--num-jobs", "3", outdir=tmp_path / "jobs") == 0
    for path in [*tar_files(sharded.folder), *map(sharded.folder.joinpath, ("shards.scp", "shards.json", "text"))]:
        assert path.read_bytes() == (tmp_path / "jobs" / path.name).read_bytes(), path.name


def test_a_url_gets_the_same_bytes_as_a_folder(sharded, memory):
    assert sharded.write() == 0
    for job in "12":
        assert sharded.write("--job", job, "--num-jobs", "2", outdir="memory://bucket/train") == 0
    assert sharded.write("--merge", "--num-jobs", "2", outdir="memory://bucket/train") == 0
    for path in [*tar_files(sharded.folder), sharded.folder / "shards.json"]:
        assert memory.cat_file(f"/bucket/train/{path.name}") == path.read_bytes(), path.name


def test_half_takes_half_the_room(sharded, tmp_path):
    assert sharded.write() == 0
    assert sharded.write("--half", outdir=tmp_path / "half") == 0
    data, exact = sharded.speech(tmp_path / "half"), sharded.speech(sharded.folder)
    assert data.features(3).dtype == np.float32
    np.testing.assert_array_equal(data.features(3), exact.features(3).astype(np.float16).astype(np.float32))


def test_jobs_that_did_not_run_or_cut_another_set_are_named(sharded, capsys):
    assert sharded.write("--job", "1", "--num-jobs", "2") == 0
    assert sharded.write("--merge", "--num-jobs", "2") == 1
    assert "run job 2 of 2 first" in capsys.readouterr().err
    assert sharded.write("--job", "2", "--num-jobs", "2", size_mb="0.05") == 0
    assert sharded.write("--merge", "--num-jobs", "2") == 1
    assert "of another set or --shard-mb; run job 2 of 2 again" in capsys.readouterr().err
    assert sharded.write("--job", "2", "--num-jobs", "3") == 0
    assert sharded.write("--merge", "--num-jobs", "2") == 1
    assert "of another number of jobs; run all 2 jobs again" in capsys.readouterr().err
    assert not (sharded.folder / "shards.json").exists()


def test_a_shard_that_went_missing_before_the_merge_is_named(sharded, capsys):
    assert sharded.write("--job", "1", "--num-jobs", "1") == 0
    tar_files(sharded.folder)[2].unlink()
    assert sharded.write("--merge", "--num-jobs", "1") == 1
    assert "missing or cut short; run their jobs again: shard-000002.tar" in capsys.readouterr().err


def test_unusable_features_leave_no_shard(sharded, capsys):
    lines = (sharded.source / "utt2num_frames").read_text().splitlines()
    (sharded.source / "utt2num_frames").write_text("\n".join([*lines[:-1], "train-039 7"]) + "\n")
    assert sharded.write(size_mb="100") == 1
    assert "train-039: its features" in capsys.readouterr().err
    assert not list(sharded.folder.glob("*.tar*")) and not list(sharded.folder.glob(".*.tmp"))


def test_the_index_is_one_shard_a_line_of_json(sharded):
    assert sharded.write() == 0
    content = (sharded.folder / "shards.json").read_text()
    assert json.loads(content)["utterances"] == 40
    assert len(content.splitlines()) == len(tar_files(sharded.folder)) + 2


def test_the_folder_of_the_features_is_refused(sharded, capsys):
    assert sharded.write(outdir=sharded.source) == 1
    assert "is the folder of the features itself" in capsys.readouterr().err
