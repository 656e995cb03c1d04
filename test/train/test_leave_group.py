"""A run of several processes ends with the threads of its process group, whatever they still hold."""

import subprocess
import sys

PROGRAM = """
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from jstasr.train.processes import leave_group


def group_threads():
    return [task for task in Path("/proc/self/task").iterdir() if "gloo" in (task / "comm").read_text()]


for number in range(5):
    dist.init_process_group("gloo", init_method=f"file://{sys.argv[1]}/store{number}", rank=0, world_size=1)
    model = DistributedDataParallel(torch.nn.Linear(8, 8))
    model.cycle = model  # as modules of a run refer to each other
    model(torch.ones(4, 8)).sum().backward()
    tensors = [torch.ones(1000) for _ in range(10)]
    for tensor in tensors:
        dist.broadcast(tensor, 0)
    assert group_threads()
    del model, tensor, tensors
    leave_group()
    assert not dist.is_initialized()
    assert not group_threads()
leave_group()
print("left")
"""


def test_the_threads_of_a_group_end_before_the_interpreter_does(tmp_path):
    """They let tensors go, for which they need the interpreter: once it ends, that aborts the process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr
