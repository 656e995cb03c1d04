"""The output of the commands of wav.scp, `command |`, which may be endless: within limits of size and time."""

import io
import os
import selectors
import signal
import subprocess
import threading
import time
from contextlib import suppress
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple

import soundfile

from jstasr.errors import JstasrError

GIB = 2**30
MAX_BYTES = min(4 * GIB, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2)  # no WAV file states more
MAX_SECONDS = 1800  # until a command ends
BEGINNING = 16 << 20  # bytes within which sound has begun, whatever pictures and tags stand in front of it
TAIL = 8192  # bytes of stderr that are kept


class CommandOutput(NamedTuple):
    """What a command wrote, from its first byte on, and how the programs in front of its last one failed, or ""."""

    content: BinaryIO
    failure: str


def command_output(command: str, stdin: bytes | None = None) -> CommandOutput:
    """Output of a command, run in bash; a failure of its last program is an error with the end of its stderr.

    As in Kaldi the last program judges a pipeline. One in front of it may end because the next has enough: by
    SIGPIPE, or with the words "Broken pipe".

    Args:
        command: without the | at its end.
        stdin: what it reads.
    Raises:
        JstasrError: naming the command: it cannot run, fails, writes nothing, more than `MAX_BYTES` or what is no
            sound, or does not end in `MAX_SECONDS`. It is stopped then, with all that it started.
    """
    with TemporaryFile() as report:
        # A line of its own: the command may end in a comment.
        statuses = f'{command}\n_s=("${{PIPESTATUS[@]}}"); echo "${{_s[*]}}" >&{report.fileno()}; exit "${{_s[-1]}}"'
        try:
            process = subprocess.Popen(
                ["bash", "-c", statuses],
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(report.fileno(),),
                start_new_session=True,  # a group of its own, to be stopped as a whole
            )
        except OSError as error:
            raise JstasrError(f"cannot run `{command}`: {error.strerror}") from error
        with process:
            try:
                content, said = _outputs(command, process, stdin)
            except BaseException:  # an interrupt too: bash may have ended before what it left in the background
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        report.seek(0)
        codes = [int(code) for code in report.read().split()]
    tail = said[-500:] or "nothing on stderr"
    if process.returncode != 0:
        raise JstasrError(f"`{command}` failed with exit code {_as_in_bash(process.returncode)}: {tail}")
    bad = [code for code in codes[:-1] if code not in (0, 128 + signal.SIGPIPE)]
    failure = f"`{command}`: a program of it failed with exit code {bad[0]}: {tail}" if bad else ""
    if not content.getbuffer().nbytes:
        raise JstasrError(failure or f"`{command}` wrote nothing to stdout")
    return CommandOutput(content, "" if "broken pipe" in said.lower() else failure)


def _outputs(command: str, process: subprocess.Popen[bytes], stdin: bytes | None) -> tuple[io.BytesIO, str]:
    """All of stdout, and the end of stderr, of a process that has ended."""
    deadline = time.monotonic() + MAX_SECONDS
    content, said, looked = io.BytesIO(), b"", False
    if stdin is not None:
        threading.Thread(target=_feed, args=(process, stdin), daemon=True).start()
    assert process.stdout and process.stderr
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise JstasrError(_endless(command))
            for key, _ in ready:
                block = os.read(key.fd, 1 << 16)
                if not block:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    said = (said + block)[-TAIL:]
                else:
                    content.write(block)
            if not looked and content.tell() >= BEGINNING:
                looked = True
                _refuse_no_sound(command, content)
            if content.tell() > MAX_BYTES:
                raise JstasrError(
                    f"`{command}` has written {content.tell() / GIB:.1f} GiB and not ended: more than one recording "
                    f"may hold here (4 GiB, and half of the memory); give a command that writes less"
                )
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise JstasrError(_endless(command)) from None
    content.seek(0)
    return content, said.decode("utf-8", "replace").strip()


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    assert process.stdin
    with suppress(BrokenPipeError), process.stdin as target:
        target.write(stdin)


def _refuse_no_sound(command: str, beginning: io.BytesIO) -> None:
    """Refuse what goes on and on without having begun as sound does."""
    place = beginning.tell()
    beginning.seek(0)
    if beginning.read(4) == b"caff":  # which libsndfile opens only where all of it is there
        beginning.seek(place)
        return
    beginning.seek(0)
    try:
        soundfile.SoundFile(io.BytesIO(beginning.read(BEGINNING))).close()
    except soundfile.SoundFileError:
        raise JstasrError(
            f"`{command}` has written {place >> 20} MiB that cannot be read as audio, and was stopped; "
            "give a command that writes a sound file"
        ) from None
    beginning.seek(place)


def _endless(command: str) -> str:
    return (
        f"`{command}` has not ended after {MAX_SECONDS / 60:g} minutes, and was stopped; give a command that ends, "
        "or write its sound to a file"
    )


def _as_in_bash(code: int) -> int:
    """The exit code of a process, 128 + n where signal n ended it."""
    return code if code >= 0 else 128 - code
