"""espeak-ng's C library through ctypes: text to samples, nothing played.

The library keeps state from one utterance to the next that no call resets (filters, flutter), so what it
says depends on what it said before. For the same bytes each time, `FreshEspeak` has every utterance spoken
by a fork of a process that has never spoken: this file, run as a program. It imports little, because a small
process forks fast.
"""

import ctypes
import gc
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

from jstasr.errors import JstasrError

AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_PHONEME_EVENTS, INITIALIZE_PHONEME_IPA, INITIALIZE_DONT_EXIT = 1, 2, 0x8000
EVENT_LIST_TERMINATED, EVENT_PHONEME = 0, 7  # espeak_EVENT_TYPE
CHARS_UTF8 = 1
POS_CHARACTER = 1
RATE, PITCH, PITCH_RANGE = 1, 3, 4  # espeak_PARAMETER
LIBRARIES = ("libespeak-ng.so.1", "libespeak-ng.1.dylib", "libespeak-ng.dylib")
HEADER = struct.Struct("<iii")  # bytes of samples, Hz, bytes of the phonemes as JSON
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h; `name` of a phoneme is UTF-8, and empty for a pause."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


def find_library():
    """The system's libespeak-ng, else the wheel espeakng-loader's.

    Returns:
        (ctypes library, folder of its data as bytes, or None for its built-in one).
    """
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name), None
        except OSError:
            continue
    try:
        import espeakng_loader
    except ImportError:
        raise JstasrError(
            "no espeak-ng library: apt-get install libespeak-ng1 (as root), or pip install espeakng-loader"
        ) from None
    return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path().encode()


class Espeak:
    """The synthesiser, in this process; there can be one."""

    def __init__(self, library=None):
        self.library, data = library or find_library()
        self.library.espeak_Info.restype = ctypes.c_char_p
        self.library.espeak_Info.argtypes = [ctypes.POINTER(ctypes.c_char_p)]
        options = INITIALIZE_PHONEME_EVENTS | INITIALIZE_PHONEME_IPA | INITIALIZE_DONT_EXIT
        self.rate = self.library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data, options)
        if self.rate <= 0:
            raise JstasrError("espeak-ng did not start: is its data installed (Debian's espeak-ng-data)?")
        path = ctypes.c_char_p()
        self.version = self.library.espeak_Info(ctypes.byref(path)).decode()
        self.data = Path(path.value.decode())
        self.pieces, self.phonemes = [], []
        self.callback = CALLBACK(self._collect)  # kept: the library holds only its address
        self.library.espeak_SetSynthCallback(self.callback)
        self.library.espeak_SetVoiceByName(b"en")  # reads the list of voices, once for all

    def _collect(self, samples, count, events):
        if samples and count > 0:
            self.pieces.append(ctypes.string_at(samples, 2 * count))
        event = ctypes.cast(events, ctypes.POINTER(Event))
        while event.contents.type != EVENT_LIST_TERMINATED:
            if event.contents.type == EVENT_PHONEME:
                self.phonemes.append((event.contents.sample, event.contents.name.decode(errors="replace")))
            event = ctypes.cast(ctypes.addressof(event.contents) + ctypes.sizeof(Event), ctypes.POINTER(Event))
        return 0

    def check_variant(self, variant):
        """espeak-ng speaks on without a word when it does not know a variant; this raises."""
        if not (self.data / "voices" / "!v" / variant).is_file():
            raise JstasrError(f"espeak-ng {self.version} in {self.data} has no voice variant '{variant}'")

    def speak(self, text, voice, variant, rate, pitch, pitch_range, seed):
        """Samples and phonemes of a text.

        Args:
            text: what to say.
            voice, variant: espeak-ng's names, as "en-us" and "m3".
            rate: words per minute.
            pitch, pitch_range: 0 to 100, 50 is the voice's own.
            seed: of the C library's rand(), which makes the voice's noise.
        Returns:
            bytes of int16 samples at `self.rate` Hz; list of (first sample, phoneme in IPA), "" for a pause.
        """
        self.pieces, self.phonemes = [], []
        self.check_variant(variant)
        ctypes.CDLL(None).srand(seed)
        if self.library.espeak_SetVoiceByName(f"{voice}+{variant}".encode()):
            raise JstasrError(f"espeak-ng {self.version} in {self.data} has no voice '{voice}'")
        for parameter, value in ((RATE, rate), (PITCH, pitch), (PITCH_RANGE, pitch_range)):
            self.library.espeak_SetParameter(parameter, value, 0)
        raw = text.encode()
        self.library.espeak_Synth(raw, len(raw) + 1, 0, POS_CHARACTER, 0, CHARS_UTF8, None, None)
        return b"".join(self.pieces), self.phonemes


class FreshEspeak:
    """A synthesiser that says each utterance as if it were its first."""

    def __init__(self):
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def speak(self, **utterance):
        """(samples, rate, phonemes): as of `Espeak.speak`, which has the arguments, and Hz."""
        try:
            self.process.stdin.write(json.dumps(utterance).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the empty answer below says the same
        header = self.process.stdout.read(HEADER.size)
        if len(header) == HEADER.size:
            count, rate, count_phonemes = HEADER.unpack(header)
            samples, phonemes = self.process.stdout.read(count), self.process.stdout.read(count_phonemes)
            if len(samples) == count and len(phonemes) == count_phonemes:
                return samples, rate, json.loads(phonemes)
        raise JstasrError(f"espeak-ng failed on '{utterance['text']}'")


def answer(espeak, line):
    """In a child: speak one request and write the samples and phonemes to stdout."""
    samples, phonemes = espeak.speak(**json.loads(line))
    phonemes = json.dumps(phonemes).encode()
    sys.stdout.buffer.write(HEADER.pack(len(samples), espeak.rate, len(phonemes)) + samples + phonemes)
    sys.stdout.buffer.flush()


def main():
    """Answer requests, one JSON object a line on stdin, each in a child of its own."""
    espeak = Espeak()
    gc.freeze()  # else a collection in the child would touch, and so copy, all of this process
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            status = 1
            try:
                answer(espeak, line)
                status = 0
            except JstasrError as error:
                print(f"espeak.py: error: {error}", file=sys.stderr, flush=True)
            finally:
                os._exit(status)  # not sys.exit: what the parent opened is the parent's to close
        if os.waitpid(child, 0)[1]:
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except JstasrError as error:
        sys.exit(f"espeak.py: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
