"""What the headers of audio files promise, against what is there: libsndfile accepts most files that are cut off."""

import os
import shutil
import struct
import zlib
from typing import BinaryIO, Literal, NamedTuple

from jstasr.kaldi.audio_parts import UNKNOWN_LENGTH, length_of_id3
from jstasr.kaldi.flac_frames import samples_behind, stream_info

W64_RIFF, W64_WAVE = b"riff\x2e\x91\xcf\x11", b"wave\xf3\xac\xd3\x11"  # beginnings of their GUIDs
FIXED_SIZE = (1, 3, 6, 7, 0xFFFE)  # kinds of WAV: PCM, floating point, A-law, mu-law, extensible
FILES = (b"RIFF", b"RF64", b"FORM", b"caff", b"riff", b"fLaC", b"OggS")  # beginnings of files
LEAST_FRAME, MPEG_FRAME = 24, 1441  # bytes of the shortest and the longest frame of MP3
TRAILER = 4096  # bytes of the tags that may follow the last frame


def missing_seconds(handle: BinaryIO) -> float | None:
    """How much of a file's sound its header promises and is not there; None where the header does not say.

    WAV (RIFF and RF64), Sony Wave64, AIFF, CAF, AU and SPHERE state a length. An Ogg file with a page that is
    incomplete or damaged, or an MP3 file with fewer bytes than its first frame says, lacks an unknown part, here
    infinity. What FLAC lacks the decoder has to say. Writers to a pipe do not know the length, and put 0 or a huge
    number. Negative: a file (not of MP3) holds so much more than its header says; or, minus infinity, several sounds
    one behind the other (streams of Ogg, chunks of samples, files), of which libsndfile reads one.
    """
    size = handle.seek(0, os.SEEK_END)
    handle.seek(0)
    start = handle.read(24)
    try:
        if start[:4] in (b"RIFF", b"RF64", b"BW64") and start[8:12] == b"WAVE":
            return _missing_of_chunks(handle, size, b"data", "little")
        if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
            return _missing_of_chunks(handle, size, b"SSND", "big")
        if start[:8] == W64_RIFF:
            return _missing_of_wave64(handle, size)
        if start[:4] == b"caff":
            return _missing_of_caf(handle, size)
        if start[:4] == b".snd":
            return _missing_of_au(start, size)
        if start[:7] == b"NIST_1A":
            return _missing_of_sphere(handle, size)
        if start[:4] == b"fLaC":
            return _missing_of_flac(handle)
        if start[:4] == b"OggS":
            return _missing_of_ogg(handle, size)
        if start[:3] == b"ID3" or start[:1] == b"\xff":
            return _missing_of_mp3(handle, size)
    except (ValueError, IndexError, OverflowError, struct.error):
        pass  # no header that libsndfile reads, which will say so
    return None


def _missing_of_chunks(handle: BinaryIO, size: int, sound: bytes, order: Literal["little", "big"]) -> float | None:
    """Of a file of chunks, one of them named `sound`."""
    bytes_per_second, long_length = 0.0, 0
    handle.seek(12)
    while len(header := handle.read(8)) == 8:
        name, length = header[:4], int.from_bytes(header[4:], order)
        body = handle.tell()
        if name == sound:
            if long_length and length >= UNKNOWN_LENGTH:
                length = long_length
            if _has_sound_behind(handle, body, length, sound, order):
                return -float("inf")
            if length >= UNKNOWN_LENGTH and length != long_length:
                return None
            if not bytes_per_second or length == 0:
                return None
            end = body + length + length % 2
            surplus = max(0, size - end) if _is_no_chunk(_at(handle, end, 4)) else 0
            return (max(0, length - (size - body)) - surplus) / bytes_per_second
        if name == b"ds64":
            long_length = int.from_bytes(handle.read(16)[8:], "little")
        elif name == b"fmt ":
            bytes_per_second = float(_bytes_per_second(handle.read(14)))
        elif name == b"COMM":
            values = handle.read(18)
            bytes_per_second = _extended(values[8:18]) * int.from_bytes(values[:2], "big") * _width(values[6:8])
        handle.seek(body + length + length % 2)
    return None


