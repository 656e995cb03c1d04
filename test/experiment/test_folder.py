"""exp/<tag>: what it holds, and what may change between two starts."""

import pytest
import yaml

from jstasr.errors import JstasrError
from jstasr.experiment.config import load_config
from jstasr.experiment.folder import prepare_folder


@pytest.fixture
def started(toy, tmp_path):
    """An experiment with a checkpoint: (folder, config)."""
    config, expdir = toy.config(), tmp_path / "exp"
    prepare_folder(expdir, config, toy.token_list, None, toy.phone_list)
    (expdir / "checkpoints").mkdir()
    (expdir / "checkpoints" / "step10.pth").touch()
    return expdir, config


def again(toy, started):
    expdir, config = started
    prepare_folder(expdir, config, toy.token_list, None, toy.phone_list)


def test_the_folder_holds_the_configuration_and_the_lists(toy, started):
    expdir, config = started
    assert load_config(expdir / "config.yaml") == config
    assert (expdir / "tokens.txt").read_bytes() == toy.token_list.read_bytes()
    assert (expdir / "phones.txt").read_bytes() == toy.phone_list.read_bytes()


def test_the_same_settings_continue(toy, started):
    again(toy, started)


def test_changed_settings_are_refused_and_named(toy, started):
    started[1].model.dim, started[1].optim.max_steps = 64, 7
    with pytest.raises(JstasrError) as raised:
        again(toy, started)
    assert "model.dim (32 -> 64), optim.max_steps (3000 -> 7)" in str(raised.value)
    assert "--asr_tag" in str(raised.value)


def test_what_does_not_touch_the_model_may_change(toy, started):
    config = started[1]
    config.log_interval, config.valid.interval, config.data.num_workers = 1, 7, 3
    again(toy, started)


def test_an_experiment_from_before_joining_continues_without_it(toy, started):
    path, config = started[0] / "config.yaml", started[1]
    settings = yaml.safe_load(path.read_text())
    del settings["data"]["join"]
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(JstasrError, match=r"settings: data\.join\.share \(0\.0 -> 0\.5\)\."):
        again(toy, started)
    config.data.join.share = 0.0
    again(toy, started)


def test_other_lists_are_refused(toy, started):
    toy.token_list.write_text(toy.token_list.read_text() + "ø\n")
    with pytest.raises(JstasrError, match=r"other settings: tokens\.txt"):
        again(toy, started)


def test_before_the_first_checkpoint_everything_may_change(toy, started):
    (started[0] / "checkpoints" / "step10.pth").unlink()
    started[1].model.dim = 64
    again(toy, started)
    assert load_config(started[0] / "config.yaml").model.dim == 64


@pytest.mark.parametrize("content", [None, "a: [", b"\xff\xfe"])
def test_a_lost_configuration_is_no_traceback(toy, started, content):
    path = started[0] / "config.yaml"
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(JstasrError, match=r"config\.yaml: cannot be read"):
        again(toy, started)


def test_other_data_under_the_same_name_is_refused(toy, tmp_path):
    expdir, config = tmp_path / "exp", toy.config()
    lists = (toy.token_list, None, toy.phone_list)
    prepare_folder(expdir, config, *lists, {"paired speech": "3000 utterances, 12ab"})
    (expdir / "checkpoints").mkdir()
    (expdir / "checkpoints/step1.pth").touch()
    prepare_folder(expdir, config, *lists, {"paired speech": "3000 utterances, 12ab"})
    with pytest.raises(JstasrError, match=r"paired speech \(3000 utterances -> 600 utterances\)"):
        prepare_folder(expdir, config, *lists, {"paired speech": "600 utterances, 34cd"})


def test_what_changed_is_listed_shortly(toy, started):
    expdir, config = started
    (expdir / "config.yaml").write_text("losses: {warmup: {" + ", ".join(f"a{i}: [1, 2]" for i in range(99)) + "}}\n")
    with pytest.raises(JstasrError, match="was trained with other settings: ") as raised:
        prepare_folder(expdir, config, toy.token_list, None, toy.phone_list)
    assert len(str(raised.value)) < 1500 and "None -> {" not in str(raised.value)
