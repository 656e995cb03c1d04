"""Is this folder meant to be an experiment? Imports nothing heavy: it is asked before anything else."""

from pathlib import Path

from jstasr.errors import JstasrError

DATA_FILES = ("wav.scp", "feats.scp", "text", "utt2spk")  # tables of a data directory
EXPERIMENTS = "*/config.yaml"


def check_place(expdir: str) -> None:
    """Refuse a folder for an experiment that is something else.

    Raises:
        JstasrError: an empty name, a data directory, or the folder of all experiments.
    """
    if not expdir.strip():
        raise JstasrError("--expdir is empty: give exp/<tag>")
    folder = Path(expdir)
    data = [name for name in DATA_FILES if (folder / name).is_file()]
    if data:
        raise JstasrError(f"--expdir {expdir}: is a data directory (it holds {data[0]}): give exp/<tag>")
    if not (folder / "config.yaml").exists():
        inner = sorted(path.parent.name for path in folder.glob(EXPERIMENTS))
        if inner:
            raise JstasrError(f"--expdir {expdir}: holds experiments, such as {inner[0]}: give {folder / '<tag>'}")
