"""Scoring a test set: from transcripts to a folder of reports."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.kaldi.tables import read_table
from jstasr.score.alignment import Alignment, align_sets
from jstasr.score.analysis import analysis_text, frequent_errors, notes, worst_utterances
from jstasr.score.bootstrap import REPLICATES, error_rate_interval
from jstasr.score.environment import environment
from jstasr.score.files import ANALYSIS_TXT, HYP_TRN, RAW_HYP_TRN, RAW_REF_TRN, REF_TRN, RESULT_JSON, RESULT_TXT
from jstasr.score.prepare import Prepared
from jstasr.score.report import sclite_report
from jstasr.score.schema import Interval, Result, Summary
from jstasr.score.summary import match_groups, summarise, summarise_groups
from jstasr.score.trn import parse_trn, read_bytes

MEASURE_AND_UNIT = {"word": ("WER", "words"), "char": ("CER", "characters"), "token": ("TER", "tokens")}


def align_transcripts(
    ref_content: bytes,
    hyp_content: bytes,
    ref_name: str | Path,
    hyp_name: str | Path,
    allow_missing: bool = False,
    allow_alternations: bool = False,
) -> tuple[Alignment, list[bytes]]:
    """Align the content of two trn files; the names are what errors call them.

    Returns:
        The alignment, in the order of the hypotheses (as sclite's) with the missing ones last, and the ids of these.
    Raises:
        JstasrError: a missing or extra hypothesis; first ids and count.
    """
    ref = parse_trn(ref_content, ref_name, allow_alternations)
    hyp = parse_trn(hyp_content, hyp_name, allow_alternations)
    if not len(ref):
        raise JstasrError(f"{ref_name}: no utterances; nothing to score")
    ref_texts, hyp_texts = (dict(zip(side.ids, side.texts, strict=True)) for side in (ref, hyp))
    missing = [name for name in ref.ids if name not in hyp_texts]
    if missing and not allow_missing:
        raise JstasrError(
            f"{hyp_name}: {len(missing)} of {len(ref)} utterances of {ref_name} have no hypothesis: "
            f"{_names(missing)}; add them, or count them as deletions with --allow-missing"
        )
    extra = [name for name in hyp.ids if name not in ref_texts]
    if extra:
        raise JstasrError(
            f"{hyp_name}: {len(extra)} hypotheses have no reference in {ref_name}: {_names(extra)}; "
            "score each set against its own references"
        )
    ids = hyp.ids + missing
    texts = hyp.texts + [b""] * len(missing)
    return align_sets(ids, [ref_texts[name] for name in ids], texts), missing


def _names(ids: Sequence[bytes]) -> str:
    return first_few([name.decode() for name in ids])


def copy_transcripts(outdir: str | Path, ref_path: str | Path, hyp_path: str | Path, missing: Sequence[bytes]) -> None:
    """Put ref.trn and hyp.trn beside the reports, missing hypotheses as empty lines; an input is not overwritten."""
    empty = b"".join(b" %s\n" % name for name in missing)
    for source, name, extra in ((ref_path, REF_TRN, b""), (hyp_path, HYP_TRN, empty)):
        target = Path(outdir) / name
        if target.resolve() not in (Path(ref_path).resolve(), Path(hyp_path).resolve()):
            content = read_bytes(source)
            with atomic_write(target, "wb") as file:
                file.write(content + (b"\n" if extra and not content.endswith(b"\n") else b"") + extra)


def build_result(
    alignment: Alignment,
    token_type: str,
    cleaner: str,
    missing: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    utterances: Sequence[str] | None = None,
    audio: Mapping[str, str] | None = None,
    replicates: int = REPLICATES,
) -> Result:
    """The figures of a scored test set.

    Args:
        token_type: "word" | "char" | "token".
        cleaner: name, for the record.
        missing: ids scored as deletions.
        groups: name of a grouping -> U str, the group of each utterance.
        utterances: U str, Kaldi ids; None: the trn ids.
        audio: utterance -> path.
        replicates: of the bootstrap; 0 leaves the intervals out.
    """
    measure, unit = MEASURE_AND_UNIT[token_type]
    errors, words = alignment.errors, alignment.ref_words
    intervals: dict[str, Interval | None] = {"utterance": None, "speaker": None}
    if replicates:
        intervals["utterance"] = error_rate_interval(errors, words, replicates=replicates)
        intervals["speaker"] = error_rate_interval(errors, words, alignment.speaker_index, replicates=replicates)
    return {
        "measure": measure,
        "unit": unit,
        "cleaner": cleaner,
        "total": summarise(alignment),
        "intervals": intervals,
        "missing": {"count": len(missing), "first": list(missing[:10])},
        "empty": int(((alignment.hyp_words == 0) & (words > 0)).sum()) - len(missing),
        "null_words": alignment.null_words,
        "groups": {name: summarise_groups(alignment, group_of) for name, group_of in groups.items()},
        "speakers": _by_speaker(alignment),
        "frequent": frequent_errors(alignment),
        "worst": worst_utterances(alignment, utterances, audio),
    }


def _by_speaker(alignment: Alignment) -> dict[str, Summary]:
    names = [speaker.decode() for speaker in alignment.speakers]
    return summarise_groups(alignment, [names[k] for k in alignment.speaker_index])["groups"]


def score_trn(
    ref_trn: str | Path,
    hyp_trn: str | Path,
    outdir: str | Path,
    token_type: str = "word",
    group_paths: Sequence[str | Path] = (),
    wav_scp: str | Path | None = None,
    allow_missing: bool = False,
    replicates: int = REPLICATES,
) -> Result:
    """Score a trn file against another and write the transcripts and the reports.

    Args:
        token_type: "word" | "char" | "token": what the trn files hold.
        group_paths: utt2X tables, for error rates by group.
        wav_scp: audio paths for the list of the worst utterances.
        allow_missing: score a missing hypothesis as empty.
        replicates: of the bootstrap; 0 leaves the intervals out.
    Raises:
        JstasrError: a damaged file, a missing or extra hypothesis, an utterance without a group.
    """
    alignment, missing = align_transcripts(read_bytes(ref_trn), read_bytes(hyp_trn), ref_trn, hyp_trn, allow_missing)
    groups = read_groups(group_paths, alignment)
    audio = read_table(wav_scp) if wav_scp else None
    names = [name[1:-1].decode() for name in missing]
    result = build_result(alignment, token_type, "none", names, groups, None, audio, replicates)
    copy_transcripts(outdir, ref_trn, hyp_trn, missing)
    write_reports(outdir, alignment, result, Path(hyp_trn).name)
    return result


def score_prepared(
    prepared: Prepared,
    outdir: str | Path,
    token_type: str,
    cleaner: str,
    group_paths: Sequence[str | Path] = (),
    wav_scp: str | Path | None = None,
    replicates: int = REPLICATES,
) -> Result:
    """Score what `prepare_kaldi` returned and write the transcripts and the reports; arguments as in `score_trn`."""
    alignment, _ = align_transcripts(
        prepared.ref_trn, prepared.hyp_trn, "references", "hypotheses", allow_alternations=True
    )
    groups = read_groups(group_paths, alignment, prepared.utterances)
    audio = read_table(wav_scp) if wav_scp else None
    result = build_result(
        alignment, token_type, cleaner, prepared.missing, groups, prepared.utterances, audio, replicates
    )
    files = {
        REF_TRN: prepared.ref_trn,
        HYP_TRN: prepared.hyp_trn,
        RAW_REF_TRN: prepared.raw_ref_trn,
        RAW_HYP_TRN: prepared.raw_hyp_trn,
    }
    for name, content in files.items():
        with atomic_write(Path(outdir) / name, "wb") as file:
            file.write(content)
    write_reports(outdir, alignment, result, HYP_TRN)
    return result


def read_groups(
    paths: Sequence[str | Path], alignment: Alignment, utterances: Sequence[str] | None = None
) -> dict[str, list[str]]:
    """The group of each utterance by each utt2X table: file name -> U str."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        name = Path(path).name
        if name in groups:
            raise JstasrError(f"{path}: two groupings are called {name}; rename one file")
        groups[name] = match_groups(utterances, alignment.ids, read_table(path), path)
    return groups


def write_reports(outdir: str | Path, alignment: Alignment, result: Result, title: str) -> None:
    """Write result.txt, with the system's name `title`, analysis.txt and result.json.

    A result.json that differs only in its environment is not written again, so that scoring the same hypotheses
    again changes no file.
    """
    outdir = Path(outdir)
    report = sclite_report(alignment, title)
    if result["missing"]["count"]:
        report += "".join(f"\n{note}\n" for note in notes(result)).encode()
    with atomic_write(outdir / RESULT_TXT, "wb") as file:
        file.write(report)
    with atomic_write(outdir / ANALYSIS_TXT) as file:
        file.write(analysis_text(result))
    path = outdir / RESULT_JSON
    if _old_result(path) == result:
        return
    with atomic_write(path) as file:
        json.dump({**result, "environment": environment()}, file, ensure_ascii=False, indent=1)
        file.write("\n")


def _old_result(path: Path) -> object:
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if isinstance(old, dict):
        old.pop("environment", None)
    return old


def headline(result: Result, outdir: str | Path) -> str:
    """What `jstasr score` prints: the error rate, its interval, and what the reader should know about it."""
    total, interval = result["total"], result["intervals"]["utterance"]
    rate = "n/a" if total["error_rate"] is None else f"{total['error_rate']:.2f}%"
    bounds = f" [{interval['low']:.2f}, {interval['high']:.2f}]" if interval else ""
    size = f"{total['sentences']} utterances, {total['words']} {result['unit']}"
    return "\n".join([f"{result['measure']} {rate}{bounds}, {size}: {outdir}", *notes(result)])
