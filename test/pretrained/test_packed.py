"""A pretrained encoder in a pack, which may be a stranger's: its own files are read, and nothing else."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jstasr import Transcriber
from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import save_atomically
from jstasr.experiment.files import AVERAGED, MANIFEST
from jstasr.experiment.folder import prepare_folder
from jstasr.experiment.pack import pack
from jstasr.experiment.unpack import add_manifest
from jstasr.model.joint import JointModel
from jstasr.pretrained.store import digest_of

sys.path.insert(0, str(Path(__file__).parent))
from tiny import WIDTH, save_encoder  # noqa: E402


@pytest.fixture
def make_pack(toy, tmp_path, monkeypatch):
    def make(width=WIDTH):
        """The pack of a model on features of some width, with a tiny Whisper."""
        monkeypatch.setenv("JSTASR_MODELS", str(tmp_path / "models"))
        folder = save_encoder(tmp_path / "models" / "tiny", "whisper")
        (folder / "tokenizer.json").write_text("{}")
        config = toy.config(encoder="pretrained", num_mel_bins=width, chunk_size=0)
        config.features.kind, config.model.pretrained.name = "pretrained", "tiny"
        config.model.pretrained.digest = digest_of(folder)
        expdir, output = tmp_path / "exp", tmp_path / "good.zip"
        prepare_folder(expdir, config, str(toy.token_list), None, str(toy.phone_list))
        save_atomically({"model": JointModel(config.model).state_dict()}, expdir / AVERAGED)
        pack(expdir, expdir / AVERAGED, output, with_encoder=True)
        return output

    return make


@pytest.fixture
def packed(make_pack):
    return make_pack()


def changed(path, parts, signed=True):
    """The pack with other parts; None leaves one out."""
    with zipfile.ZipFile(path) as archive:
        all_parts = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST} | parts
    bad = path.with_name("bad.zip")
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in all_parts.items():
            if content is not None:
                archive.writestr(name, content)
    if signed:
        add_manifest(bad)
    return bad


def test_only_the_files_that_are_needed_are_packed(packed):
    with zipfile.ZipFile(packed) as archive:
        names = {name for name in archive.namelist() if name.startswith("encoder/")}
    assert names == {"encoder/config.json", "encoder/model.safetensors"}
    assert isinstance(Transcriber.from_pretrained(packed).transcribe(np.zeros(16000, np.float32)).text, str)


def test_an_adapter_in_a_pack_is_not_followed(packed):
    adapter = json.dumps({"base_model_name_or_path": "/nowhere", "peft_type": "LORA"}).encode()
    parts = {"encoder/adapter_config.json": adapter}
    assert Transcriber.from_pretrained(changed(packed, parts, signed=False)).features.num_mel_bins == WIDTH


@pytest.mark.parametrize(
    "parts, message",
    [
        (
            {"encoder/model.safetensors.index.json": b'{"weight_map": {"a": "../../evil.safetensors"}}'},
            "the pack lacks",
        ),
        ({"encoder/model.safetensors.index.json": b"[1]"}, "damaged"),
        ({"encoder/pytorch_model.bin": b"x" * 1000}, "not a packed model, or damaged .File is not a zip file"),
        ({"encoder/config.json": None}, "holds no config.json, so it is no pretrained encoder"),
        ({"encoder/model.safetensors": None}, "holds no weights"),
        ({"encoder/config.json": b'{"model_type": "whisper", "encoder_layers": 1000000000}'}, "is more than 200"),
        ({"encoder/config.json": b'{"model_type": "whisper", "encoder_layers": {}}'}, "its weights cannot be used"),
    ],
)
def test_a_hostile_encoder_is_refused_in_one_sentence(packed, parts, message):
    bad = changed(packed, parts)
    with pytest.raises(JstasrError, match=message) as raised:
        Transcriber.from_pretrained(bad)
    assert "\n" not in str(raised.value) and str(bad) in str(raised.value)


def test_features_of_another_width_are_refused(make_pack):
    with pytest.raises(JstasrError, match=f"encoder have {WIDTH} values, and its num_mel_bins is 20"):
        Transcriber.from_pretrained(make_pack(width=20))
