"""One zip with all that `Experiment.load` reads."""

import zipfile
from pathlib import Path

import torch

from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import load_checkpoint
from jstasr.experiment.config import config_yaml
from jstasr.experiment.files import AVERAGED, BPE, CONFIG, DECODE, ENCODER, LM, NNLM, PHONES, TOKENS
from jstasr.experiment.language_model import load_external_lm, own_files
from jstasr.experiment.load import Experiment
from jstasr.experiment.search import SearchConfig, recipe_search_yaml
from jstasr.experiment.unpack import add_manifest, largest
from jstasr.kaldi.files import atomic_write
from jstasr.pretrained.encoder import locate
from jstasr.pretrained.store import digest_of, require_digest, weight_files


def pack(
    expdir: Path,
    model: Path,
    output: Path,
    search: SearchConfig | None = None,
    language_model: str | Path | None = None,
    with_encoder: bool = False,
    neural_model: str | Path | None = None,
) -> None:
    """Write one zip with all that `Experiment.load` reads; checked before it takes its name.

    Args:
        search: how the model is to search; None: as the experiment does.
        language_model: ARPA file, where `search` has a weight for it.
        with_encoder: with the pretrained encoder that the model stands on, too.
        neural_model: file of a neural language model, where `search` has a weight for it.
    Raises:
        JstasrError: the experiment or the language model is broken, or the zip cannot be written.
    """
    # refuses a broken experiment here, not at its user's
    found = Experiment.load(expdir, model, own_search=search is None)
    if search is None:
        search = found.search
        language_model, neural_model = own_files(expdir, search)
    else:
        load_external_lm(language_model, neural_model, found.tokenizer.token_list.tokens)  # likewise
    encoder = encoder_files(found) if with_encoder else []
    with atomic_write(output, "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(CONFIG, config_yaml(found.config))
            for name in (TOKENS, BPE, PHONES):
                if (expdir / name).is_file():
                    archive.write(expdir / name, name)
            for path in encoder:
                archive.write(path, f"{ENCODER}/{path.name}")
            archive.writestr(DECODE, recipe_search_yaml(search))
            if language_model is not None:
                archive.write(language_model, LM)
            if neural_model is not None:
                archive.write(neural_model, NNLM)
            with archive.open(AVERAGED, "w", force_zip64=True) as target:
                torch.save({"model": load_checkpoint(model)["model"]}, target)  # without an optimiser's state
        file.flush()
        add_manifest(Path(file.name))
        Experiment.load(file.name)


def encoder_files(experiment: Experiment) -> list[Path]:
    """The files of the pretrained encoder of an experiment.

    Raises:
        JstasrError: it has none, or the encoder is missing or another one.
    """
    own = experiment.config.model.pretrained
    if not own.name:
        raise JstasrError("--with-encoder: this model has no pretrained encoder")
    folder = locate(own.name)
    require_digest(own.name, digest_of(folder), own.digest, "this model")
    if folder.is_file():
        raise JstasrError(f"--with-encoder: {own.name} is a bundle of torchaudio, which its user downloads by name")
    files = [*sorted(folder.glob("*.json")), *weight_files(folder)]
    return [path for path in files if largest(f"{ENCODER}/{path.name}")]
