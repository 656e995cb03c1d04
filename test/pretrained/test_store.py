"""Where an encoder is looked for, and what is said of a folder that is none."""

import json
import sys
from pathlib import Path

import pytest
import torch

from jstasr.errors import JstasrError
from jstasr.pretrained.encoder import load_encoder
from jstasr.pretrained.store import digest_of, find_encoder, require_digest

sys.path.insert(0, str(Path(__file__).parent))
from tiny import save_encoder  # noqa: E402


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.delenv("JSTASR_MODELS", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def whisper(tmp_path):
    return save_encoder(tmp_path / "models" / "tiny", "whisper")


def test_the_store_is_before_the_current_folder(whisper, tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    assert find_encoder("tiny") == Path("tiny")
    monkeypatch.setenv("JSTASR_MODELS", str(tmp_path / "models"))
    assert find_encoder("tiny") == whisper


def test_a_path_that_has_moved_is_found_in_the_store_by_its_last_part(whisper, tmp_path, monkeypatch):
    monkeypatch.setenv("JSTASR_MODELS", str(tmp_path / "models"))
    assert find_encoder("/nowhere/tiny") == whisper


def test_without_a_network_the_command_that_brings_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("JSTASR_MODELS", str(tmp_path))
    with pytest.raises(JstasrError, match=rf"hf download some/model --local-dir {tmp_path}/some/model$") as caught:
        find_encoder("some/model")
    assert "\n" not in str(caught.value)


def test_a_name_that_is_no_id_is_not_looked_for_in_the_hub():
    with pytest.raises(JstasrError, match="nonsense: there is no such folder.* JSTASR_MODELS"):
        find_encoder("nonsense")


def test_a_store_that_is_no_folder_is_named(monkeypatch):
    monkeypatch.setenv("JSTASR_MODELS", "/nowhere")
    with pytest.raises(JstasrError, match="JSTASR_MODELS names '/nowhere', which is no folder"):
        find_encoder("tiny")


def test_a_file_is_no_encoder(whisper):
    with pytest.raises(JstasrError, match="config.json: is a file, not the folder"):
        find_encoder(str(whisper / "config.json"))


def test_the_digest_tells_other_weights(whisper, tmp_path):
    other = save_encoder(tmp_path / "other", "whisper", seed=1)
    assert digest_of(whisper) == digest_of(whisper) != digest_of(other)
    with pytest.raises(JstasrError, match="tiny: its weights have the digest a, and this model needs those with b"):
        require_digest("tiny", "a", "b", "this model")


def damaged(path: Path, what: str) -> None:
    """Damage an encoder's folder in one way."""
    weights, config = path / "model.safetensors", path / "config.json"
    if what == "cut short":
        weights.write_bytes(weights.read_bytes()[:-500])
    elif what == "no weights":
        weights.unlink()
    elif what == "no config":
        config.unlink()
    elif what == "no JSON":
        config.write_text("{")
    elif what == "a list":
        config.write_text("[]")
    elif what in ("bert", "vits"):
        config.write_text(json.dumps({"model_type": what}))
    else:  # NaN, or a weight that is missing or of another size
        from safetensors.torch import load_file, save_file

        tensors = load_file(weights)
        name = next(name for name in tensors if "encoder.layers.1.fc1.weight" in name)
        if what == "NaN":
            tensors[name][0, 0] = float("nan")
        elif what == "a weight less":
            del tensors[name]
        else:
            tensors[name] = torch.zeros(3, 5)
        save_file(tensors, weights, metadata={"format": "pt"})


@pytest.mark.parametrize(
    "what, message",
    [
        ("cut short", "its weights cannot be used"),
        ("no weights", "holds no weights beside config.json"),
        ("no config", "holds no config.json, so it is no pretrained encoder"),
        ("no JSON", "config.json: cannot be read"),
        ("a list", "names no model_type"),
        ("bert", "is a model of the type 'bert', not a speech encoder that this version knows: data2vec-audio"),
        ("vits", "is a model of the type 'vits', not a speech encoder"),
        ("NaN", "NaN or infinity in layers.1.fc1.weight"),
        ("a weight less", "1 are missing or of another size, such as layers.1.fc1.weight"),
        ("another size", "its weights cannot be used"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_sentence(whisper, what, message):
    damaged(whisper, what)
    with pytest.raises(JstasrError, match=message) as caught:
        load_encoder(whisper)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"encoder_layers": 10**9}, "config.json: encoder_layers: 1000000000: is more than 200"),
        ({"encoder_layers": 200}, "asks for .* MB of weights, and its files hold"),
        ({"d_model": 100_000}, "asks for .* MB of weights, and its files hold"),
        ({"num_labels": 10**9}, "num_labels: 1000000000: is more than 1000000"),
        ({"dropout": float("nan")}, "dropout: nan: is more than 1000000"),
        ({"d_model": "many"}, "its weights cannot be used"),
        ({"num_mel_bins": None}, "its weights cannot be used|does not describe the encoder"),
        ({"attn_implementation": "owner/kernel"}, "attn_implementation: asks for code of others, which is not run"),
        ({"a": {"_attn_implementation_internal": "owner/kernel"}}, "a._attn_implementation_internal: asks for code"),
        ({"quantization_config": {"quant_method": "x"}}, "quantization_config: asks for code of others"),
    ],
)
def test_a_configuration_that_no_encoder_has_is_refused_before_it_is_built(whisper, values, message):
    config = json.loads((whisper / "config.json").read_text())
    (whisper / "config.json").write_text(json.dumps(config | values))
    with pytest.raises(JstasrError, match=message) as caught:
        load_encoder(whisper)
    assert "\n" not in str(caught.value)


def test_settings_of_the_samples_that_are_none_are_named(tmp_path):
    folder = save_encoder(tmp_path / "tiny", "wav2vec2")
    (folder / "preprocessor_config.json").write_text("[1]")
    with pytest.raises(JstasrError, match="does not describe the encoder"):
        load_encoder(folder)


def test_code_beside_the_weights_is_not_run(whisper):
    config = json.loads((whisper / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}
    (whisper / "config.json").write_text(json.dumps(config))
    (whisper / "evil.py").write_text("raise SystemExit('ran')\n")
    assert load_encoder(whisper).family == "whisper"
