"""One contestant of `jstasr bench train` in a process of its own, so that each has its own memory and its own Python.

Reads a request a line, writes an answer a line, both JSON: `{"do": "step", "count": 3}` and the like.
"""

import json
import os
import sys
import time

CLEAR_PEAK = "/proc/self/clear_refs"
GEMM_SECONDS = 0.3


def memory(key):
    """Bytes, by the key of /proc/self/status."""
    with open("/proc/self/status") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


class Contestant:
    def __init__(self, name, autocast, threads, job):
        import torch

        from jstasr.bench.train_job import CONTESTANTS, Job

        self.torch, self.job, self.autocast, self.threads = torch, Job(**job), autocast, threads
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.empty = memory("VmRSS")  # the interpreter and its libraries
        parameters, self.step = CONTESTANTS[name](self.job)
        self.parameters = sum(parameter.numel() for parameter in parameters)
        with open(CLEAR_PEAK, "w") as peak:
            peak.write("5")  # the peak starts anew from what is in use now
        self.step(self.autocast)

    def do_step(self, count):
        """Processor and wall seconds of `count` steps."""
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(count):
            loss = self.step(self.autocast)
        return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "loss": loss}

    def do_size(self):
        """Trained parameters, and the most memory that the steps took: in all, and beyond the libraries."""
        peak = memory("VmHWM")
        return {"parameters": self.parameters, "peak": peak, "extra": peak - self.empty}

    def do_gemm(self):
        """Floating-point operations per processor second of matrix products like the job's largest, there and back."""
        torch, job = self.torch, self.job
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

    def do_flops(self):
        """Floating-point operations of the matrix products and convolutions of a step."""
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            self.step(self.autocast)
        return {"flops": counter.get_total_flops()}

    def do_parts(self, count):
        from jstasr.bench.train_parts import part_times

        return part_times(self.job, self.autocast, count)


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    contestant = Contestant(**json.loads(sys.argv[1]))
    print(json.dumps({}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(contestant, "do_" + request.pop("do"))(**request)), file=answers)


if __name__ == "__main__":
    main()
