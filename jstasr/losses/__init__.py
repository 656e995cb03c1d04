"""The losses, one file each; configuration, schedule, data parallelism, log and plots derive from `LOSSES`."""

from jstasr.losses import consistency, ctc, masked_text, transducer
from jstasr.losses.record import Loss

LOSSES: tuple[Loss, ...] = (*transducer.LOSSES, *ctc.LOSSES, *masked_text.LOSSES, *consistency.LOSSES)
