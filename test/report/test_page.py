"""The report of an experiment: whole, partial, and refused."""

import json
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from torch.utils.tensorboard import SummaryWriter

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.report.page import write_report
from jstasr.score.scoring import score_trn

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Checks that tags are balanced, and collects text and what the page points to."""

    def __init__(self, path):
        super().__init__()
        self.open, self.text, self.sources, self.links = [], "", [], []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.sources += [attrs["src"]] if "src" in attrs else []
        self.links += [attrs["href"]] if "href" in attrs else []
        assert tag != "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


def score(expdir, tmp_path, dataset="test", mode="full", hyp="a b d"):
    (tmp_path / "ref.trn").write_text("a b c (s1-u1)\na b (s1-u2)\n", encoding="utf-8")
    (tmp_path / "hyp.trn").write_text(f"{hyp} (s1-u1)\na b (s1-u2)\n", encoding="utf-8")
    folder = expdir / "decode_greedy" / dataset / mode / "score_wer"
    score_trn(tmp_path / "ref.trn", tmp_path / "hyp.trn", folder)
    return folder


def train_a_little(expdir):
    with SummaryWriter(str(expdir / "tensorboard")) as board:
        for step in (10, 20):
            board.add_scalar("train/streaming", 3.0, step)
            board.add_scalar("dev_wer/full", 90.0, step)
            for layer in range(4):
                board.add_scalar(f"dev_layer{layer}/own_to_other", 0.9, step)


def test_an_experiment_just_begun_says_which_stages_are_to_run(expdir):
    page = Page(write_report(expdir))
    for stage in (6, 8, 10):
        assert f"./run.sh --stage {stage}" in page.text
    (expdir / "valid.wer.ave.pth").unlink()
    assert "./run.sh --stage 7" in Page(write_report(expdir)).text
    (expdir / "decode_greedy").mkdir()
    assert "not scored yet. Run ./run.sh --stage 9" in Page(write_report(expdir)).text


def test_the_whole_road_by_its_commands(expdir, data_dir, tmp_path, capsys):
    train_a_little(expdir)
    score(expdir, tmp_path)
    times = tmp_path / "phones.ctm"
    times.write_text("s1-u1 1 0.0 0.1 b\ns1-u1 1 0.1 0.1 a\n")
    command = ["analyze", "--expdir", str(expdir), "--data-dir", str(data_dir), "--pictures", "2"]
    assert main([*command, "--phone-times", str(times)]) == 0
    table = capsys.readouterr().out
    assert "full 2" in table and "own/other" in table
    assert (expdir / "report" / "alignment.txt").read_text(encoding="utf-8") in table
    assert main(["report", "--expdir", str(expdir)]) == 0
    page = Page(expdir / "report" / "index.html")
    assert "./run.sh" not in page.text.replace("not started by ./run.sh", "").replace("--stage 6 draws", "")
    assert "20.0" in page.text  # one substitution in five words
    assert "step 20 of 3000" in page.text
    assert "Where 1 phonemes of 1 utterances begin" in page.text
    assert len(page.sources) == 3 + 1 + 2  # curves, depth, pictures


def test_the_page_loads_nothing_and_its_links_lead_to_files(expdir, tmp_path):
    train_a_little(expdir)
    score(expdir, tmp_path, dataset="test #1")
    path = write_report(expdir)
    page = Page(path)
    assert page.sources and all(source.startswith("data:image/") for source in page.sources)
    assert "url(" not in path.read_text(encoding="utf-8")
    assert page.links and all((path.parent / unquote(link)).is_file() for link in page.links)


def test_sets_decoders_and_decodings_each_have_their_row(expdir, tmp_path):
    score(expdir, tmp_path, "test", "full", hyp="a b c")
    score(expdir, tmp_path, "test", "streaming")
    text = write_report(expdir).read_text(encoding="utf-8")
    streaming, full = text.index(">streaming<"), text.index(">full context<")
    assert streaming < full
    assert '<span class="strong">20.0</span>' in text[:full] and '<span class="strong">0.0</span>' in text[full:]


def test_names_are_text_and_never_markup(expdir, tmp_path):
    odd = expdir.rename(expdir.parent / "a<b>&c")
    score(odd, tmp_path, dataset="<i>x")
    page = Page(write_report(odd, note="5 < 6 & <script>alert(1)</script>"))
    assert "a<b>&c" in page.text and "<i>x" in page.text and "<script>" in page.text


def test_the_note_of_the_results_page_stands_on_top(expdir):
    (expdir.parent.parent / "RESULTS.md").write_text("# RESULTS\n\nSynthetic speech. <!-- jstasr note -->\n")
    assert "Synthetic speech." in Page(write_report(expdir)).text


def test_commands_are_those_of_the_job_runner_in_the_order_of_the_stages(expdir):
    for name, command in (("analyze", "jstasr analyze --x"), ("train", "env A=1 jstasr train --y")):
        (expdir / "logdir").mkdir(exist_ok=True)
        (expdir / "logdir" / f"{name}.log").write_text(f"# {command} \n# Started at noon\n", encoding="utf-8")
    text = Page(write_report(expdir)).text
    assert 0 < text.index("env A=1 jstasr train --y") < text.index("jstasr analyze --x")


def test_values_that_are_not_the_defaults_are_named(expdir):
    text = Page(write_report(expdir)).text
    changed = text[text.index("Not the defaults") : text.index("seed:")]
    assert "model.full_layers" not in changed and "model.shared_layers" in changed
    assert "model.vocab_size" not in changed


def test_a_damaged_part_is_named_and_the_rest_shown(expdir, tmp_path):
    (score(expdir, tmp_path) / "result.json").write_text("{", encoding="utf-8")
    score(expdir, tmp_path, mode="streaming")
    (expdir / "report").mkdir()
    (expdir / "report" / "alignment.json").write_text('{"layers": []}', encoding="utf-8")
    text = Page(write_report(expdir)).text
    assert "score_wer/result.json: cannot be read" in text and "run stage 9 again" in text
    assert "alignment.json: lacks utterances, pictures; run stage 10 again" in text
    assert "20.0" in text


def test_a_folder_that_is_no_experiment_is_refused(tmp_path, expdir, capsys):
    with pytest.raises(JstasrError, match="no such folder"):
        write_report(tmp_path / "absent")
    assert main(["report", "--expdir", str(expdir.parent)]) == 1
    assert "is not an experiment. It holds the experiments tiny" in capsys.readouterr().err


def test_analyze_refuses_what_does_not_fit(expdir, data_dir, capsys):
    def error(*extra):
        assert main(["analyze", "--expdir", str(expdir), "--data-dir", str(data_dir), *extra]) == 1
        return capsys.readouterr().err

    assert "--utterances -1" in error("--utterances", "-1")
    assert "no such model" in error("--model", "absent.pth")
    (data_dir / "phones").rename(data_dir / "phones.old")
    assert "phones: no such file" in error()
    (data_dir / "phones.old").rename(data_dir / "phones")
    with open(expdir / "phones.txt", "a", encoding="utf-8") as file:
        file.write("z\n")
    assert "config.yaml has 8 phones and phones.txt holds 9" in error()


def test_broken_features_are_refused_by_utterance(expdir, data_dir, capsys):
    with open(data_dir / "feats.ark", "r+b") as file:
        file.truncate(file.seek(0, 2) - 100)
    assert main(["analyze", "--expdir", str(expdir), "--data-dir", str(data_dir)]) == 1
    assert "s2-u5" in capsys.readouterr().err
    assert not (expdir / "report" / "alignment.json").exists()


def test_alignment_json_is_strict_json(expdir, data_dir):
    arguments = ["--expdir", str(expdir), "--data-dir", str(data_dir), "--utterances", "1", "--pictures", "0"]
    assert main(["analyze", *arguments]) == 0

    def refuse(constant):
        raise AssertionError(constant)

    text = (expdir / "report" / "alignment.json").read_text(encoding="utf-8")
    analysis = json.loads(text, parse_constant=refuse)
    assert analysis["layers"][0]["own_to_other"] is None
    assert write_report(expdir).is_file()
