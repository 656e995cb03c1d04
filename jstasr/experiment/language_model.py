"""Files of external language models: an ARPA file, and a neural model with its sizes and its token list."""

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import not_finite
from jstasr.experiment.files import LM, NNLM
from jstasr.experiment.search import SearchConfig
from jstasr.experiment.torch_file import read_torch_file
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.lm.external import ExternalLm
from jstasr.lm.neural import NeuralLm, NeuralLmConfig
from jstasr.lm.ngram import NgramModel

SIZES = {"vocab_size": 1 << 24, "layers": 64, "dim": 1 << 16}  # largest of a file that may be a stranger's
WHAT = "a neural language model of `jstasr nnlm`"


def own_files(folder: Path, search: SearchConfig) -> tuple[Path | None, Path | None]:
    """The n-gram and the neural model that stand with a model in a folder, each where `search` has a weight for it."""
    return folder / LM if search.lm_weight > 0 else None, folder / NNLM if search.nnlm_weight > 0 else None


def load_external_lm(
    ngram: str | Path | None, neural: str | Path | None, tokens: list[str], device: str | torch.device = "cpu"
) -> ExternalLm | None:
    """Read the files of language models over the tokens of a token list; None: neither is given.

    Raises:
        JstasrError: as of `NgramModel.load` and `load_neural_lm`.
    """
    if ngram is None and neural is None:
        return None
    return ExternalLm(
        None if ngram is None else NgramModel.load(ngram, tokens, device),
        None if neural is None else load_neural_lm(Path(neural), tokens, device),
    )


def save_neural_lm(model: NeuralLm, tokens: list[str], path: Path) -> None:
    """Write sizes, token list and weights as one file, which appears whole or not at all.

    Raises:
        JstasrError: the file cannot be written.
    """
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    with atomic_write(path, "wb") as file:
        torch.save({"config": asdict(model.config), "tokens": list(tokens), "model": weights}, file)


def load_neural_lm(path: Path, tokens: list[str], device: str | torch.device = "cpu") -> NeuralLm:
    """Read a file of `save_neural_lm`, in evaluation mode.

    Raises:
        JstasrError: missing, damaged or another kind of file; a model of other tokens than these.
    """
    try:
        content = read_torch_file(path, WHAT)
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such language model; make one with `jstasr nnlm`") from None
    config, weights, own = checked(path, content)
    if own != tokens:
        index = next((i for i, (a, b) in enumerate(zip(own, tokens)) if a != b), min(len(own), len(tokens)))
        raise JstasrError(
            f"{path}: is a language model of other tokens: it has {len(own)} and the model {len(tokens)}, and they "
            f"differ from number {index} on. Train it on this model's token list: jstasr nnlm --token-list"
        )
    with torch.device("meta"):  # not built before the weights fit
        wanted = {name: value.shape for name, value in NeuralLm(config).state_dict().items()}
    if wanted != {name: value.shape for name, value in weights.items()}:
        raise JstasrError(f"{path}: damaged: its weights are not those of the sizes that it states")
    if broken := not_finite(weights):
        raise JstasrError(f"{path}: NaN or infinity in {first_few(broken, 3)}. Train it again: jstasr nnlm")
    model = NeuralLm(config)
    model.load_state_dict(weights)
    return model.to(device).eval().requires_grad_(False)


def checked(path: Path, content: object) -> tuple[NeuralLmConfig, dict[str, Tensor], list[str]]:
    """Sizes, weights and token list of the content of a file, of the right types and in range.

    Raises:
        JstasrError: they are not.
    """
    fault = JstasrError(f"{path}: damaged or not {WHAT}")
    if not isinstance(content, dict) or content.keys() != {"config", "tokens", "model"}:
        raise fault
    sizes, weights, tokens = content["config"], content["model"], content["tokens"]
    if not isinstance(sizes, dict) or sizes.keys() != asdict(NeuralLmConfig(1)).keys():
        raise fault
    right = all(isinstance(sizes[name], int) and 1 <= sizes[name] <= most for name, most in SIZES.items())
    right = right and isinstance(sizes["dropout"], float) and 0 <= sizes["dropout"] < 1
    right = right and isinstance(weights, dict) and all(isinstance(value, Tensor) for value in weights.values())
    right = right and isinstance(tokens, list) and len(tokens) == sizes["vocab_size"]
    if not right:
        raise fault
    return NeuralLmConfig(**sizes), weights, tokens
