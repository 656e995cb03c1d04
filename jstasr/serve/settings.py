"""What a service is started with."""

from dataclasses import dataclass, field

from jstasr.decode.arguments import is_number
from jstasr.decode.segments import MAX_SEGMENT
from jstasr.decode.vad import AUTO
from jstasr.errors import JstasrError
from jstasr.experiment.search import SearchConfig
from jstasr.model.joint import FULL


@dataclass(frozen=True)
class ServeSettings:
    """How a service transcribes, and its limits.

    `mode`, `config`, `vad`, `max_segment`: arguments of `Transcriber.transcribe`. `token`: that clients must send; ""
    lets all in. `max_mb`: of an uploaded recording. `max_seconds`: of the audio of a recording or a stream. `timeout`:
    seconds in which a recording must be uploaded, and again in which it must be transcribed; a stream that sends
    nothing for so long ends. `nj`: recordings transcribed at the same time; `max_waiting`: recordings that are
    accepted at the same time. `hosts`: names by which clients may call the service; None: any.
    """

    name: str = "jstasr"
    mode: str = FULL
    config: SearchConfig | None = None
    vad: str = AUTO
    max_segment: float = MAX_SEGMENT
    token: str = field(default="", repr=False)
    max_mb: float = 100.0
    max_seconds: float = 7200.0
    timeout: float = 600.0
    max_streams: int = 8
    nj: int = 1
    max_waiting: int = 16
    hosts: frozenset[str] | None = None

    def __post_init__(self) -> None:
        for name in ("max_mb", "max_seconds", "timeout"):
            if not is_number(getattr(self, name)) or getattr(self, name) <= 0:
                raise JstasrError(f"--{name} {getattr(self, name)}: must be more than 0")
        for name in ("max_streams", "nj", "max_waiting"):
            if getattr(self, name) < 1:
                raise JstasrError(f"--{name} {getattr(self, name)}: must be 1 or more")
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise JstasrError("the token: must be printable ASCII without spaces, as HTTP headers carry it")
