"""The last frame of a FLAC file, by which its length is known without decoding (RFC 9639, section 9)."""

import os
from typing import BinaryIO, NamedTuple

TAIL = 1 << 17  # bytes of the end that are searched: more than a frame of speech has
BLOCK_SIZES = {1: 192, **{n: 576 << (n - 2) for n in range(2, 6)}, **{n: 1 << n for n in range(8, 16)}}
RATE_BYTES = {12: 1, 13: 2, 14: 2}  # of a rate that stands behind the frame's number


class StreamInfo(NamedTuple):
    """What STREAMINFO states: samples of the smallest and the largest block, Hz, samples in all (0: unknown)."""

    smallest: int
    largest: int
    rate: int
    total: int


def stream_info(handle: BinaryIO) -> StreamInfo | None:
    """STREAMINFO of a file, which is its first block of metadata; None where it is not there."""
    handle.seek(0)
    content = handle.read(26)
    if len(content) < 26 or content[:4] != b"fLaC" or content[4] & 127:
        return None
    sizes = int.from_bytes(content[8:10], "big"), int.from_bytes(content[10:12], "big")
    packed = int.from_bytes(content[18:26], "big")
    return StreamInfo(*sizes, packed >> 44, packed & ((1 << 36) - 1))


def samples_behind(handle: BinaryIO) -> int:
    """How many samples a file has behind the number that STREAMINFO states, where a decoder stops; 0 if none are found.

    A frame's number says where it is, so the last frame is enough. What is no frame of the stream, though it looks like
    the header of one, is told by the checksum of the frame.
    """
    info = stream_info(handle)
    if info is None or not info.total or not info.rate:
        return 0
    size = handle.seek(0, os.SEEK_END)
    handle.seek(max(0, size - TAIL))
    tail = handle.read()
    place = len(tail)
    while (place := tail.rfind(b"\xff", 0, place)) >= 0:
        end = _end_of_frame(tail[place : place + 20], info)
        if end is None:
            continue
        if end == info.total:
            return 0
        if end > info.total and _checksum(tail[place:], 16, 0x8005) == 0:
            return end - info.total
    return 0


def _end_of_frame(header: bytes, info: StreamInfo) -> int | None:
    """Number of the sample behind the frame that a header begins; None where it is no header."""
    if len(header) < 6 or header[1] & 0xFE != 0xF8 or header[3] & 1:
        return None
    code, length = header[2] >> 4, max(1, 8 - (header[4] ^ 0xFF).bit_length())
    coded = header[4 : 4 + length]
    place = 4 + length
    size_bytes = {6: 1, 7: 2}.get(code, 0)
    count = int.from_bytes(header[place : place + size_bytes], "big") + 1 if size_bytes else BLOCK_SIZES.get(code, 0)
    place += size_bytes + RATE_BYTES.get(header[2] & 15, 0)
    if not count or len(header) <= place or _checksum(header[: place + 1], 8, 0x07):
        return None
    # UTF-8's way to write a number, which FLAC goes on with to 36 bits.
    number = coded[0] if length == 1 else coded[0] & (0x7F >> length)
    for byte in coded[1:]:
        number = number << 6 | byte & 63
    return (number if header[1] & 1 else number * info.largest) + count


def _checksum(content: bytes, bits: int, polynomial: int) -> int:
    """A cyclic redundancy check from the highest bit down; 0 of bytes that end in their own."""
    top, mask, value = 1 << (bits - 1), (1 << bits) - 1, 0
    for byte in content:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value
