"""Configuration files and their bases: what is merged, from where, and which file an error names."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jstasr.config import merge_config
from jstasr.errors import JstasrError


@dataclass
class Model:
    dim: int = 1
    layers: list[int] = field(default_factory=lambda: [1])
    dropout: float = 0.0


@dataclass
class Config:
    seed: int = 0
    name: str = "none"
    model: Model = field(default_factory=Model)
    warmup: dict[str, int] = field(default_factory=dict)


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of the test's folder and returns its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def refusal(path, *overrides):
    with pytest.raises(JstasrError) as raised:
        merge_config(Config, path, overrides)
    return str(raised.value)


def test_a_file_changes_its_base_which_changes_its_own_which_changes_the_defaults(write):
    write("one.yaml", "seed: 1\nname: one\nmodel: {dim: 1, dropout: 0.1}")
    write("two.yaml", "base: one.yaml\nname: two\nmodel: {dim: 2}")
    path = write("three.yaml", "base: two.yaml\nmodel: {dim: 3}")
    assert merge_config(Config, path) == Config(seed=1, name="two", model=Model(dim=3, layers=[1], dropout=0.1))
    assert merge_config(Config, path, ["name=four"]).name == "four"


def test_mappings_are_merged_and_lists_replaced(write):
    write("base.yaml", "model: {layers: [1, 2, 3]}\nwarmup: {text: 1, full: 2}")
    config = merge_config(Config, write("own.yaml", "base: base.yaml\nmodel: {layers: [4]}\nwarmup: {full: 3}"))
    assert config.model.layers == [4]
    assert config.warmup == {"text": 1, "full": 3}


def test_a_file_may_hold_its_base_alone(write):
    write("base.yaml", "seed: 5")
    assert merge_config(Config, write("own.yaml", "base: base.yaml")) == Config(seed=5)


def test_an_interpolation_of_a_base_sees_the_values_of_the_file(write):
    write("base.yaml", "seed: ${model.dim}\nmodel: {dim: 1}")
    assert merge_config(Config, write("own.yaml", "base: base.yaml\nmodel: {dim: 7}")).seed == 7


@pytest.mark.parametrize("start", ["elsewhere", "."])
def test_a_base_is_relative_to_the_file_that_names_it(write, tmp_path, monkeypatch, start):
    write("shared/deep.yaml", "seed: 3")
    write("shared/conf/size.yaml", "base: ../deep.yaml\nname: size")
    path = write("recipe/conf/train.yaml", "base: ../../shared/conf/size.yaml\nmodel: {dim: 2}")
    (tmp_path / start).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / start)
    assert merge_config(Config, os.path.relpath(path)) == Config(seed=3, name="size", model=Model(dim=2))


@pytest.mark.parametrize("link, target", [("far/away/conf", "recipe/conf"), ("far/away/conf/train.yaml", None)])
def test_links_to_a_file_or_its_folder_do_not_move_its_base(write, tmp_path, link, target):
    write("shared/size.yaml", "seed: 3")
    path = write("recipe/conf/train.yaml", "base: ../../shared/size.yaml")
    (tmp_path / link).parent.mkdir(parents=True)
    (tmp_path / link).symlink_to(tmp_path / target if target else path)
    assert merge_config(Config, tmp_path / "far/away/conf/train.yaml").seed == 3


def test_a_base_may_be_given_by_an_absolute_path(write):
    base = write("shared/size.yaml", "seed: 3")
    assert merge_config(Config, write("recipe/train.yaml", f"base: {base}")).seed == 3


def test_a_missing_base_is_an_error_that_names_both_files(write, tmp_path):
    path = write("own.yaml", "base: none.yaml")
    assert refusal(path) == f"{path}: base: none.yaml: there is no file {tmp_path.resolve()}/none.yaml"


def test_a_folder_is_no_base(write, tmp_path):
    path = write("own.yaml", "base: .")
    assert refusal(path).startswith(f"{path}: base: .: there is no file")


def test_a_missing_base_of_a_base_is_named_with_the_one_that_names_it(write, tmp_path):
    between = write("between.yaml", "base: none.yaml")
    assert refusal(write("own.yaml", "base: between.yaml")).startswith(f"{between.resolve()}: base: none.yaml: ")


def test_a_file_that_is_its_own_base_is_refused(write):
    path = write("own.yaml", "base: own.yaml").resolve()
    assert refusal(path) == f"{path}: base: own.yaml leads in a circle: {path} -> {path}"


def test_a_circle_is_refused_with_the_files_that_make_it(write, tmp_path):
    one, two = (
        write(f"{name}.yaml", f"base: {base}.yaml").resolve() for name, base in (("one", "two"), ("two", "one"))
    )
    # The file outside leads to the circle and is no part of it.
    (tmp_path / "link.yaml").symlink_to(one)
    path = write("outside.yaml", "base: link.yaml")
    assert refusal(path) == f"{two}: base: one.yaml leads in a circle: {one} -> {two} -> {one}"


def test_two_files_with_one_base_are_no_circle(write):
    write("base.yaml", "seed: 3")
    write("sub/base.yaml", "base: ../base.yaml")  # of the same name, in another folder
    assert merge_config(Config, write("own.yaml", "base: sub/base.yaml")).seed == 3


@pytest.mark.parametrize("value", ["", "''", "3", "[a.yaml]", "{a: b}"])
def test_a_base_that_is_no_file_name_is_refused(write, value):
    path = write("own.yaml", f"base: {value}\nseed: 1")
    assert refusal(path).startswith(f"{path}: base: expected the name of a file, found ")


@pytest.mark.parametrize(
    "fault, message",
    [
        ("sed: 1", "unknown key sed (did you mean seed?)"),
        ("model: {dims: 1}", "unknown key model.dims (did you mean model.dim?)"),
        ("seed: many", "Value 'many' of type 'str' could not be converted to Integer"),
        ("model: {layers: 3}", "layers"),
        ("model: 3", "model"),
        ("model:", "model"),
        ("model: [1]", "model"),
        ("seed: [", "line "),
        ("seed: 1\nseed: 2", "duplicate key seed"),
        ("- seed", "expected `key: value` pairs, found list"),
        ("seed", "seed"),
    ],
)
@pytest.mark.parametrize("faulty", ["base", "own"])
def test_an_error_names_the_file_in_which_it_stands(write, faulty, fault, message):
    base = write("base.yaml", fault if faulty == "base" else "seed: 1")
    if faulty == "own":
        path = wrong = write("own.yaml", f"base: base.yaml\n{fault}" if ":" in fault else fault)
    else:
        path, wrong = write("own.yaml", "base: base.yaml\nname: own"), base.resolve()
    told = refusal(path, "name=other")
    assert told.startswith(f"{wrong}: ") and message in told


def test_bytes_that_are_no_text_are_refused_with_the_file(write):
    base = write("base.yaml", "")
    base.write_bytes(b"name: \xff\xfe")
    assert refusal(write("own.yaml", "base: base.yaml")).startswith(f"{base.resolve()}: ")


def test_a_missing_file_is_refused(tmp_path):
    assert refusal(tmp_path / "none.yaml").startswith(
        f"{tmp_path}/none.yaml: cannot read this configuration file: No such"
    )


@pytest.mark.parametrize(
    "override, message",
    [
        ("seed", "--set seed: write it as key=value, such as seed=2"),
        ("seed=many", "--set seed=many: Value 'many'"),
        ("base=other.yaml", "--set base=other.yaml: unknown key base"),
        ("sed=1", "--set sed=1: unknown key sed (did you mean seed?)"),
    ],
)
def test_a_wrong_override_is_named_and_not_the_file(write, override, message):
    assert refusal(write("own.yaml", "seed: 1"), override).startswith(message)


@pytest.mark.parametrize("override", ["warmup={full:[10,5]}", "warmup={full: [10, 5]}", 'warmup={"full":[10,5]}'])
def test_a_mapping_on_the_command_line_needs_no_blanks(override):
    @dataclass
    class Losses:
        warmup: dict[str, list[int]] = field(default_factory=dict)

    assert merge_config(Losses, None, [override]) == Losses({"full": [10, 5]})


def test_quoted_text_on_the_command_line_stays_as_it_is():
    assert merge_config(Config, None, ['name="a:[b"']).name == "a:[b"
