"""`jstasr decode`: files as asr.sh wants them, language models, languages, errors."""

import numpy as np
import pytest
import torch

from jstasr.decode.decode_set import decode_set
from jstasr.errors import JstasrError
from jstasr.experiment.load import Experiment
from jstasr.experiment.search import SearchConfig, load_search_config
from jstasr.kaldi.tables import read_table

TEXTS = ["ab c", "fed a", "bad face", "cab"]


@pytest.fixture
def decode(jstasr):
    def run(experiment, folder, outdir, *options):
        return jstasr("decode", "--expdir", experiment, "--data-dir", folder, "--outdir", outdir, *options)

    return run


def found_in(experiment, folder, config=None, **options):
    loaded = Experiment.load(experiment)
    ids = sorted(read_table(folder / "utt2num_frames"))
    found, _ = decode_set(loaded, folder, ids, ["full"], config or SearchConfig(), lambda line: None, **options)
    return found["full"]


def test_parts_together_are_the_whole(decode, experiment, toy, tmp_path):
    folder = toy.speech_set("test", TEXTS)
    whole = decode(experiment, folder, tmp_path / "one")
    assert whole.returncode == 0, whole.stderr
    assert "4 utterances" in whole.stderr and "real-time factor" in whole.stderr
    for job in ("1", "2", "3"):
        assert decode(experiment, folder, tmp_path / "three", "--job", job, "--num-jobs", "3").returncode == 0
    for mode in ("streaming", "full"):
        one, three = tmp_path / "one" / mode / "logdir", tmp_path / "three" / mode / "logdir"
        for name in ("text", "token"):
            lines = (one / f"{name}.1").read_text().splitlines()
            parts = [line for job in (1, 2, 3) for line in (three / f"{name}.{job}").read_text().splitlines()]
            assert lines == sorted(parts) and [line.split()[0] for line in lines] == [f"test-{i:03}" for i in range(4)]
        assert len({line.split(maxsplit=1)[-1] for line in (one / "token.1").read_text().splitlines()}) == 4
        scores = [float(line.split()[1]) for line in (one / "score.1").read_text().splitlines()]
        assert all(score < 0 for score in scores)


def test_batches_do_not_change_the_result(experiment, toy):
    folder = toy.speech_set("test", toy.texts(12))
    for search in ("greedy", "beam"):
        one = found_in(experiment, folder, SearchConfig(search=search, batch_frames=1))
        many = found_in(experiment, folder, SearchConfig(search=search))
        assert {utt: best.labels for utt, best in one.items()} == {utt: best.labels for utt, best in many.items()}


def test_a_language_model_is_fused(jstasr, decode, experiment, toy, tmp_path):
    """A heavy model of one sentence turns everything into it, end of sentence included."""
    folder = toy.speech_set("test", TEXTS)
    (tmp_path / "text").write_text("".join(f"u{i:02} bad\n" for i in range(50)))
    options = ["--text", tmp_path / "text", "--token-list", toy.token_list, "--order", "4"]
    assert jstasr("lm", *options, "--output", tmp_path / "lm.arpa.gz").returncode == 0
    options = ["--set", "search=beam", "--set", "lm_weight=20", "--set", "beam_size=16", "--mode", "full"]
    done = decode(experiment, folder, tmp_path / "out", *options, "--lm", tmp_path / "lm.arpa.gz")
    assert done.returncode == 0, done.stderr
    texts = read_table(tmp_path / "out" / "full" / "logdir" / "text.1")
    assert set(texts.values()) == {"bad"}


