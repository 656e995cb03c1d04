"""Downloads that go on where they were cut off, and are checked before they get their name.

Knows http(s), ftp and file URLs and the usual proxy variables, and needs no curl or wget. The content gathers in
FILE.part; FILE.part.from says of which version of which URL it is a part.
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
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

CHUNK = 1 << 20
AGENT = "jstasr-fetch"  # some servers refuse Python's own name
TIMEOUT = 30  # seconds without a byte
PAUSE = 1  # seconds before going on after a cut
BUSY = (429, 500, 502, 503, 504)  # answers of a server that may do better in a moment
PATIENCE = 3  # times to ask again then, after 2, 4 and 8 pauses; tries that come no further than one before
REPORT_EVERY = 10  # seconds
REMEDY = "run again, or name another source: --data_url URL (file:///... too)"
UNREACHABLE = (OSError, ValueError, http.client.HTTPException)


def fetch(url, target, size=None, checksum=None):
    """Download `url` to the file `target`; where the file is there already, check it only.

    Args:
        url: where the content is.
        target: the file; it appears complete and checked, or not at all.
        size: bytes that it must have, or None.
        checksum: (name of an algorithm of hashlib, hexadecimal digest), or None.
    Raises:
        JstasrError: the source cannot be reached, the connection ends again and again without a byte, or what
            came is not what was to come; says what to do.
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
                _forget(part)
            raise JstasrError(_sentence(url, part, error)) from None
        try:
            _refuse_page(part, url, target)
            verify(part, f"what {url} gave", size, checksum, f"it is removed: {REMEDY}")
        except JstasrError:
            _forget(part)
            raise
        part.replace(target)
    _forget(part)


def _refuse_page(part, url, target):
    """JstasrError where a web page came instead of a corpus: what servers and proxies send that want a login."""
    with open(part, "rb") as file:
        start = file.read(200).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) and target.suffix not in (".html", ".htm"):
        raise JstasrError(f"what {url} gave is a web page, of a login or a proxy perhaps; it is removed: {REMEDY}")


def _forget(part):
    part.unlink(missing_ok=True)
    Path(f"{part}.from").unlink(missing_ok=True)


def _sentence(url, part, error):
    """One sentence for whoever meets `error`."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: free some of {part.parent}, then run again; the download goes on where it stopped"
    if isinstance(error, urllib.error.HTTPError):
        reason = f"the server answers {error.code} ({str(error.reason).splitlines()[0]})"
    else:
        reason = getattr(error, "reason", None) or error
    return f"cannot download {url}: {reason}; {REMEDY}"


def _download(url, part, size):
    """Fill `part`; tries again while that brings something: a source without ranges begins anew each time."""
    furthest, idle = 0, 0
    while True:
        start = _resumable(url, part)
        stream, done, total, version = _open_at(url, start)
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
        if end <= done or idle > PATIENCE:
            raise OSError(f"the connection ended after {end}{of} bytes, which are kept")
        print(f"jstasr fetch: the connection ended after {end}{of} bytes: going on", file=sys.stderr)
        time.sleep(PAUSE)


def _resumable(url, part):
    """(bytes of `part` that may be gone on from, version of the content that they are of)."""
    try:
        known, version = Path(f"{part}.from").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ValueError):
        return 0, ""
    if known != url or not version:
        return 0, ""
    return part.stat().st_size, version


def _open_at(url, start):
    """Open `url` where the part ends, if the content there is still the same.

    Returns:
        (stream, its first byte's place in the file, size of the whole in bytes or None, version of the content:
        ETag or time of change, "" where the source tells neither).
    """
    done, version = start
    headers = {"Range": f"bytes={done}-", "If-Range": version} if done else {}
    try:
        stream = _ask(url, headers)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: there is nothing after the part
            raise
        if error.headers.get("Content-Range") == f"bytes */{done}":
            return io.BytesIO(), done, done, version
        done = 0
        stream = _ask(url, {})
    # Some servers send another part than the one that was asked for.
    if getattr(stream, "status", None) == 206 and not _begins_at(stream.headers.get("Content-Range"), done):
        stream.close()
        done = 0
        stream = _ask(url, {})
    length = stream.headers.get("Content-Length")
    here = stream.headers.get("ETag") or stream.headers.get("Last-Modified") or ""
    if here.startswith("W/"):  # a weak tag does not promise equal bytes
        here = stream.headers.get("Last-Modified") or ""
    begin = done if getattr(stream, "status", None) == 206 else 0
    total = begin + int(length) if length is not None else None
    if done and url.startswith("file:") and here == version and total is not None and done <= total:
        stream.seek(done)
        begin = done
    return stream, begin, total, here


def _ask(url, headers):
    """The answer to a request, which is made again where the server is busy."""
    request = urllib.request.Request(url, headers={"User-Agent": AGENT, **headers})
    for attempt in range(PATIENCE + 1):
        try:
            return urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            if error.code not in BUSY or attempt == PATIENCE:
                raise
            print(f"jstasr fetch: the server answers {error.code}: asking again", file=sys.stderr)
            time.sleep(PAUSE * 2 ** (attempt + 1))


def _begins_at(content_range, start):
    """Does "bytes 700-999/1000" begin at `start`? A server that does not tell is believed."""
    found = re.match(r"bytes (\d+)-", content_range or "")
    return found is None or int(found[1]) == start


def _copy(stream, part, done, total):
    """Append the stream to the first `done` bytes of `part`; returns its size then, and did the stream break off?"""
    last = time.monotonic()
    cut = True
    with open(part, "r+b") as file:
        file.truncate(done)
        file.seek(done)
        # A cut in the middle (IncompleteRead, a timeout) is no error yet: what came is kept.
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


def verify(path, name, size, checksum, remedy):
    """JstasrError where a file has not the size (bytes) or checksum (algorithm, digest) that it must have."""
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


def listed_md5(path, name):
    """The MD5 of the file `name` in a list as md5sum writes it; folders in the list's names do not matter.

    Raises:
        JstasrError: the list cannot be read, or does not name the file.
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
