"""One implementation of `jstasr bench train` in its own process, so that each has its own memory and its own Python.

Reads a request from each line and writes the answer as a line, both JSON: `{"do": "step", "count": 3}` runs three
steps through `do_step`.
"""

import time
from typing import Any

from jstasr.bench.worker_process import answer_requests, memory

CLEAR_PEAK = "/proc/self/clear_refs"
GEMM_SECONDS = 0.3


class StepWorker:
    """Answers requests for the step of one implementation at one precision."""

    def __init__(self, name: str, autocast: bool, threads: int, job: dict[str, Any]) -> None:
        import torch

        from jstasr.bench.train_job import IMPLEMENTATIONS, TrainJob

        self.job, self.autocast = TrainJob(**job), autocast
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.baseline = memory("VmRSS")  # the interpreter and its libraries
        parameters, self.step = IMPLEMENTATIONS[name](self.job)
        self.parameters = sum(parameter.numel() for parameter in parameters)
        with open(CLEAR_PEAK, "w") as peak:
            peak.write("5")  # resets the peak to the memory in use now
        self.step(self.autocast)

    def do_step(self, count: int) -> dict[str, float]:
        """Processor and wall seconds of `count` steps, and the last loss."""
        cpu, wall, loss = time.process_time(), time.perf_counter(), float("nan")
        for _ in range(count):
            loss = self.step(self.autocast)
        return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "loss": loss}

    def do_size(self) -> dict[str, int]:
        """Trained parameters, and the peak memory of the steps: in all, and beyond the libraries, in bytes."""
        peak = memory("VmHWM")
        return {"parameters": self.parameters, "peak": peak, "extra": peak - self.baseline}

    def do_gemm(self) -> dict[str, float]:
        """Floating-point operations per processor second of the job's largest products, forward and backward."""
        import torch

        job = self.job
        dtype = torch.bfloat16 if self.autocast else torch.float32
        frames = job.batch * -(-job.frames // 4)
        wide, narrow = torch.randn(frames, job.ff_dim).to(dtype), torch.randn(frames, job.dim).to(dtype)
        weight = torch.randn(job.ff_dim, job.dim).to(dtype)
        products = (lambda: narrow @ weight.t(), lambda: wide @ weight, lambda: wide.t() @ narrow)
        for product in products:
            product()
        rounds, began = 0, time.process_time()
        while time.process_time() - began < GEMM_SECONDS:
            for product in products:
                product()
            rounds += 1
        each = 2 * frames * job.dim * job.ff_dim
        return {"rate": rounds * len(products) * each / (time.process_time() - began)}

    def do_flops(self) -> dict[str, int]:
        """Floating-point operations of the matrix products and convolutions of a step."""
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            self.step(self.autocast)
        return {"flops": counter.get_total_flops()}

    def do_parts(self, count: int) -> dict[str, float]:
        """Processor seconds of the parts of a step; see `part_times`."""
        from jstasr.bench.train_parts import part_times

        return part_times(self.job, self.autocast, count)


if __name__ == "__main__":
    answer_requests(StepWorker)
