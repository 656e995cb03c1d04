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
- `jstasr.decode`, `jstasr.train`: search, streaming and transcription; the training loop
- `jstasr.score`, `jstasr.report`, `jstasr.check`, `jstasr.bench`: error rates, the report of an experiment, the check
  of the environment, benchmarks
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jstasr.decode.transcriber import Transcriber as Transcriber
    from jstasr.decode.transcriber import Transcript as Transcript

__version__ = "0.1.0"  # the only place that has it


def __getattr__(name: str) -> object:
    if name in ("Transcriber", "Transcript"):  # on first use: torch is imported only by those who need it
        from jstasr.decode import transcriber

        return getattr(transcriber, name)
    raise AttributeError(f"module 'jstasr' has no attribute {name!r}")
