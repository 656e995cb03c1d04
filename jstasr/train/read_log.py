"""What train.log says, read back without torch; lines that are damaged, or still being written, are passed over."""

import re
from dataclasses import dataclass, field

from jstasr.train.duration import parse_duration

MARK = " (train) "  # between the time and the message of a line
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
BEGIN = re.compile(r"[\d.]+M parameters, .*?(?:, (\d+) steps on .*)?")  # of each start
CONTINUED = re.compile(r"continuing after step (\d+)")
PROGRESS = re.compile(r"step (\d+)/(\d+) (.*)")
LEFT, SPEED, WAIT = re.compile(r"\bleft ([\d:]+)"), re.compile(r"audio-s/s (\d+)"), re.compile(r"\bwait ([\d.]+)%")
DEV = re.compile(r"dev after step (\d+): WER% ([^|]*)(?:\|.*)?")
DONE = re.compile(r"(?:all|nothing to do:) (\d+) steps are done")
STOPPED = re.compile(r"(.*): stopped after step (\d+), checkpoint saved")
ENDED, INTERRUPTED = "error: ", "interrupted: "  # begin the last line of a run that ended early
FAULT = re.compile(r"(?:error|warning): .*|step \d+: skipped, .*|skipped utterance \d+ .*|.*; using the one before it")


@dataclass
class Progress:
    """A line of a step."""

    time: str  # as the log has it: local time of the machine that trains
    step: int
    max_steps: int
    left: int | None = None  # seconds
    speed: int | None = None  # audio-seconds per second
    wait: float | None = None  # per cent of the time


@dataclass
class RunLog:
    """A whole train.log; what a line says of an earlier start is forgotten where the next start contradicts it."""

    time: str = ""  # of the last line
    begun: bool = False  # is there a line at all?
    step: int = 0
    max_steps: int | None = None
    progress: Progress | None = None  # of the last start
    interval: str = ""  # time of the progress line before
    dev: dict[int, dict[str, float]] = field(default_factory=dict)  # step -> name of the decoder -> WER in per cent
    end: str = ""  # "done", "stopped", "interrupted", "error", or "": the last line is of none of these
    cause: str = ""  # of the end: the signal, or the error
    fault: str = ""  # the last error or warning
    fault_time: str = ""


def read_log(text: str) -> RunLog:
    """Read what a train.log holds; its last line counts only with its line end."""
    log = RunLog()
    continued = 0
    for line in text.split("\n")[:-1]:
        stamp, mark, message = line.partition(MARK)
        if not mark or not STAMP.fullmatch(stamp):
            continue
        log.time, log.begun, log.end, log.cause = stamp, True, "", ""
        if match := PROGRESS.fullmatch(message):
            log.interval = log.progress.time if log.progress else ""
            log.progress = parse_progress(stamp, match)
            log.step, log.max_steps = log.progress.step, log.progress.max_steps
        elif match := CONTINUED.fullmatch(message):
            continued = int(match[1])
        elif match := BEGIN.fullmatch(message):
            log.step, log.progress, log.interval, continued = continued, None, "", 0
            log.max_steps = int(match[1]) if match[1] else log.max_steps
        elif match := DEV.fullmatch(message):
            log.step = int(match[1])
            log.dev[log.step] = word_error_rates(match[2])
        else:
            read_end(log, message)
        if FAULT.fullmatch(message):
            log.fault, log.fault_time = message.removeprefix(ENDED), stamp
    return log


def parse_progress(time: str, match: re.Match[str]) -> Progress:
    """A progress line; versions differ in the order of its parts."""
    rest = match[3]
    left, speed, wait = LEFT.search(rest), SPEED.search(rest), WAIT.search(rest)
    return Progress(
        time=time,
        step=int(match[1]),
        max_steps=int(match[2]),
        left=parse_duration(left[1]) if left else None,
        speed=int(speed[1]) if speed else None,
        wait=float(wait[1]) if wait else None,
    )


def word_error_rates(text: str) -> dict[str, float]:
    """`streaming 12.3 full 10.1 ...` -> per cent by name."""
    words = text.split()
    rates = {}
    for name, value in zip(words[::2], words[1::2]):
        try:
            rates[name] = float(value)
        except ValueError:
            break
    return rates


def read_end(log: RunLog, message: str) -> None:
    """Note how a run ended, if the message says so."""
    if match := DONE.fullmatch(message):
        log.end, log.step = "done", int(match[1])
        log.max_steps = log.step
    elif match := STOPPED.fullmatch(message):
        log.end, log.cause, log.step = "stopped", match[1], int(match[2])
    elif message.startswith(INTERRUPTED):
        log.end, log.cause = "interrupted", message.removeprefix(INTERRUPTED)
    elif message.startswith(ENDED):
        log.end, log.cause = "error", message.removeprefix(ENDED)
