"""What train.log says, read back without torch; lines that are damaged, or still being written, are passed over."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from jstasr.train.duration import parse_duration

MARK = " (train) "  # between the time and the message of a line
STAMP = len("2026-01-31T23:59:59")
STEP = r"(\d{1,12})"
BEGIN = re.compile(rf"[\d.]+M parameters, .*?(?:, {STEP} steps on .*)?")  # of each start
SKIPPED = re.compile(rf"step {STEP}: skipped, .*")
CONTINUED = re.compile(rf"continuing after step {STEP}")
PROGRESS = re.compile(rf"step {STEP}/{STEP} ")
LEFT, WAIT = re.compile(r"\bleft ([\d:]{4,12})\b"), re.compile(r"\bwait ([\d.]+)%")
SPEED = re.compile(r"\baudio-s/s (\d{1,12})\b")
DEV = re.compile(rf"dev after step {STEP}: WER% ([^|]*)(?:\|.*)?")
COMPLETE = re.compile(rf"(?:all|nothing to do:) {STEP} steps are done")
SIGNAL = re.compile(rf"(.*): stopped after step {STEP}, checkpoint saved")
ERROR_PREFIX, CTRL_C = "error: ", "Ctrl-C: ended without a checkpoint"  # of a run that ended early
FAULT = re.compile(
    rf"{ERROR_PREFIX}.*|{SKIPPED.pattern}|skipped (?:utterance|shard) \d+ .*|.*; using the one before it"
)
DONE, STOPPED, ERROR = "done", "stopped", "error"  # ends of a run


@dataclass
class Progress:
    """A line of a step."""

    time: str  # as the log has it: local time of the machine that trains
    interval: float = 0.0  # seconds since the progress line before; 0: there is none
    left: int | None = None  # seconds
    speed: int | None = None  # audio-seconds per second
    wait: float | None = None  # per cent of the time


@dataclass
class RunLog:
    """A whole train.log. Step, progress and end are those of the last start, all else of any."""

    time: str = ""  # of the last line; "": there is no line
    step: int = 0
    max_steps: int | None = None
    progress: Progress | None = None  # the last
    dev: dict[int, dict[str, float]] = field(default_factory=dict)  # step -> name of the decoder -> WER in per cent
    end: str = ""  # DONE, STOPPED or ERROR, if the last line says so
    cause: str = ""  # of the end: the signal, or the error
    fault: str = ""  # the last error or warning
    fault_time: str = ""


def read_log(text: str) -> RunLog:
    """Read what a train.log holds; its last line counts only with its line end."""
    log = RunLog()
    continued = 0
    steps: list[tuple[str, re.Match[str]]] = []  # times and progress lines: the last two of the last start
    for line in text.split("\n")[:-1]:
        stamp, _, message = line.partition(MARK)
        if len(stamp) != STAMP:
            continue
        log.time = stamp
        if message.startswith(" "):  # belongs to the line before
            continue
        log.end, log.cause = "", ""
        if match := PROGRESS.match(message):  # nearly all lines are of this kind
            steps = [*steps[-1:], (stamp, match)]
            log.step, log.max_steps = int(match[1]), int(match[2])
            continue
        if match := SKIPPED.fullmatch(message):
            log.step = int(match[1])
        elif match := CONTINUED.fullmatch(message):
            continued = int(match[1])
        elif match := BEGIN.fullmatch(message):
            log.step, steps, continued = continued, [], 0
            log.max_steps = int(match[1]) if match[1] else log.max_steps
        elif match := DEV.fullmatch(message):
            log.step = int(match[1])
            log.dev[log.step] = word_error_rates(match[2])
            if log.step == log.max_steps:  # the first versions say no more
                log.end = DONE
        else:
            read_end(log, message)
        if FAULT.fullmatch(message):
            log.fault, log.fault_time = message.removeprefix(ERROR_PREFIX), stamp
    if steps:
        log.progress = parse_progress(*steps[-1], steps[0][0])
    return log


def parse_progress(time: str, match: re.Match[str], before: str) -> Progress:
    """A progress line, and the time of the one before; versions differ in the order of its parts."""
    left, speed, wait = (part.search(match.string) for part in (LEFT, SPEED, WAIT))
    return Progress(
        time=time,
        interval=seconds_between(before, time),
        left=parse_duration(left[1]) if left else None,
        speed=int(speed[1]) if speed else None,
        wait=to_float(wait[1]) if wait else None,
    )


def seconds_between(one: str, two: str) -> float:
    """Seconds from a line's time to that of another; 0 where one of them is no time."""
    try:
        return (datetime.fromisoformat(two) - datetime.fromisoformat(one)).total_seconds()
    except ValueError:
        return 0.0


def to_float(text: str) -> float | None:
    """A number, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def word_error_rates(text: str) -> dict[str, float]:
    """`streaming 12.3 full 10.1 ...` -> per cent by name."""
    words = text.split()
    rates = {name: to_float(value) for name, value in zip(words[::2], words[1::2])}
    return {name: rate for name, rate in rates.items() if rate is not None}


def read_end(log: RunLog, message: str) -> None:
    """Note how a run ended, if the message says so."""
    if match := COMPLETE.fullmatch(message):
        log.end, log.step, log.max_steps = DONE, int(match[1]), int(match[1])
    elif match := SIGNAL.fullmatch(message):
        log.end, log.cause, log.step = STOPPED, match[1], int(match[2])
    elif message == CTRL_C:
        log.end, log.cause = STOPPED, message
    elif message.startswith(ERROR_PREFIX):
        log.end, log.cause = ERROR, message.removeprefix(ERROR_PREFIX)
