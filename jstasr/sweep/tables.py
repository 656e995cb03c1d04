"""The tables of a sweep, from its plan and its records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.score.environment import UNCOMMITTED
from jstasr.sweep.plan import ALL, Comparison, Plan, read_plan
from jstasr.sweep.records import (
    CELLS,
    PLAN,
    Row,
    error_columns,
    group_numbers,
    read_records,
)
from jstasr.sweep.statistics import (
    LEVEL,
    Difference,
    Estimate,
    Rates,
    difference,
    further_run,
    holm,
    mean_over_seeds,
    replicate_rates,
)

MACRO = "macro"  # mean over the groups of a test set
NONE = "–"
Place = tuple[str, str, str, str]  # condition, decoding, test set, mode


@dataclass
class Tested:
    """One comparison in one place; `group` is "" for all words of the set, else "macro"."""

    comparison: Comparison
    place: Place
    group: str
    found: Difference
    p_holm: float = 1.0


class Results:
    """The plan and the records of a folder, and what follows from them.

    Attributes:
        rows: those of the plan's cells.
        places: (condition, decoding, test set, mode) of all rows, in the order of the plan.
    """

    def __init__(self, folder: Path):
        self.plan: Plan = read_plan(folder / PLAN)
        rows, self.tables = read_records(folder)
        planned = {cell.key for cell in self.plan.planned()}
        self.rows = [row for row in rows if row.key in planned and row.test_set in self.plan.test_sets]
        self.by_place: dict[Place, dict[str, dict[int, Row]]] = {}
        for row in self.rows:
            place = (row.condition, row.decoding, row.test_set, row.mode)
            self.by_place.setdefault(place, {}).setdefault(row.system, {})[row.seed] = row
        order = {name: number for number, name in enumerate(self.plan.conditions)}
        sets = {name: number for number, name in enumerate(self.plan.test_sets)}
        self.places = sorted(self.by_place, key=lambda p: (order[p[0]], p[1], sets[p[2]], p[3] != "streaming"))
        self.many_conditions = list(self.plan.conditions) != [ALL]
        self._rates: dict[tuple[str, str, str], tuple[list[str], Rates]] = {}

    def groups(self, condition: str, test_set: str) -> list[str]:
        """The groups of a test set, such as languages; none where there is only one."""
        names, _ = group_numbers(self.tables[condition, test_set])
        return names if len(names) > 1 else []

    def rates(self, place: Place, system: str, seeds: Sequence[int], group: str = "") -> Rates:
        """Error rates of a system's seeds: of all words, the mean over groups ("macro"), or of one group."""
        condition, decoding, test_set, mode = place
        key = (condition, test_set, group)
        if key not in self._rates:
            table = self.tables[condition, test_set]
            names = [row.column for row in self.rows if row.file == (condition, test_set)]
            errors, words = error_columns(table, names), table.words
            group_of = group_numbers(table)[1] if group == MACRO else None
            if group not in ("", MACRO):
                own = [number for number, name in enumerate(table.groups) if name == group]
                errors, words = errors[:, own], words[own]
            self._rates[key] = (names, replicate_rates(errors, words, group_of))
        names, rates = self._rates[key]
        return rates.of([names.index(self.by_place[place][system][seed].column) for seed in seeds])

    def mean(self, place: Place, system: str, group: str = "") -> tuple[Estimate, int]:
        """The mean over a system's seeds, and their number.

        Raises:
            KeyError: there are none.
        """
        seeds = sorted(self.by_place[place][system])
        return mean_over_seeds(self.rates(place, system, seeds, group)), len(seeds)

    def difference(self, place: Place, comparison: Comparison, group: str = "") -> Difference | None:
        """B - A over the seeds that both have; None where there is none."""
        systems = self.by_place[place]
        seeds = sorted(systems.get(comparison.a, {}).keys() & systems.get(comparison.b, {}).keys())
        if not seeds:
            return None
        return difference(*(self.rates(place, name, seeds, group) for name in (comparison.a, comparison.b)))

    def tested(self) -> list[Tested]:
        """All comparisons of the plan, with p-values corrected over all of them."""
        found = []
        for comparison in self.plan.comparisons:
            for place in self.places:
                condition, decoding, test_set, mode = place
                if not comparison.includes(condition, test_set, decoding, mode):
                    continue
                for group in ["", MACRO] if self.groups(condition, test_set) else [""]:
                    one = self.difference(place, comparison, group)
                    if one:
                        found.append(Tested(comparison, place, group, one))
        for one, p in zip(found, holm([one.found.p for one in found]), strict=True):
            one.p_holm = p
        return found


