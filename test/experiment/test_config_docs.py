"""docs/reference/config.md explains every value and gives its default."""

from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from jstasr.experiment.config import TrainConfig, load_config
from jstasr.experiment.search import SearchConfig

ROOT = Path(__file__).parents[2]
FILLED_IN = {"model.vocab_size", "model.phone_size"}  # from the token and phone lists


def values(node, prefix=""):
    for item in fields(node):
        value = getattr(node, item.name)
        if is_dataclass(value):
            yield from values(value, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, value


@pytest.mark.parametrize("config", [TrainConfig(), SearchConfig()], ids=lambda c: type(c).__name__)
def test_every_value_is_documented_with_its_default_and_a_meaning(config):
    rows = [line.split(" | ") for line in (ROOT / "docs/reference/config.md").read_text("utf-8").splitlines()]
    documented = {row[0][3:-1]: row for row in rows if row[0].startswith("| `")}
    for name, default in values(config):
        if name not in FILLED_IN:
            assert name in documented, f"{name} is missing in docs/reference/config.md"
            assert documented[name][1] == f"`{default}`", name
            assert documented[name][2].strip(" |"), f"{name} has no explanation"


@pytest.mark.parametrize("path", sorted(ROOT.glob("egs/*/asr1/conf/train*.yaml")), ids=lambda p: "/".join(p.parts[-4:]))
def test_configurations_of_the_recipes_load(path):
    load_config(path)


@pytest.mark.parametrize(
    "name, millions", [("mini", (2, 3)), ("small", (9, 12)), ("base", (27, 33)), ("large", (110, 130))]
)
def test_sizes(name, millions):
    from jstasr.model.joint import JointModel

    config = load_config(ROOT / f"egs/TEMPLATE/asr1/conf/train_{name}.yaml").model
    config.vocab_size, config.phone_size = 500, 60
    size = sum(parameter.numel() for parameter in JointModel(config).parameters()) / 1e6
    assert millions[0] <= size <= millions[1]
