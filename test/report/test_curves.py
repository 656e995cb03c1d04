"""Reading curves back from TensorBoard files."""

import pytest
from torch.utils.tensorboard import SummaryWriter

from jstasr.report.curves import read_curves
from jstasr.report.plots import layer_plot, loss_plot, wer_plot


def write(folder, points, suffix=""):
    with SummaryWriter(str(folder), filename_suffix=suffix) as board:
        for step, value, when in points:
            board.add_scalar("train/loss", value, step, walltime=when)


def test_a_run_continued_from_a_checkpoint_counts_its_later_values(tmp_path):
    write(tmp_path, [(10, 5.0, 100.0), (20, 4.0, 110.0), (30, 3.0, 120.0)], ".a")
    write(tmp_path, [(20, 4.5, 200.0), (30, 3.5, 210.0), (40, 2.5, 220.0)], ".b")
    curves = read_curves(tmp_path)
    assert curves.scalars["train/loss"] == ([10, 20, 30, 40], pytest.approx([5.0, 4.5, 3.5, 2.5]))
    assert (curves.begin, curves.end, curves.last_step) == (100.0, 220.0, 40)


def test_every_point_of_a_long_run_is_read(tmp_path):
    write(tmp_path, [(step, 1.0, 100.0 + step) for step in range(12_000)])
    assert len(read_curves(tmp_path).scalars["train/loss"][0]) == 12_000


@pytest.mark.parametrize("tail", [b"\x18\0\0\0", b"\xff" * 40])
def test_a_file_that_ends_in_half_a_record_is_read_up_to_there(tmp_path, tail):
    write(tmp_path, [(10, 5.0, 100.0), (20, 4.0, 110.0)])
    (file,) = tmp_path.iterdir()
    with open(file, "ab") as stream:
        stream.write(tail)
    assert read_curves(tmp_path).scalars["train/loss"][0] == [10, 20]


def test_no_training_no_curves(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        curves = read_curves(folder)
        assert (curves.scalars, curves.last_step) == ({}, 0)
        assert loss_plot(curves) is wer_plot(curves) is layer_plot(curves, []) is None


def test_plots_have_the_same_bytes_each_time(tmp_path):
    with SummaryWriter(str(tmp_path)) as board:
        for step in (10, 20):
            for tag in ("train/streaming", "train/consistency", "dev_wer/full", "dev_layer0/own_to_other"):
                board.add_scalar(tag, 50.0 / step, step)
    curves = read_curves(tmp_path)
    for plot in (loss_plot, wer_plot, lambda curves: layer_plot(curves, ["shared input"])):
        assert plot(curves) == plot(curves)
        assert plot(curves).count("<svg") == 1
