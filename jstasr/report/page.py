"""What `jstasr report` does: one HTML page for an experiment."""

from pathlib import Path

from jstasr.experiment.files import REPORT, REPORT_PAGE
from jstasr.kaldi.files import atomic_write
from jstasr.report.alignment_section import alignment
from jstasr.report.gather import gather
from jstasr.report.html import page
from jstasr.report.sections import commands_and_configuration, error_rates, head, training
from jstasr.score.environment import environment


def write_report(expdir: Path, output: Path | None = None, note: str | None = None) -> Path:
    """Write the report of exp/<tag> as one page that holds its images.

    Args:
        output: the page; None: <expdir>/report/index.html.
        note: a line on what kind of data the numbers are about; None: that of RESULTS.md.
    Returns:
        The page's path.
    Raises:
        JstasrError: `expdir` is not an experiment.
    """
    record = gather(expdir, note)
    output = output or expdir / REPORT / REPORT_PAGE
    parts = [
        head(record, environment()),
        error_rates(record, output.parent),
        training(record),
        alignment(record),
        commands_and_configuration(record),
    ]
    with atomic_write(output) as file:
        file.write(page(f"{record.tag} – jstasr", "\n".join(parts)))
    return output
