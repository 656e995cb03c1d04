"""Sound that is a part of a file: behind a tag of MP3, or at a place in one of Kaldi's archives."""

import io
import os
import re
from contextlib import nullcontext, suppress
from typing import BinaryIO

ARCHIVED = re.compile(r"(?P<path>.+):(?P<offset>[0-9]+)", re.DOTALL)
UNKNOWN_LENGTH = 0x7FFF0000  # bytes in the header of a WAV file: from here on its writer did not know


def file_of(source: str) -> str:
    """The file that a value of wav.scp reads: of `wav.ark:123`, a place in an archive, the archive."""
    found = place_in_archive(source)
    return source if found is None else found[0]


def place_in_archive(source: str) -> tuple[str, int] | None:
    """Path and offset in bytes of `wav.ark:123`, in Kaldi's notation; None where it is the name of a file itself."""
    found = ARCHIVED.fullmatch(source)
    if found is None or os.path.lexists(source) or not os.path.isfile(found["path"]):
        return None
    return found["path"], int(found["offset"])


def archived_wav(handle: BinaryIO, offset: int) -> BinaryIO:
    """The WAV file at an offset of an archive, by the length in its header; the rest of the archive without one."""
    size, header = handle.seek(0, os.SEEK_END), _at(handle, offset, 8)
    length = int.from_bytes(header[4:], "little")
    end = offset + 8 + length if header[:4] == b"RIFF" and 0 < length < UNKNOWN_LENGTH else size
    return io.BufferedReader(_Part(handle, offset, max(offset, min(end, size))))


class _Part(io.RawIOBase):
    """Bytes `first` to `end` of a file, as a file."""

    def __init__(self, handle: BinaryIO, first: int, end: int):
        self._handle, self._first, self._size, self._place = handle, first, end - first, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence])
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        content = _at(self._handle, self._first + self._place, max(0, min(len(buffer), self._size - self._place)))
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


def without_tags(handle: BinaryIO) -> BinaryIO | None:
    """A file without the tags of MP3 that stand around other sound, such as FLAC; None where there are none.

    libsndfile counts a tag (ID3v2) in front of WAV as sound, and refuses FLAC with one in front or (ID3v1) behind.
    """
    first, end = length_of_id3(handle), handle.seek(0, os.SEEK_END)
    kind = _at(handle, first, 4)
    if kind == b"fLaC" and end - first > 128 and _at(handle, end - 128, 3) == b"TAG":
        end -= 128
    elif not first or kind not in (b"fLaC", b"RIFF", b"RF64", b"FORM", b"OggS"):
        return None
    return io.BufferedReader(_Part(handle, first, end))


def length_of_id3(handle: BinaryIO) -> int:
    """Bytes of the tag (ID3v2) that a file begins with, or 0."""
    start = _at(handle, 0, 10)
    if start[:3] != b"ID3" or len(start) < 10:
        return 0
    footer = 10 if start[5] & 16 else 0
    return 10 + sum((value & 127) << shift for value, shift in zip(start[6:], (21, 14, 7, 0))) + footer


# Beginnings of what stands under the names of sound files where a download or a copy went wrong.
OTHER_FILES = {
    b"version https://git-lfs": "it is a pointer of Git LFS; fetch the sound itself: git lfs pull",
    b"<": "it is a web page or XML, as a server sends in place of a file that it lacks; fetch it again",
    b"{": "it is JSON, as a server sends in place of a file that it lacks; fetch it again",
    b"\x1f\x8b": "it is compressed by gzip; unpack it",
    b"BZh": "it is compressed by bzip2; unpack it",
    b"\xfd7zXZ": "it is compressed by xz; unpack it",
    b"PK\x03\x04": "it is a zip archive; unpack it",
}


def what_it_is(handle: str | BinaryIO) -> str:
    """What a file is that is no sound, and what to do, by its first bytes; "" where they do not say."""
    with suppress(OSError, ValueError), open(handle, "rb") if isinstance(handle, str) else nullcontext(handle) as file:
        start = _at(file, 0, 100).removeprefix(b"\xef\xbb\xbf").lstrip()
        return next((said for magic, said in OTHER_FILES.items() if start.startswith(magic)), "")
    return ""


def _at(handle: BinaryIO, place: int, count: int) -> bytes:
    handle.seek(place)
    return handle.read(count)
