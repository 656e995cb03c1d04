"""Which instruction set the compiled kernels use: the best that the processor has, or one that is asked for.

Tests and benchmarks ask; the model and the alignment never do.
"""

from jstasr.kernels import _alignment, _layers

INSTRUCTION_SETS = ("portable", "avx2", "avx512")


def available() -> tuple[str, ...]:
    """The instruction sets that kernels and processor both have, the best one last."""
    return INSTRUCTION_SETS[: _alignment.best() + 1]


def in_use() -> str:
    """The instruction set of every kernel that is called now."""
    return INSTRUCTION_SETS[_alignment.in_use()]


def use(name: str | None = None) -> None:
    """Use the instruction set `name` in every kernel from now on; None: the best.

    Raises:
        ValueError: the processor does not have it, or there is no set of this name.
    """
    names = available()
    name = names[-1] if name is None else name
    if name not in names:
        raise ValueError(f"instruction set {name!r} is not available here, only {', '.join(names)}")
    for extension in (_alignment, _layers):
        extension.use(names.index(name))
