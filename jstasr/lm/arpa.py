"""Back-off n-gram models on disk: the ARPA format of SRILM and KenLM."""

import gzip
import io
import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
NEVER = -99.0  # log10 probability that ARPA files use for what cannot occur
MIN_KNOWN_SHARE = 0.5
LONGEST_LINE = 1 << 16  # characters
SMALL, MOST_RATIO = 1 << 20, 10  # characters of a file that may be gzipped to nothing; of larger ones, for each byte


@dataclass
class Ngrams:
    """All n-grams of one order.

    Args:
        words: (M, n) int64, ids of the token list of size V, V for <s>, V + 1 for </s>.
        log10_prob, log10_backoff: (M,) float64.
    """

    words: np.ndarray
    log10_prob: np.ndarray
    log10_backoff: np.ndarray


def write_arpa(path: str | Path, tables: list[Ngrams], tokens: list[str]) -> None:
    """Write an ARPA file.

    Args:
        path: of the file, gzipped if the name ends in .gz.
        tables: n-grams of each order.
        tokens: the token list.
    """
    names = [*tokens, BEGIN, END]
    with atomic_write(path, "wb") as raw:
        packed = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") if str(path).endswith(".gz") else None
        file = io.TextIOWrapper(packed or raw, encoding="utf-8", newline="\n")
        file.write("\\data\\\n")
        file.writelines(f"ngram {order}={len(table.words)}\n" for order, table in enumerate(tables, 1))
        for order, table in enumerate(tables, 1):
            file.write(f"\n\\{order}-grams:\n")
            last = order == len(tables)
            for words, prob, backoff in zip(table.words.tolist(), table.log10_prob, table.log10_backoff):
                spelled = " ".join([names[word] for word in words])
                file.write(f"{prob:.7g}\t{spelled}\n" if last else f"{prob:.7g}\t{spelled}\t{backoff:.7g}\n")
        file.write("\n\\end\\\n")
        file.flush()
        file.detach()
        if packed is not None:
            packed.close()


def read_arpa(path: str | Path, tokens: list[str]) -> list[Ngrams]:
    """Read an ARPA file, gzipped or not.

    Args:
        path: of the file.
        tokens: the token list; n-grams with other words can never be looked up and are left out.
    Returns:
        The n-grams of each order.
    Raises:
        JstasrError: naming file and line: not ARPA, cut short, a malformed line; or a model of other tokens.
    """
    ids = {token: index for index, token in enumerate(tokens)} | {BEGIN: len(tokens), END: len(tokens) + 1}
    ids.setdefault("<UNK>", ids[UNKNOWN])
    try:
        with open(path, "rb") as raw:
            gzipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", encoding="utf-8") if gzipped else open(path, encoding="utf-8") as file:
            tables = parse_arpa(bounded_lines(file, path, Path(path).stat().st_size), path, ids)
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such language model; make one with `jstasr lm`") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise JstasrError(f"{path}: cannot be read as an ARPA language model: {error}") from error
    known = set(tables[0].words[:, 0].tolist())
    ordinary = range(2, len(tokens))  # after <blank> and <unk>
    missing = [tokens[index] for index in ordinary if index not in known]
    if len(missing) > (1.0 - MIN_KNOWN_SHARE) * len(ordinary):
        raise JstasrError(
            f"{path}: lacks {len(missing)} of the model's {len(ordinary)} tokens, such as {' '.join(missing[:5])}: it "
            "is a language model of other units. Train it on text in this model's tokens (`jstasr lm --write-tokens`)"
        )
    return tables


def bounded_lines(file: TextIO, path: str | Path, size: int) -> Iterator[str]:
    """The lines of a file that has `size` bytes on disk, perhaps gzipped.

    Raises:
        JstasrError: a line, or all together, are longer than a language model has them.
    """
    most, total, number = max(SMALL, MOST_RATIO * size), 0, 0
    while line := file.readline(LONGEST_LINE):
        total, number = total + len(line), number + 1
        if len(line) == LONGEST_LINE or total > most:
            raise JstasrError(
                f"{path}:{number}: not an ARPA language model: a line of any length, or a file that swells"
            )
        yield line


def parse_arpa(lines: Iterable[str], path: str | Path, ids: dict[str, int]) -> list[Ngrams]:
    """N-grams of each order from the lines of an ARPA file.

    Args:
        lines: of the file.
        path: what to call it in an error.
        ids: word as it is spelled there -> id.
    """
    announced: list[int] = []
    found: list[int] = []  # lines of each order
    columns: list[tuple[array, array, array]] = []  # of each order: words, `order` an n-gram; probabilities; back-offs
    order, ended, number = 0, False, 0
    for number, line in enumerate(lines, 1):
        line = line.strip(" \t\r\n")
        if not line:
            continue
        if order and not line.startswith("\\"):
            fields = line.split()
            try:
                prob = float(fields[0])
                backoff = float(fields[order + 1]) if len(fields) == order + 2 else 0.0
                if len(fields) not in (order + 1, order + 2) or not prob <= 1e-6 or not math.isfinite(backoff):
                    raise ValueError
            except (ValueError, IndexError):
                raise JstasrError(f"{path}:{number}: not an entry of \\{order}-grams: {line[:60]!r}") from None
            found[-1] += 1
            try:
                words = [ids[word] for word in fields[1 : order + 1]]
            except KeyError:
                continue
            columns[-1][0].extend(words)
            columns[-1][1].append(prob)
            columns[-1][2].append(backoff)
        elif line.startswith("ngram ") and not order:
            size = line.partition("=")[2].strip()
            announced.append(int(size) if size.isdigit() else -1)
        elif line == f"\\{order + 1}-grams:" and order < len(announced):
            order += 1
            found.append(0)
            columns.append((array("q"), array("d"), array("d")))
        elif line == "\\end\\":
            ended = True
            break
        elif line != "\\data\\" and announced:
            raise JstasrError(f"{path}:{number}: unexpected line of an ARPA file: {line[:60]!r}")
    if not announced:
        raise JstasrError(f"{path}: not an ARPA language model: no \\data\\ section")
    if not ended or found != announced:
        raise JstasrError(f"{path}:{number}: cut short: announces {announced} n-grams of each order, holds {found}")
    return [
        Ngrams(np.array(words, np.int64).reshape(-1, order), np.array(prob, float), np.array(backoff, float))
        for order, (words, prob, backoff) in enumerate(columns, 1)
    ]