def _has_sound_behind(handle: BinaryIO, body: int, length: int, sound: bytes, order: Literal["little", "big"]) -> bool:
    """Does another chunk of samples, or another file, follow the chunk of samples at `body`?"""
    handle.seek(body + length + length % 2)
    while len(header := handle.read(8)) == 8 and all(32 <= code < 127 for code in header[:4]):
        if header[:4] == sound or header[:4] in FILES:
            return True
        length = int.from_bytes(header[4:], order)
        handle.seek(length + length % 2, os.SEEK_CUR)
    return False


def place_of_zero_length(handle: BinaryIO) -> int | None:
    """Where a WAV file states that it has no sound although some follows: its writer did not know how much.

    Kaldi reads such a file to its end. None where the length is another, or nothing follows, or another chunk.
    """
    size = handle.seek(0, os.SEEK_END)
    if _at(handle, 0, 4) != b"RIFF" or _at(handle, 8, 4) != b"WAVE":
        return None
    while len(header := handle.read(8)) == 8:
        body, length = handle.tell(), int.from_bytes(header[4:], "little")
        if header[:4] == b"data":
            name = _at(handle, body, 4)
            is_chunk = len(name) == 4 and all(32 <= code < 127 for code in name)
            return body - 4 if length == 0 and size > body and not is_chunk else None
        handle.seek(body + length + length % 2)
    return None


def _is_no_chunk(name: bytes) -> bool:
    """Can what follows a chunk be neither the name of another nor padding?"""
    return not all(32 <= code < 127 for code in name) and any(name)


def _bytes_per_second(form: bytes) -> int:
    """By the beginning of a fmt chunk: of samples of a fixed size by the size of a frame, which decoders go by."""
    kind, rate, stated, block = (int.from_bytes(form[a:b], "little") for a, b in ((0, 2), (4, 8), (8, 12), (12, 14)))
    return rate * block or stated if kind in FIXED_SIZE else stated


def _width(bits: bytes) -> int:
    """Bytes of a sample of so many bits."""
    return (int.from_bytes(bits, "big") + 7) // 8


def _extended(value: bytes) -> float:
    """An 80-bit floating-point number."""
    exponent, fraction = int.from_bytes(value[:2], "big") & 0x7FFF, int.from_bytes(value[2:], "big")
    return fraction * 2.0 ** (exponent - 16383 - 63)


def _missing_of_wave64(handle: BinaryIO, size: int) -> float | None:
    promised = int.from_bytes(_at(handle, 16, 8), "little")
    if _at(handle, promised + -promised % 8, 8) == W64_RIFF:
        return -float("inf")
    handle.seek(40)
    while len(header := handle.read(24)) == 24:
        length = int.from_bytes(header[16:], "little")  # its own 24 bytes included
        if header[:4] == b"fmt ":
            bytes_per_second = _bytes_per_second(handle.read(14))
            return max(0, promised - size) / bytes_per_second if bytes_per_second else None
        handle.seek(max(0, length + -length % 8 - 24), os.SEEK_CUR)
    return None


def _at(handle: BinaryIO, place: int, count: int) -> bytes:
    handle.seek(place)
    return handle.read(count)


def _missing_of_au(start: bytes, size: int) -> float | None:
    offset, length, encoding, rate, channels = (int.from_bytes(start[i : i + 4], "big") for i in range(4, 24, 4))
    width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(encoding, 0)
    if not rate * channels * width or length == 0 or length >= UNKNOWN_LENGTH:
        return None
    return (offset + length - size) / (rate * channels * width)


def _missing_of_sphere(handle: BinaryIO, size: int) -> float | None:
    lines = _at(handle, 0, 4096).split(b"end_head")[0].decode("latin-1").split("\n")
    fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
    if "," in fields.get("sample_coding", ""):  # pcm,embedded-shorten-v2.00: compressed
        return None
    try:
        rate, count = int(fields["sample_rate"]), int(fields["sample_count"])
        block = int(fields.get("channel_count", "1")) * int(fields["sample_n_bytes"])
        return (int(lines[1]) + count * block - size) / (rate * block)
    except (KeyError, ZeroDivisionError):
        return None


