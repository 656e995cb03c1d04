"""Costs on their way from a GPU, without one: what is done in which order."""

import torch

from jstasr.kernels import host


class OnGpu:
    """Stands for a CUDA tensor."""

    is_cuda = True

    def __init__(self, name):
        self.name = name


def test_the_next_cost_is_made_and_copied_before_one_is_handed_out(monkeypatch):
    done = []

    def costs():
        for name in "abc":
            done.append(f"make {name}")
            yield OnGpu(name)

    def start(cost):
        done.append(f"copy {cost.name}")
        return cost.name, None

    def finish(name, _):
        done.append(f"wait for {name}")
        return name

    monkeypatch.setattr(host, "_start_copy", start)
    monkeypatch.setattr(host, "_finish", finish)
    for name in host.on_host(costs()):
        done.append(f"align {name}")
    assert done == [
        "make a", "copy a", "make b", "copy b", "wait for a", "align a", "make c", "copy c", "wait for b", "align b",
        "wait for c", "align c",
    ]  # fmt: skip


def test_costs_on_the_cpu_are_made_one_at_a_time_and_not_copied():
    made = []

    def costs():
        for value in range(3):
            made.append(torch.full((2,), value))
            yield made[-1]

    for count, cost in enumerate(host.on_host(costs()), 1):
        assert cost is made[-1] and len(made) == count