@lru_cache(maxsize=8)
def load(folder: Path) -> Results:
    """The results of a folder, read once."""
    return Results(folder)


def number(value: float, signed: bool = False) -> str:
    """One digit behind the point; two for a difference."""
    return f"{value:+.2f}" if signed else f"{value:.1f}"


def estimate(value: Estimate, signed: bool = False) -> str:
    """`9.5 [9.1, 10.0]`."""
    return f"{number(value.value, signed)} [{number(value.low, signed)}, {number(value.high, signed)}]"


def probability(p: float) -> str:
    """`0.012`, or `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def relative(value: Estimate | None) -> str:
    """`-5.1% [-8.0, -2.0]`."""
    return NONE if value is None else f"{value.value:+.1f}% [{value.low:+.1f}, {value.high:+.1f}]"


def markdown(heading: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table; the first `left` columns are text, all others aligned to the right."""
    rule = ["---" if place < left else "--:" for place in range(len(heading))]
    return "".join("| " + " | ".join(line) + " |\n" for line in (heading, rule, *rows))


def mean_of(values: Sequence[str], scale: float = 1.0) -> str:
    """The mean of the numbers among them, with one digit."""
    numbers = [float(value) for value in values if value]
    return f"{sum(numbers) / len(numbers) / scale:.1f}" if numbers else NONE


def means_table(results: Results, condition: str, decoding: str) -> str:
    """A row for each system: its seeds, its dev score, its time, and its mean error rate on each test set."""
    places = [place for place in results.places if place[:2] == (condition, decoding)]
    if not places:
        raise JstasrError(f"no results of the condition {condition} with the decoding {decoding}")
    heading = ["system", "seeds", "dev", "minutes", *(f"{test_set}, {mode}" for _, _, test_set, mode in places)]
    rows = []
    for name in results.plan.systems:
        own = [results.by_place[place].get(name, {}) for place in places]
        first = next((list(seeds.values()) for seeds in own if seeds), [])
        figures = [
            estimate(results.mean(place, name)[0]) if name in results.by_place[place] else NONE for place in places
        ]
        times = [row.seconds for row in first]
        rows.append([name, str(len(first)), mean_of([row.dev for row in first]), mean_of(times, 60), *figures])
    return markdown(heading, rows)


def runs_table(results: Results, condition: str, decoding: str) -> str:
    """A row for each system: the error rate of each of its seeds, and where that of one more would lie."""
    places = [place for place in results.places if place[:2] == (condition, decoding)]
    rows = []
    for name in results.plan.systems:
        cells = []
        for place in places:
            seeds = sorted(results.by_place[place].get(name, {}))
            rates = results.rates(place, name, seeds) if seeds else None
            further = further_run(rates) if rates else None
            each = ", ".join(number(rate) for rate in rates.full) if rates else NONE
            cells.append(f"{each} [{number(further.low)}, {number(further.high)}]" if further else each)
        rows.append([name, *cells])
    return markdown(["system", *(f"{test_set}, {mode}" for _, _, test_set, mode in places)], rows)


def differences_table(results: Results, condition: str | None = None) -> str:
    """A row for each comparison and place."""
    rows = []
    for one in results.tested():
        here, decoding, test_set, mode = one.place
        if condition not in (None, here):
            continue
        where = [here] if condition is None and results.many_conditions else []
        found = one.found
        name = f"{test_set} ({one.group})" if one.group else test_set
        rows.append(
            [one.comparison.name, *where, decoding, name, mode, str(found.seeds), estimate(found.absolute, True)]
            + [relative(found.relative), probability(found.p), probability(one.p_holm)]
        )
    where = ["condition"] if condition is None and results.many_conditions else []
    heading = [
        "comparison",
        *where,
        "decoding",
        "test set",
        "decoder",
        "seeds",
        "difference",
        "relative",
        "p",
        "p (Holm)",
    ]
    return markdown(heading, rows, 4 + len(where))


def groups_table(results: Results, condition: str, decoding: str) -> str:
    """A row for each test set, decoder and system: the mean over the groups, and the error rate of each."""
    rows: list[list[str]] = []
    names: list[str] = []
    for place in results.places:
        if place[:2] == (condition, decoding):
            names += [name for name in results.groups(condition, place[2]) if name not in names]
    for place in results.places:
        groups = results.groups(condition, place[2])
        if place[:2] != (condition, decoding) or not groups:
            continue
        for system in results.plan.systems:
            if system not in results.by_place[place]:
                continue
            cells = [number(results.mean(place, system, name)[0].value) if name in groups else NONE for name in names]
            rows.append([place[2], place[3], system, estimate(results.mean(place, system, MACRO)[0]), *cells])
    return markdown(["test set", "decoder", "system", MACRO, *names], rows, 3)