def _missing_of_caf(handle: BinaryIO, size: int) -> float | None:
    bytes_per_second = 0.0
    handle.seek(8)
    while len(header := handle.read(12)) == 12:
        name, length = header[:4], int.from_bytes(header[4:], "big", signed=True)
        body = handle.tell()
        if name == b"data":
            if not bytes_per_second or length <= 0:
                return None
            following = _at(handle, body + length, 4)
            if following in (name, *FILES):
                return -float("inf")
            surplus = max(0, size - body - length) if _is_no_chunk(following) else 0
            return (max(0, length - (size - body)) - surplus) / bytes_per_second
        if name == b"desc":
            rate, _, _, packet, frames = struct.unpack(">d4sIII", handle.read(24))
            bytes_per_second = rate * packet / frames if frames else 0.0
        handle.seek(body + max(0, length))
    return None


def _missing_of_flac(handle: BinaryIO) -> float | None:
    """Only what is behind the stated end: what is missing before it the decoder says."""
    info, behind = stream_info(handle), samples_behind(handle)
    return -behind / info.rate if info is not None and behind else None


def _missing_of_ogg(handle: BinaryIO, size: int) -> float:
    """Walk over the pages: libsndfile leaves out those that are damaged."""
    place, ended = 0, False
    while place < size:
        header = _at(handle, place, 27)
        if header[:4] != b"OggS":
            return 0.0 if ended else float("inf")  # something behind the last page
        if ended and len(header) == 27 and header[5] & 2:
            return -float("inf")
        if len(header) < 27:
            return float("inf")
        segments = handle.read(header[26])
        body = handle.read(sum(segments))
        if len(segments) < header[26] or len(body) < sum(segments):
            return float("inf")
        page = header[:22] + bytes(4) + header[26:] + segments + body
        if _ogg_checksum(page) != int.from_bytes(header[22:26], "little"):
            return float("inf")
        ended = bool(header[5] & 4)
        place += len(page)
    return 0.0


REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_checksum(page: bytes) -> int:
    """CRC-32 from the highest bit down and without inversions, by way of zlib's, which has both the other way."""
    value = zlib.crc32(page.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)


class _MpegTag(NamedTuple):
    """The tag at `place` in the first frame of an MP3 file: frames that follow, and bytes from `first` on."""

    place: int
    first: int
    frames: int
    bytes: int


def _mpeg_tag(handle: BinaryIO) -> _MpegTag | None:
    """The tag (Xing or Info) of an MP3 file; None where there is none, or one that says nothing."""
    first = length_of_id3(handle)
    frame = _at(handle, first, 200)
    tag = max(frame.find(b"Xing"), frame.find(b"Info"))
    if frame[:1] != b"\xff" or tag < 0 or len(frame) < tag + 16 or frame[tag + 7] & 3 != 3:
        return None
    frames, size = struct.unpack(">II", frame[tag + 8 : tag + 16])
    return _MpegTag(first + tag, first, frames, size)


def is_uncounted_mp3(handle: BinaryIO) -> bool:
    """Is this an MP3 file of unknown length: without a tag, or with one that cannot be of this file?

    libsndfile then guesses the length by the first frame, and reads no further where the guess is too low.
    """
    size, start = handle.seek(0, os.SEEK_END), _at(handle, 0, 3)
    if start != b"ID3" and not (start[:1] == b"\xff" and len(start) > 1 and start[1] & 0xE0 == 0xE0):
        return False
    tag = _mpeg_tag(handle)
    return tag is None or tag.bytes < LEAST_FRAME * tag.frames or size - tag.first - tag.bytes > TRAILER


def copy_without_length(source: BinaryIO, target: BinaryIO) -> None:
    """Copy an MP3 file so that no decoder finds its tag, which is not of this file; or a WAV file that states none."""
    place, known = place_of_zero_length(source), b"\xff\xff\xff\xff"
    if place is None and (tag := _mpeg_tag(source)) is not None:
        place, known = tag.place, bytes(4)
    source.seek(0)
    if place is not None:
        target.write(source.read(place) + known)
        source.seek(place + 4)
    shutil.copyfileobj(source, target)


def _missing_of_mp3(handle: BinaryIO, size: int) -> float | None:
    tag = _mpeg_tag(handle)
    if tag is None:
        return None
    missing = tag.first + tag.bytes - size
    return float("inf") if missing > min(MPEG_FRAME, tag.bytes // 100) else 0.0
