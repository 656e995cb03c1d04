"""A process that answers requests, each a line of JSON: one implementation with its own memory and threads."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jstasr
from jstasr.errors import JstasrError


def answer_requests(worker: Callable[..., Any]) -> None:
    """The worker's side: make `worker` of the settings, and answer the requests of standard input until it ends.

    `{"do": "step", "count": 3}` is answered by `do_step(count=3)`.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries may print: not among the answers
    ready = worker(**json.loads(sys.argv[1]))
    print(json.dumps({}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        do: Callable[..., Any] = getattr(ready, "do_" + request.pop("do"))
        print(json.dumps(do(**request)), file=answers)


def memory(key: str) -> int:
    """Memory of this process in bytes: a field of /proc/self/status, such as VmRSS (now) or VmHWM (peak)."""
    with open("/proc/self/status") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


class WorkerProcess:
    """Runs a module that answers the requests of its standard input: `answer_requests`."""

    def __init__(self, python: str, module: str, settings: dict[str, Any], threads: int, title: str) -> None:
        """Start it, and wait until it is ready.

        Args:
            settings: its only argument, as JSON; `name` among them.
            threads: of its libraries.
            title: stands for it in messages.
        """
        path = os.pathsep.join(filter(None, [str(Path(jstasr.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": path}
        self.name, self.title = settings["name"], title
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, open as long as the process runs
        self.process = subprocess.Popen(
            [python, "-m", module, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment,
        )
        assert self.process.stdin and self.process.stdout, "both are pipes"
        self.requests, self.answers = self.process.stdin, self.process.stdout
        self.ready = self.answer()

    def answer(self) -> dict[str, Any]:
        """The next answer; JstasrError with its last messages when the process has ended."""
        line = self.answers.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            last = "\n".join(self.errors.read().splitlines()[-8:])
            raise JstasrError(f"{self.title} ended with code {self.process.returncode}:\n{last}")
        return json.loads(line)

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """The answer of the worker's `do_<do>(**given)`."""
        print(json.dumps({"do": do, **given}), file=self.requests, flush=True)
        return self.answer()

    def close(self) -> None:
        """End the process."""
        self.requests.close()
        self.process.wait()
