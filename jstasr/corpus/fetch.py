"""Downloads that resume where they were cut off, and are checked before the file gets its name.

Handles http(s), ftp and file URLs and the usual proxy variables, and needs no curl or wget. The content is gathered
in FILE.part; FILE.part.from holds the URL and the version of the content that it is a part of.
"""

import contextlib
import errno
import fcntl
import hashlib
import http.client
import io
import os
import re
import sys
import time
import urllib.error
import urllib.request
import urllib.response
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

CHUNK = 1 << 20
AGENT = "jstasr-fetch"  # some servers refuse Python's own name
TIMEOUT = 30  # seconds without a byte
PAUSE = 1  # seconds before resuming after the connection broke off
BUSY = (429, 500, 502, 503, 504)  # status codes of a server that may succeed in a moment
RETRIES = 3  # after a status in BUSY, after 2, 4 and 8 pauses; also tries in a row that get no further than one before
REPORT_EVERY = 10  # seconds
REMEDY = "run again, or name another source: --data_url URL (file:///... too)"
UNREACHABLE = (OSError, ValueError, http.client.HTTPException)
Response = http.client.HTTPResponse | urllib.response.addinfourl


class Checksum(NamedTuple):
    """Name of an algorithm of hashlib, and the digest in hexadecimal digits."""

    algorithm: str
    digest: str


class ResumePoint(NamedTuple):
    """Bytes of a partial download that are there, and the version of the content that they are of ("": none)."""

    done: int
    version: str


class OpenSource(NamedTuple):
    """Content that is being read.

    Args:
        stream: the bytes from `start` on.
        start: position of its first byte in the file.
        total: bytes of the whole, or None.
        version: ETag or time of change, "" where the source has neither.
    """

    stream: Response | io.BytesIO
    start: int
    total: int | None
    version: str


def fetch(url: str, target: str | Path, size: int | None = None, checksum: Checksum | None = None) -> None:
    """Download a file; where it is there already, only check it.

    Args:
        url: where the content is.
        target: the file; it appears complete and checked, or not at all.
        size: bytes that it must have, or None.
        checksum: that it must have, or None.
    Raises:
        JstasrError: the source cannot be reached, the connection breaks off repeatedly without a new byte, or the
            content has another size or checksum; with the remedy.
    """
    target = Path(target)
    if target.exists():
        remedy = f"it was there before: remove {target} to download it"
        return verify(target, f"{target}", size, checksum, remedy)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(f"{target}.part")
    with open(part, "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JstasrError(f"another process is downloading {target}: wait for it, or end it") from None
        try:
            _download(url, part, size)
        except UNREACHABLE as error:
            if not part.stat().st_size:
                _remove_part(part)
            raise JstasrError(_download_fault(url, part, error)) from None
        try:
            _refuse_web_page(part, url, target)
            verify(part, f"what {url} gave", size, checksum, f"it is removed: {REMEDY}")
        except JstasrError:
            _remove_part(part)
            raise
        part.replace(target)
    _remove_part(part)


def _refuse_web_page(part: Path, url: str, target: Path) -> None:
    """JstasrError for a web page instead of a corpus: what servers and proxies send that require a login."""
    with open(part, "rb") as file:
        start = file.read(200).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) and target.suffix not in (".html", ".htm"):
        raise JstasrError(f"what {url} gave is a web page, of a login or a proxy perhaps; it is removed: {REMEDY}")


def _remove_part(part: Path) -> None:
    part.unlink(missing_ok=True)
    Path(f"{part}.from").unlink(missing_ok=True)