def page(folder: Path) -> str:
    """The page of a sweep: all of its tables."""
    results = Results(folder)
    plan = results.plan
    done = {row.key for row in results.rows}
    planned = sum(1 for _ in plan.planned())
    lines = [
        f"# Sweep {plan.name}",
        "",
        f"Recipe `{plan.recipe}`, {plan.measure.upper()} in percent: means over seeds with {LEVEL}% intervals, "
        f"differences paired by seed and utterance. {len(done)} of {planned} cells are done. Computed by "
        f"`jstasr sweep` from `{PLAN}`, `{CELLS}` and the files of the utterances.",
        "",
        *(f"- {system.name}: {_described(plan, system.name)}" for system in plan.systems.values()),
        "",
    ]
    for condition, decoding in dict.fromkeys(place[:2] for place in results.places):
        lines += [f"## {_titled(results, condition)}decoding {decoding}", "", means_table(results, condition, decoding)]
        lines += [f"Each seed, and in brackets where one more would lie ({LEVEL}%):", ""]
        lines += [runs_table(results, condition, decoding)]
        if any(results.groups(condition, test_set) for c, _, test_set, _ in results.places if c == condition):
            lines += [groups_table(results, condition, decoding)]
    if plan.comparisons and results.rows:
        lines += ["## Differences", "", differences_table(results)]
    lines += _about(results)
    return "\n".join(lines).rstrip() + "\n"


def _titled(results: Results, condition: str) -> str:
    return f"{condition}, " if results.many_conditions else ""


def _described(plan: Plan, name: str) -> str:
    system = plan.systems[name]
    words = [*system.overrides, *(f"--{key} {value}" for key, value in system.options.items())]
    return ", ".join(f"`{word}`" for word in words) or "the recipe's default"


def _about(results: Results) -> Iterator[str]:
    commits = sorted({row.commit for row in results.rows})
    if commits:
        yield f"Commits: {', '.join(f'`{commit}`' for commit in commits)}."
    if any(commit.endswith(UNCOMMITTED) for commit in commits):
        yield ""
        yield "**Some cells are of uncommitted code, and cannot be repeated.**"


def table(folder: Path, words: Sequence[str]) -> str:
    """A table for docs/figures.py: `means|runs|groups CONDITION DECODING` or `differences [CONDITION]`."""
    results = load(folder)
    kind, *rest = words
    if kind == "differences" and len(rest) < 2:
        return differences_table(results, *rest)
    makers = {"means": means_table, "runs": runs_table, "groups": groups_table}
    if kind not in makers or len(rest) != 2:
        raise JstasrError(f"expected `means|runs|groups CONDITION DECODING` or `differences`, not `{' '.join(words)}`")
    return makers[kind](results, *rest)


def figure(folder: Path, words: Sequence[str]) -> str:
    """A figure for docs/figures.py: what, of which system or comparison, and where.

    mean C CONDITION DECODING TEST_SET MODE [GROUP]          9.5% [9.1, 10.0]
    difference C-B CONDITION DECODING TEST_SET MODE [macro]  -0.93 [-1.30, -0.60]
    relative C-B ...                                         -5.1% [-8.0, -2.0]
    p C-B ...                                                < 0.001, corrected by Holm
    """
    results = load(folder)
    kind, name, condition, decoding, test_set, mode, *rest = words
    place, group = (condition, decoding, test_set, mode), rest[0] if rest else ""
    if place not in results.by_place:
        raise JstasrError(f"no results of {' '.join(place)}")
    if kind == "mean":
        if name not in results.by_place[place]:
            raise JstasrError(f"no results of {name} there")
        value = results.mean(place, name, group)[0]
        return f"{number(value.value)}% [{number(value.low)}, {number(value.high)}]"
    wanted = name.replace(" ", "")
    for one in results.tested():
        if (one.comparison.name.replace(" ", ""), one.place, one.group) == (wanted, place, group):
            shown = {
                "difference": estimate(one.found.absolute, True),
                "relative": relative(one.found.relative),
                "p": probability(one.p_holm),
            }
            if kind in shown:
                return shown[kind]
    raise JstasrError(f"no {kind} of {name} there; there are mean, difference, relative and p")
