#!/usr/bin/env python3
"""Download one file, going on where an earlier try was cut off: fetch.py URL FILE.

Needs no curl or wget, and knows http(s), ftp and file URLs and the usual proxy variables. The content gathers
in FILE.part, which becomes FILE when it is complete.
"""

import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

CHUNK = 1 << 20
TIMEOUT = 30  # seconds without a byte


def open_at(url, start):
    """Open `url` at byte `start` where the server can; returns (stream, its real start, total or None)."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        stream = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        stream = urllib.request.urlopen(url, timeout=TIMEOUT)  # no such part: the file has changed
    length = stream.headers.get("Content-Length")
    begin = start if getattr(stream, "status", None) == 206 else 0
    return stream, begin, begin + int(length) if length else None


def fetch(url, target):
    """Download `url` to `target`; raises OSError with the reason in one sentence."""
    part = Path(f"{target}.part")
    stream, done, total = open_at(url, part.stat().st_size if part.exists() else 0)
    last = time.monotonic()
    with stream, open(part, "r+b" if done else "wb") as file:
        file.seek(done)
        while chunk := stream.read(CHUNK):
            file.write(chunk)
            done += len(chunk)
            if time.monotonic() - last > 3:
                last = time.monotonic()
                of = f" of {total / 1e6:.1f}" if total else ""
                print(f"fetch.py: {done / 1e6:.1f}{of} MB", file=sys.stderr, flush=True)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done < total:
        raise OSError(f"the connection ended after {done} of {total} bytes, which are kept")
    part.replace(target)


def main():
    if len(sys.argv) != 3:
        sys.exit("Usage: fetch.py URL FILE")
    url, target = sys.argv[1:]
    try:
        fetch(url, target)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        remedy = "run again, or name another source: --data_url URL (file:///... too)"
        sys.exit(f"fetch.py: error: cannot download {url}: {reason}; {remedy}")


if __name__ == "__main__":
    main()
