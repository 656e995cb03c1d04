"""Scoring a test set: from transcripts to a folder of reports."""

import json
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.kaldi.tables import read_table
from jstasr.score.alignment import align_sets
from jstasr.score.analysis import analysis_text, frequent_errors, notes, worst_utterances
from jstasr.score.bootstrap import REPLICATES, error_rate_interval
from jstasr.score.environment import environment
from jstasr.score.report import sclite_report
from jstasr.score.summary import match_groups, summarise, summarise_groups
from jstasr.score.trn import parse_trn, read_bytes

MEASURES = {"word": ("WER", "words"), "char": ("CER", "characters"), "token": ("TER", "tokens")}


def align_transcripts(ref_content, hyp_content, ref_name, hyp_name, allow_missing=False, allow_alternations=False):
    """Align the bytes of two trn files.

    Returns:
        Alignment in the order of the hypotheses (as sclite's), then the missing ones; their ids (bytes).
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


def _names(ids):
    return first_few([name.decode() for name in ids])


def copy_transcripts(outdir, ref_path, hyp_path, missing):
    """Put ref.trn and hyp.trn beside the reports, missing hypotheses as empty lines; never over an input."""
    empty = b"".join(b" %s\n" % name for name in missing)
    for source, name, extra in ((ref_path, "ref.trn", b""), (hyp_path, "hyp.trn", empty)):
        target = Path(outdir) / name
        if target.resolve() not in (Path(ref_path).resolve(), Path(hyp_path).resolve()):
            content = read_bytes(source)
            with atomic_write(target, "wb") as file:
                file.write(content + (b"\n" if extra and not content.endswith(b"\n") else b"") + extra)


def build_result(alignment, token_type, cleaner, missing, groups, utterances=None, audio=None, replicates=REPLICATES):
    """The content of result.json.

    Args:
        alignment: Alignment.
        token_type: "word" | "char" | "token".
        cleaner: name, for the record.
        missing: ids (str) scored as deletions.
        groups: dict name of a grouping -> U str, the group of each utterance.
        utterances: U str, Kaldi ids; None: the trn ids.
        audio: dict utterance -> path, or None.
        replicates: of the bootstrap; 0 leaves the intervals out.
    """
    measure, unit = MEASURES[token_type]
    errors, words = alignment.errors, alignment.ref_words
    intervals = {"utterance": None, "speaker": None}
    if replicates:
        intervals["utterance"] = error_rate_interval(errors, words, replicates=replicates)
        intervals["speaker"] = error_rate_interval(errors, words, alignment.speaker_index, replicates=replicates)
    return {
        "measure": measure,
        "unit": unit,
        "cleaner": cleaner,
        "total": summarise(alignment),
        "intervals": intervals,
        "missing": {"count": len(missing), "first": missing[:10]},
        "null_words": alignment.null_words,
        "groups": {name: summarise_groups(alignment, group_of) for name, group_of in groups.items()},
        "speakers": _by_speaker(alignment),
        "frequent": frequent_errors(alignment),
        "worst": worst_utterances(alignment, utterances, audio),
    }


def _by_speaker(alignment):
    names = [speaker.decode() for speaker in alignment.speakers]
    return summarise_groups(alignment, [names[k] for k in alignment.speaker_index])["groups"]


def score_trn(
    ref_trn,
    hyp_trn,
    outdir,
    token_type="word",
    group_paths=(),
    wav_scp=None,
    allow_missing=False,
    replicates=REPLICATES,
):
    """Score a trn file against another and write the reports; see `jstasr score --help` for the arguments.

    Returns:
        dict, the content of result.json.
    """
    alignment, missing = align_transcripts(read_bytes(ref_trn), read_bytes(hyp_trn), ref_trn, hyp_trn, allow_missing)
    groups = read_groups(group_paths, alignment)
    audio = read_table(wav_scp) if wav_scp else None
    names = [name[1:-1].decode() for name in missing]
    result = build_result(alignment, token_type, "none", names, groups, None, audio, replicates)
    copy_transcripts(outdir, ref_trn, hyp_trn, missing)
    write_report(outdir, alignment, result, Path(hyp_trn).name)
    return result


def score_prepared(prepared, outdir, token_type, cleaner, group_paths=(), wav_scp=None, replicates=REPLICATES):
    """Score what `prepare_kaldi` made and write the transcripts and the reports.

    Returns:
        dict, the content of result.json.
    """
    alignment, _ = align_transcripts(
        prepared.ref_trn, prepared.hyp_trn, "references", "hypotheses", allow_alternations=True
    )
    groups = read_groups(group_paths, alignment, prepared.utterances)
    audio = read_table(wav_scp) if wav_scp else None
    result = build_result(
        alignment, token_type, cleaner, prepared.missing, groups, prepared.utterances, audio, replicates
    )
    files = {
        "ref.trn": prepared.ref_trn,
        "hyp.trn": prepared.hyp_trn,
        "ref.raw.trn": prepared.raw_ref_trn,
        "hyp.raw.trn": prepared.raw_hyp_trn,
    }
    for name, content in files.items():
        with atomic_write(Path(outdir) / name, "wb") as file:
            file.write(content)
    write_report(outdir, alignment, result, "hyp.trn")
    return result


def read_groups(paths, alignment, utterances=None):
    """dict file name -> U str, from paths of utt2X tables."""
    groups = {}
    for path in paths:
        name = Path(path).name
        if name in groups:
            raise JstasrError(f"{path}: two groupings are called {name}; rename one file")
        groups[name] = match_groups(utterances, alignment.ids, read_table(path), path)
    return groups


def write_report(outdir, alignment, result, title):
    """Write result.txt, analysis.txt and result.json.

    A result.json that differs from the one there only in its environment is left alone: scoring again what
    has not changed changes nothing.
    """
    outdir = Path(outdir)
    report = sclite_report(alignment, title)
    if result["missing"]["count"]:
        report += "".join(f"\n{note}\n" for note in notes(result)).encode()
    with atomic_write(outdir / "result.txt", "wb") as file:
        file.write(report)
    with atomic_write(outdir / "analysis.txt") as file:
        file.write(analysis_text(result))
    path = outdir / "result.json"
    if _old_result(path) == result:
        return
    with atomic_write(path) as file:
        json.dump(result | {"environment": environment()}, file, ensure_ascii=False, indent=1)
        file.write("\n")


def _old_result(path):
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if isinstance(old, dict):
        old.pop("environment", None)
    return old


def headline(result, outdir):
    """What `jstasr score` says: the error rate, its interval, and what the reader should know about it."""
    total, interval = result["total"], result["intervals"]["utterance"]
    rate = "n/a" if total["error_rate"] is None else f"{total['error_rate']:.2f}%"
    sure = f" [{interval['low']:.2f}, {interval['high']:.2f}]" if interval else ""
    size = f"{total['sentences']} utterances, {total['words']} {result['unit']}"
    return "\n".join([f"{result['measure']} {rate}{sure}, {size}: {outdir}", *notes(result)])