@pytest.mark.parametrize(
    "overrides, lm, message",
    [
        (["search=bream"], None, "neither greedy nor beam"),
        (["beam_sizes=3"], None, "did you mean beam_size"),
        (["beam_size=0"], None, "beam_size: must be 1 or more"),
        (["lm_weight=0.3"], "lm.arpa", "beam search only. Add --set search=beam"),
        (["internal_lm_weight=0.3"], None, "beam search only"),
        (["search=beam", "lm_weight=0.3"], None, "without a language model. Give --lm"),
        (["search=beam"], "lm.arpa", "lm.arpa: has no weight"),
        (["search=beam", "lm_weight=-1"], "lm.arpa", "must be 0 or more"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(overrides, lm, message):
    with pytest.raises(JstasrError, match=message):
        load_search_config(None, overrides, lm)


def test_bad_sets_are_named(decode, experiment, toy, tmp_path):
    folder = toy.speech_set("odd", TEXTS, matrices=[np.ones((50, 13), np.float32)] * 4)
    done = decode(experiment, folder, tmp_path / "out")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "have 13 dimensions, the model was trained on 20" in done.stderr
    done = decode(experiment, tmp_path / "none", tmp_path / "out")
    assert done.returncode == 1 and "none/utt2num_frames: no such file" in done.stderr
    done = decode(experiment, folder, tmp_path / "out", "--job", "5", "--num-jobs", "5")
    assert done.returncode == 1 and "part 5 of 5 is empty" in done.stderr
    matrices = [toy.features(text, 0) for text in TEXTS]
    matrices[2][3] = np.nan
    with pytest.raises(JstasrError, match="bad-002: NaN"):
        found_in(experiment, toy.speech_set("bad", TEXTS, matrices=matrices))


class TestLongUtterances:
    def test_full_context_refuses_them_before_it_begins(self, decode, experiment, toy, tmp_path):
        matrices = [np.ones((frames, toy.dim), np.float32) for frames in (50, 350, 90, 420)]
        folder = toy.speech_set("long", TEXTS, matrices=matrices)
        done = decode(experiment, folder, tmp_path / "out", "--set", "max_seconds=3")
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert "2 utterances are longer than the 3 s" in done.stderr and "long-001 (4 s), long-003 (4 s)" in done.stderr

    @pytest.mark.parametrize("search", ["greedy", "beam"])
    def test_the_streaming_decoder_takes_them_in_pieces(self, experiment, toy, search, monkeypatch):
        from jstasr.decode import streaming

        monkeypatch.setattr(streaming, "PIECE", 70)
        folder, loaded = toy.speech_set("long", TEXTS), Experiment.load(experiment)
        ids = sorted(read_table(folder / "utt2num_frames"))
        longer = SearchConfig(search=search, batch_frames=1)
        shorter = SearchConfig(search=search, batch_frames=1, max_seconds=1)
        whole, _ = decode_set(loaded, folder, ids, ["streaming"], longer, lambda line: None)
        pieces, _ = decode_set(loaded, folder, ids, ["streaming"], shorter, lambda line: None)
        assert any(hypothesis.labels for hypothesis in whole["streaming"].values())
        for utt, expected in whole["streaming"].items():
            found = pieces["streaming"][utt]
            assert (found.labels, found.frames) == (expected.labels, expected.frames)
            assert found.score == pytest.approx(expected.score, abs=1e-3)


def test_decoding_leaves_its_search_with_the_model_where_that_is_asked(decode, experiment, toy, tmp_path):
    folder = toy.speech_set("test", TEXTS)
    options = ["--set", "search=beam", "--set", "beam_size=3", "--mode", "streaming"]
    assert decode(experiment, folder, tmp_path / "one", *options).returncode == 0
    assert Experiment.load(experiment).search == SearchConfig()
    assert decode(experiment, folder, tmp_path / "one", *options, "--keep-search").returncode == 0
    assert Experiment.load(experiment).search == SearchConfig(search="beam", beam_size=3)
    assert decode(experiment, folder, tmp_path / "two", "--mode", "streaming").returncode == 0
    logdir = "streaming/logdir/score.1"
    assert (tmp_path / "two" / logdir).read_text() == (tmp_path / "one" / logdir).read_text()


class TestLanguages:
    @pytest.fixture
    def multilingual(self, toy, make_experiment):
        tokens = toy.token_list.read_text().replace("<unk>\n", "<unk>\n<lang:en>\n<lang:it>\n")
        toy.token_list.write_text(tokens)
        return make_experiment(toy.features("abc def fed cab", 0))

    def test_a_given_language_is_the_first_token_and_conditions_the_rest(self, decode, multilingual, toy, tmp_path):
        folder = toy.speech_set("test", TEXTS)
        scores = {}
        for code in ("en", "it"):
            done = decode(multilingual, folder, tmp_path / code, "--lang", code, "--mode", "full")
            assert done.returncode == 0, done.stderr
            tokens = read_table(tmp_path / code / "full" / "logdir" / "token.1")
            assert all(line.split()[0] == f"<lang:{code}>" for line in tokens.values())
            assert "<lang" not in (tmp_path / code / "full" / "logdir" / "text.1").read_text()
            scores[code] = read_table(tmp_path / code / "full" / "logdir" / "score.1")
        assert all(scores["en"][utt] != scores["it"][utt] for utt in scores["en"])

    def test_each_utterance_has_its_own(self, decode, multilingual, toy, tmp_path):
        folder = toy.speech_set("test", TEXTS, languages=["en", "it", "it", "en"])
        done = decode(multilingual, folder, tmp_path / "out", "--lang", "utt2lang", "--mode", "streaming")
        assert done.returncode == 0, done.stderr
        tokens = read_table(tmp_path / "out" / "streaming" / "logdir" / "token.1")
        assert [line.split()[0] for line in tokens.values()] == ["<lang:en>", "<lang:it>", "<lang:it>", "<lang:en>"]

    def test_an_unknown_one_is_refused(self, decode, multilingual, toy, tmp_path):
        folder = toy.speech_set("test", TEXTS)
        done = decode(multilingual, folder, tmp_path / "out", "--lang", "xx")
        assert done.returncode == 1 and "no token of language 'xx'; it has: en, it" in done.stderr
        done = decode(multilingual, folder, tmp_path / "out", "--lang", "utt2lang")
        assert done.returncode == 1 and "utt2lang: no such file" in done.stderr


def test_the_transcriber_knows_languages(toy, make_experiment):
    from jstasr import Transcriber

    toy.token_list.write_text(toy.token_list.read_text().replace("<unk>\n", "<unk>\n<lang:en>\n<lang:it>\n"))
    transcriber = Transcriber.from_pretrained(make_experiment(torch.randn(200, toy.dim)))
    samples = torch.randn(16000).numpy() * 0.1
    found = transcriber.transcribe(samples, lang="it", mode="streaming", vad="none")  # it is noise
    assert found.tokens[0] == "<lang:it>" and "<lang:it>" not in found.text
    assert list(transcriber.stream([samples], lang="it", vad="none"))[-1].tokens == found.tokens
