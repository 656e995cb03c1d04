"""Joint speech-text speech recognition trained with best-alignment consistency (arXiv 2308.06125).

A recogniser is trained on transcribed speech and on text alone. Most users need two things from Python:

- `jstasr.Transcriber` turns audio into text with a trained model (`jstasr.decode.transcriber`):
  `transcript = jstasr.Transcriber.from_pretrained("model.zip").transcribe("hello.wav")`
- `jstasr.align` holds the best alignment of two sequences and the consistency loss over it, for models of their own.
  It needs torch and numpy only.

Where the rest is, from the bottom up; a package imports only from those above it in this list:

- `jstasr.kaldi`: tables, audio and feature archives in Kaldi's formats
- `jstasr.text`, `jstasr.corpus`, `jstasr.features`: preparation of transcripts, corpora and log-mel features
- `jstasr.kernels`, `jstasr.align`, `jstasr.lm`: compiled CPU kernels, alignments, n-gram language models
- `jstasr.data`: data sets and batches
- `jstasr.model`, `jstasr.losses`: the joint model and its configuration; what it is trained with
- `jstasr.experiment`: the files of an experiment, from its configuration to the packed model
- `jstasr.decode`, `jstasr.train`, `jstasr.status`: search, streaming and transcription; the training loop; how far
  trainings are
- `jstasr.serve`: the service over HTTP and its web page
- `jstasr.score`, `jstasr.report`, `jstasr.check`, `jstasr.bench`: error rates, the report of an experiment, the check
  of the environment, benchmarks
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jstasr.decode.results import Segment as Segment
    from jstasr.decode.results import Transcript as Transcript
    from jstasr.decode.results import Word as Word
    from jstasr.decode.stream import PartialTranscript as PartialTranscript
    from jstasr.decode.stream import TranscriptStream as TranscriptStream
    from jstasr.decode.transcriber import Transcriber as Transcriber
    from jstasr.errors import JstasrError as JstasrError
    from jstasr.experiment.search import SearchConfig as SearchConfig

__version__ = "0.1.0"  # the only place that has it


_PUBLIC = {
    "JstasrError": "jstasr.errors",
    "PartialTranscript": "jstasr.decode.stream",
    "SearchConfig": "jstasr.experiment.search",
    "Segment": "jstasr.decode.results",
    "Transcriber": "jstasr.decode.transcriber",
    "Transcript": "jstasr.decode.results",
    "TranscriptStream": "jstasr.decode.stream",
    "Word": "jstasr.decode.results",
}


def __getattr__(name: str) -> object:
    if name in _PUBLIC:  # on first use: torch is imported only by those who need it
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'jstasr' has no attribute {name!r}")