def _download_fault(url: str, part: Path, error: Exception) -> str:
    """What went wrong, and the remedy."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: free some of {part.parent}, then run again; the download resumes where it stopped"
    if isinstance(error, urllib.error.HTTPError):
        reason = f"the server answers {error.code} ({str(error.reason).splitlines()[0]})"
    else:
        reason = getattr(error, "reason", None) or error
    return f"cannot download {url}: {reason}; {REMEDY}"


def _download(url: str, part: Path, size: int | None) -> None:
    """Fill `part`; retries as long as that makes progress: a source without ranges starts from 0 each time."""
    furthest, idle = 0, 0
    while True:
        stream, done, total, version = _open_at(url, _resume_point(url, part))
        if size is not None and total is not None and total != size:
            stream.close()
            raise OSError(f"the file there has {total} bytes, not {size}: is it another one?")
        with atomic_write(f"{part}.from") as file:
            file.write(f"{url}\n{version}\n")
        with stream:
            end, cut = _copy(stream, part, done, total)
        if not cut and (total is None or end >= total):
            return
        of = f" of {total}" if total is not None else ""
        idle = 0 if end > furthest else idle + 1
        furthest = max(end, furthest)
        if end <= done or idle > RETRIES:
            raise OSError(f"the connection ended after {end}{of} bytes, which are kept")
        print(f"jstasr fetch: the connection ended after {end}{of} bytes: resuming", file=sys.stderr)
        time.sleep(PAUSE)


def _resume_point(url: str, part: Path) -> ResumePoint:
    """Where the download can resume: 0 for a part of another URL or of an unknown version."""
    try:
        known, version = Path(f"{part}.from").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ValueError):
        return ResumePoint(0, "")
    if known != url or not version:
        return ResumePoint(0, "")
    return ResumePoint(part.stat().st_size, version)


def _open_at(url: str, resume: ResumePoint) -> OpenSource:
    """Open `url` at the resume point, if the content there is still of the same version, else at 0."""
    done, version = resume
    headers = {"Range": f"bytes={done}-", "If-Range": version} if done else {}
    try:
        stream = _request(url, headers)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: there is nothing after the part
            raise
        if error.headers.get("Content-Range") == f"bytes */{done}":
            return OpenSource(io.BytesIO(), done, done, version)
        done = 0
        stream = _request(url, {})
    # Some servers send another range than the requested one.
    if getattr(stream, "status", None) == 206 and not _begins_at(stream.headers.get("Content-Range"), done):
        stream.close()
        done = 0
        stream = _request(url, {})
    length = stream.headers.get("Content-Length")
    here = stream.headers.get("ETag") or stream.headers.get("Last-Modified") or ""
    if here.startswith("W/"):  # a weak tag does not promise equal bytes
        here = stream.headers.get("Last-Modified") or ""
    begin = done if getattr(stream, "status", None) == 206 else 0
    total = begin + int(length) if length is not None else None
    if done and url.startswith("file:") and here == version and total is not None and done <= total:
        stream.seek(done)
        begin = done
    return OpenSource(stream, begin, total, here)


def _request(url: str, headers: dict[str, str]) -> Response:
    """The response to a request, which is repeated while the server is busy."""
    request = urllib.request.Request(url, headers={"User-Agent": AGENT, **headers})
    retries = 0
    while True:
        try:
            return urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            if error.code not in BUSY or retries == RETRIES:
                raise
            retries += 1
            print(f"jstasr fetch: the server answers {error.code}: trying again", file=sys.stderr)
            time.sleep(PAUSE * 2**retries)


def _begins_at(content_range: str | None, start: int) -> bool:
    """Does "bytes 700-999/1000" begin at `start`? True for a response without a range."""
    found = re.match(r"bytes (\d+)-", content_range or "")
    return found is None or int(found[1]) == start


def _copy(stream: Response | io.BytesIO, part: Path, done: int, total: int | None) -> tuple[int, bool]:
    """Append the stream to the first `done` bytes of `part`; returns its new size, and whether the stream broke off."""
    last = time.monotonic()
    cut = True
    with open(part, "r+b") as file:
        file.truncate(done)
        file.seek(done)
        # A connection that breaks off (IncompleteRead, a timeout) is no error yet: what was received is kept.
        with contextlib.suppress(http.client.HTTPException, TimeoutError, ConnectionError):
            while chunk := stream.read(CHUNK):
                file.write(chunk)
                done += len(chunk)
                if time.monotonic() - last > REPORT_EVERY:
                    last = time.monotonic()
                    of = f" of {total / 1e6:.0f}" if total else ""
                    print(f"jstasr fetch: {done / 1e6:.0f}{of} MB", file=sys.stderr, flush=True)
            cut = False
        file.flush()
        os.fsync(file.fileno())
    return done, cut


def verify(path: str | Path, name: str, size: int | None, checksum: Checksum | None, remedy: str) -> None:
    """Check the size and the checksum of a file.

    Args:
        path: of the file.
        name, remedy: what to call it in an error, and what to do.
        size: bytes that it must have, or None.
        checksum: that it must have, or None.
    Raises:
        JstasrError: another size or checksum.
    """
    found = Path(path).stat().st_size
    if size is not None and found != size:
        raise JstasrError(f"{name} has {found} bytes, not {size}; {remedy}")
    if checksum is None:
        return
    algorithm, wanted = checksum
    digest = hashlib.new(algorithm)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != wanted.lower():
        raise JstasrError(f"{name} has the {algorithm} {digest.hexdigest()}, not {wanted.lower()}; {remedy}")


def listed_md5(path: str | Path, name: str) -> str:
    """The MD5 of the file `name` in a list as md5sum writes it; folders in the list's names do not matter.

    Raises:
        JstasrError: the list cannot be read, or lacks the file.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise JstasrError(f"{path}: cannot read this list of checksums: {error}") from None
    for line in lines:
        digest, _, listed = line.strip().partition(" ")
        if listed.strip().lstrip("*").rsplit("/", 1)[-1] == name:
            return digest
    raise JstasrError(f"{path}: has no line for {name}; is it the list of these files?")
