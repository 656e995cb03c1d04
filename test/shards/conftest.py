"""A set of made-up features in shards."""

import pytest

from jstasr.cli import main


class ShardedToy:
    """A toy set in dump/fbank/train, and its shards."""

    def __init__(self, toy, count: int = 40):
        self.toy, self.texts = toy, toy.texts(count)
        self.languages = [("en", "de", "br")[number % 3] for number in range(count)]
        self.source = toy.speech_set("train", self.texts, self.languages)
        self.folder = toy.folder / "shards" / "train"

    def write(self, *options, outdir=None, size_mb="0.02"):
        """The exit code of `jstasr shards`; about ten shards."""
        words = [
            "shards",
            "--data-dir",
            self.source,
            "--outdir",
            outdir or self.folder,
            "--shard-mb",
            size_mb,
            *options,
        ]
        return main([str(word) for word in words])

    def speech(self, folder):
        """The SpeechSet of a folder."""
        from jstasr.data.speech_set import SpeechSet

        return SpeechSet(folder, *self.toy.lists())


@pytest.fixture
def sharded(toy):
    return ShardedToy(toy)


@pytest.fixture
def memory(monkeypatch, tmp_path):
    """An empty memory:// file system, and a cache of its own."""
    import fsspec

    monkeypatch.setenv("JSTASR_CACHE", str(tmp_path / "cache"))
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()
