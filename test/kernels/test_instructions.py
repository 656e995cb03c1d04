"""The one choice of an instruction set holds for every kernel."""

import pytest

from jstasr.kernels import _alignment, _layers, instructions


@pytest.mark.parametrize("name", instructions.INSTRUCTION_SETS)
def test_both_extensions_follow_the_choice(name):
    if name not in instructions.available():
        pytest.skip(f"no {name} here")
    try:
        instructions.use(name)
        assert instructions.in_use() == name
        assert _alignment.in_use() == _layers.in_use() == instructions.INSTRUCTION_SETS.index(name)
    finally:
        instructions.use()
    assert instructions.in_use() == instructions.available()[-1]


def test_a_set_that_is_not_there_is_an_error_and_changes_nothing():
    before = instructions.in_use()
    with pytest.raises(ValueError, match="'avx1024' is not available here, only portable"):
        instructions.use("avx1024")
    assert instructions.in_use() == before
