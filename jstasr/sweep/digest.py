"""What a cell is named by: short digests of its configuration and its data, and the commit of the code."""

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.score.environment import UNCOMMITTED

LENGTH = 10  # characters of a digest and of a commit's hash
# Files of the dump folder that say what the data are: utterances, their length, their phonemes and languages
DATA_FILES = ("text", "phones", "utt2num_frames", "utt2lang", "utt2spk")
TOKEN_FILES = ("tokens.txt", "phones.txt")


def digest(text: str | bytes) -> str:
    """A short digest of a text."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:LENGTH]


def data_digest(workspace: Path) -> str:
    """Digest of the data that the stages up to the features wrote: which utterances, of what length, with which
    transcripts, phonemes and tokens. The values of the features follow from them and the code.

    Raises:
        JstasrError: there are none.
    """
    found = [path for name in DATA_FILES for path in workspace.glob(f"dump/*/*/{name}")]
    found += [path for name in TOKEN_FILES for path in workspace.glob(f"data/token_list/**/{name}")]
    if not found:
        raise JstasrError(f"{workspace}: holds no data; remove it to prepare them again")
    lines = [f"{path.relative_to(workspace)} {digest(path.read_bytes())}\n" for path in sorted(found)]
    return digest("".join(lines))


def code_paths(recipe: str) -> list[str]:
    """Git's names of the files on which a result of the recipe depends."""
    parts = ["jstasr", "utils", "tools", "setup.py", "pyproject.toml", "egs/TEMPLATE", recipe]
    left_out = ["*.md", f"{recipe}/conf/sweep", "jstasr/sweep", "jstasr/bin/sweep.py"]
    return [*parts, *(f":(exclude){name}" for name in left_out)]


def git(root: Path, arguments: Iterable[str]) -> bytes:
    """The output of a git command.

    Raises:
        JstasrError: it failed.
    """
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", b"").decode(errors="replace").strip() or error
        raise JstasrError(f"{root}: a sweep needs a git repository, which names the code: {reason}") from error


def code_version(root: Path, recipe: str) -> str:
    """The last commit that changed the code on which the results depend, with a digest of what is uncommitted.

    A commit of results or of documentation does not change it.
    """
    paths = code_paths(recipe)
    commit = git(root, ["log", "-1", f"--abbrev={LENGTH}", "--format=%h", "--", *paths]).decode().strip()
    changes = git(root, ["diff", "HEAD", "--no-ext-diff", "--", *paths])
    for name in git(root, ["ls-files", "-z", "--others", "--exclude-standard", "--", *paths]).split(b"\0"):
        path = root / name.decode("utf-8", "surrogateescape")
        if name and path.is_file():
            changes += name + b"\0" + path.read_bytes()
    return f"{commit}-{digest(changes)}{UNCOMMITTED}" if changes else commit


def is_uncommitted(version: str) -> bool:
    """Does the version name code with uncommitted changes?"""
    return version.endswith(UNCOMMITTED)
