"""Where a pretrained encoder lies: a folder of one's own store of models, any folder, or the cache of the Hub."""

import hashlib
import os
from pathlib import Path

from jstasr.errors import JstasrError

STORE = "JSTASR_MODELS"  # environment variable: a folder of models, each a folder by its name
CONFIG = "config.json"
SAFETENSORS, PICKLED = "*.safetensors", "pytorch_model*.bin"  # of which the first is preferred
EXTRA = "pip install 'jstasr[pretrained]'"
DIGEST_LENGTH = 16  # hexadecimal digits
BLOCK = 1 << 20  # bytes that are read at a time


def find_encoder(name: str) -> Path:
    """The folder of an encoder: `$JSTASR_MODELS/<name>`, the folder `name`, the Hub's cache, else the Hub itself.

    Args:
        name: as above; of a path, its last part is looked for in the store too.
    Raises:
        JstasrError: it is nowhere; says how to bring it.
    """
    if not name:
        raise JstasrError("model.pretrained.name: names no encoder. Give one: --pretrained NAME")
    store = os.environ.get(STORE, "")
    if store and not Path(store).is_dir():
        raise JstasrError(f"{STORE} names '{store}', which is no folder: correct or unset it")
    places = [Path(store) / name, Path(store) / Path(name).name] if store else []
    for place in (*places, Path(name)):
        if place.is_dir():
            return place
        if place.exists():
            raise JstasrError(f"{place}: is a file, not the folder of a pretrained encoder ({CONFIG} and its weights)")
    return from_hub(name, store)


def from_hub(name: str, store: str) -> Path:
    """The snapshot of a Hub id (owner/name), which is downloaded where the cache lacks it; errors as `find_encoder`."""
    looked = f"${STORE} ({store or 'not set'})"
    if name.count("/") != 1 or name.startswith(("/", ".", "~")):
        raise JstasrError(
            f"pretrained encoder {name}: there is no such folder, neither here nor in {looked}, and it is no id of the "
            f"Hugging Face Hub (owner/name). Set {STORE} to the folder that holds it, or give its path"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise JstasrError(f"pretrained encoder {name}: its download needs the package transformers: {EXTRA}") from None
    found: Path | None = None
    for offline in (True, False):
        try:
            found = Path(snapshot_download(name, allow_patterns=["*.json", SAFETENSORS], local_files_only=offline))
            if not any(found.glob(SAFETENSORS)):
                found = Path(snapshot_download(name, allow_patterns=["*.json", PICKLED], local_files_only=offline))
            if (found / CONFIG).is_file() and weight_files(found):
                return found
        except (OSError, ValueError) as error:  # not in the cache; no network; no such model
            reason = " ".join(str(error).split())[:200]
        else:
            reason = f"it holds no {CONFIG} with weights"
    raise JstasrError(
        f"pretrained encoder {name}: is neither in {looked} nor in the cache of the Hub, and cannot be downloaded "
        f"({reason}). Where there is a network: hf download {name} --local-dir {Path(store or f'${STORE}') / name}"
    )


def weight_files(folder: Path) -> list[Path]:
    """The files of weights in a folder: safetensors, else those of torch; [] without any."""
    return sorted(folder.glob(SAFETENSORS)) or sorted(folder.glob(PICKLED))


def digest_of(folder: Path) -> str:
    """A short digest of the weights in a folder or file: what tells two encoders of one name apart.

    Raises:
        JstasrError: the folder holds no weights.
    """
    files = [folder] if folder.is_file() else weight_files(folder)
    if not files:
        raise JstasrError(f"{folder}: holds no weights ({SAFETENSORS} or {PICKLED})")
    digest = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()[:DIGEST_LENGTH]


def require_digest(name: str, found: str, expected: str, owner: str) -> None:
    """Refuse an encoder with other weights than those that `owner`, such as "this model", was trained on."""
    if found != expected:
        raise JstasrError(
            f"pretrained encoder {name}: its weights have the digest {found}, and {owner} needs those with {expected}. "
            f"Put these back, or name their folder by {STORE}"
        )
