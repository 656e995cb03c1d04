"""`jstasr bench align` prints whole tables, whatever peers are there."""

import pytest

from jstasr.bench import align, peers
from jstasr.bench.timing import interleaved_medians, peak_extra_bytes
from jstasr.cli import main


def test_tables_have_a_row_for_each_implementation_and_name_missing_peers(monkeypatch, capsys):
    monkeypatch.setattr(align, "SECONDS_OF_SPEECH", (0.1, 0.4))
    monkeypatch.setattr(align, "MEMORY_SIZE", (40, 20))
    monkeypatch.setattr("jstasr.bench.timing.SHORTEST", 1e-4)
    monkeypatch.setattr(peers, "installed", lambda: dict.fromkeys(peers.PEERS))
    assert main(["bench", "align", "--sizes", "6x3 9x4", "--threads", "1 2", "--seconds", "0"]) == 0
    printed = capsys.readouterr().out
    for name in peers.PEERS:
        assert f"{name} **missing**" in printed and f"| {name} | missing |" in printed
    for heading in ("one thread, paths from given costs", "2 threads, d = 256", "by the length of the speech"):
        assert heading in printed
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert sum(row.startswith("| `skip` |") for row in rows) == 3
    assert any(row.startswith("| torch.baddbmm alone |") for row in rows)


@pytest.mark.parametrize("option", [["--sizes", "3x4"], ["--sizes", "3"], ["--threads", "0"], ["--threads", "a"]])
def test_sizes_and_threads_that_make_no_sense_are_errors(capsys, option):
    assert main(["bench", "align", *option]) == 1
    assert "expected sizes such as '250x100'" in capsys.readouterr().err


def test_installed_peers_solve_the_same_problem():
    align.check_peers()


def test_medians_take_turns():
    order = []
    functions = {name: lambda name=name: order.append(name) for name in "ab"}
    interleaved_medians(functions, repeats=3, seconds=60)
    rounds = "".join(order)[4:]  # after the calls that warm up and gauge
    changes = sum(a != b for a, b in zip(rounds, rounds[1:]))
    assert changes == 5


def test_peak_memory_is_what_a_call_takes_and_gives_back():
    size = 64 << 20
    measured = peak_extra_bytes("", f"lambda: len(bytearray({size}))")
    assert measured == pytest.approx(size, rel=0.05)
