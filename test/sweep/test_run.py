"""Which cells run: each once, again after a failure or a change, and never where its results are there."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from jstasr.errors import JstasrError
from jstasr.sweep import run
from jstasr.sweep.digest import code_version, is_uncommitted
from jstasr.sweep.plan import read_plan
from jstasr.sweep.progress import progress_table, summary
from jstasr.sweep.records import read_cells, read_utterances
from jstasr.sweep.run import Settings, Sweep
from jstasr.sweep.write import write_page, write_plan


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(run, "POLL", 0.01)


@pytest.fixture
def sweep(repository):
    def made(**settings):
        results = repository.root / "results"
        write_plan(repository.plan, results)
        plan = read_plan(repository.plan)
        work = repository.recipe / "sweep/toy"
        return Sweep(plan, repository.root, repository.recipe, work, results, Settings(**settings))

    return made


@pytest.fixture
def calls(repository):
    """Stage and options of the calls of run.sh so far, one list for each workspace."""

    def read():
        return [path.read_text().splitlines() for path in sorted(repository.recipe.glob("sweep/toy/*/calls.txt"))]

    return read


def go(sweep):
    return sweep.run(lambda _: None)


def test_every_cell_is_prepared_once_trained_once_and_its_errors_are_counted(sweep, repository, calls):
    one = sweep(jobs=2)
    assert go(one)
    (lines,) = calls()
    assert sorted(line.split()[0] for line in lines) == list("066668888")
    rows = read_cells(one.results)
    assert [(r.system, r.seed, r.decoding) for r in rows[:4]] == [
        ("B", 1, "beam4"),
        ("B", 1, "beam4_lm"),
        ("C", 1, "beam4"),
        ("C", 1, "beam4_lm"),
    ]
    # hypotheses `a b x`, `a x`, `a b`, `a b c` of B, with c for x of C
    assert [r.errors for r in rows] == [4, 2, 2, 2, 4, 2, 2, 2]
    assert {(r.words, r.dev, r.mode, r.test_set) for r in rows} == {(12, "40.50", "full", "test")}
    assert all(r.seconds.isdigit() and r.total_seconds.isdigit() for r in rows)
    table = read_utterances(one.results / "all.test.csv.gz")
    assert table.ids == ["s-u1", "s-u2", "s-u3", "s-u4"] and table.groups == ["en", "it", "en", "it"]
    assert table.errors["B/1/beam4/full"].tolist() == [1, 2, 1, 0]
    page = write_page(one.results).read_text()
    assert "4 of 4 cells" in page and "| C - B | beam4 | test | full | 2 | -16.67" in page and "(macro)" in page


def test_what_is_finished_does_not_run_again_even_without_the_work(sweep, repository, calls):
    assert go(sweep())
    assert go(sweep())
    assert len(calls()[0]) == 9
    subprocess.run(["rm", "-r", repository.recipe / "sweep"], check=True)
    assert go(sweep())
    assert [line.split()[0] for line in calls()[0]] == ["0"]  # the data alone: their digest names the cells


def test_a_commit_of_results_changes_nothing_and_one_of_code_runs_all_again(sweep, repository, calls):
    assert go(sweep())
    repository.commit()
    assert go(sweep())
    assert [len(lines) for lines in calls()] == [9]
    (repository.root / "jstasr/code.py").write_text("a = 2\n")
    repository.commit()
    assert go(sweep(any_commit=True))
    assert [len(lines) for lines in calls()] == [9]
    assert go(sweep())
    assert [len(lines) for lines in calls()] == [9, 9]
    assert {row.commit for row in read_cells(sweep().results)} == {sweep().code}


def test_a_new_seed_runs_alone_and_a_renamed_system_not_at_all(sweep, repository, calls):
    assert go(sweep())
    text = repository.plan.read_text()
    repository.plan.write_text(text.replace("[1, 2]", "[1, 2, 3]"))
    assert go(sweep())
    assert [line.split()[0] for line in calls()[0][9:]] == ["6", "8", "6", "8"]
    repository.plan.write_text(text.replace("C: {}", "D: {}").replace("C - B", "D - B"))
    assert go(sweep())
    assert len(calls()[0]) == 13
    assert {row.system for row in read_cells(sweep().results)} == {"B", "C", "D"}


def test_equal_cells_are_trained_once(sweep, repository, calls):
    repository.plan.write_text(repository.plan.read_text().replace("C: {}", "C: {}\n  E: {}"))
    assert go(sweep())
    assert len(calls()[0]) == 9
    rows = read_cells(sweep().results)
    assert [r.errors for r in rows if r.system == "E"] == [r.errors for r in rows if r.system == "C"]


def test_conditions_share_data_unless_an_option_changes_them(sweep, repository, calls):
    conditions = "conditions: {one: {}, same: {average_num: 3}, more: {n_text: 9}}\n"
    repository.plan.write_text(repository.plan.read_text() + conditions)
    assert go(sweep())
    assert sorted(len(lines) for lines in calls()) == [9, 17]
    assert len(read_cells(sweep().results)) == 24


def test_another_decoding_trains_nothing(sweep, repository, calls):
    text = repository.plan.read_text()
    repository.plan.write_text(text + "decodings: {beam: {}}\n")
    assert go(sweep())
    repository.plan.write_text(text + "decodings: {beam: {}, greedy: {inference_config: ''}}\n")
    assert go(sweep())
    assert [line.split()[0] for line in calls()[0][9:]] == list("8888")
    assert {row.decoding for row in read_cells(sweep().results)} == {"beam", "beam_lm", "greedy", "greedy_lm"}


def test_a_failed_cell_is_tried_again_and_does_not_stop_the_others(sweep, monkeypatch, calls):
    monkeypatch.setenv("FAIL_SEED", "1")
    one = sweep(retries=1)
    assert not go(one)
    assert [line.split()[0] for line in calls()[0]].count("6") == 2 * 2 + 2
    assert {row.seed for row in read_cells(one.results)} == {2}
    assert "failed 2 times" in one.messages[0] and "train.log" in one.messages[0]
    monkeypatch.delenv("FAIL_SEED")
    again = sweep()
    assert go(again)
    rows = read_cells(again.results)
    assert {row.seed for row in rows} == {1, 2}
    assert {row.seconds == "" for row in rows if row.seed == 1} == {True}  # it took several attempts


def test_a_job_of_a_killed_sweep_is_waited_for(sweep, repository, calls, monkeypatch):
    script = repository.recipe / "run.sh"
    script.write_text(script.read_text().replace("    6)\n", "    6)\n        sleep 2\n"))
    repository.commit()
    one = sweep()

    class Killed(Exception):
        pass

    def kill(state):
        if any(item.phase == run.TRAINING for item in state.states.values()):
            raise Killed

    with monkeypatch.context() as patched:  # it ends without ending its jobs, as if by kill -9
        patched.setattr(run.Job, "stop", lambda self: None)
        patched.setattr(run.Job, "wait", lambda self: None)
        with pytest.raises(Killed):
            one.run(kill)
    seen = set()
    again = sweep()
    assert again.run(lambda state: seen.update(item.phase for item in state.states.values()))
    assert run.ELSEWHERE in seen
    assert [line.split()[0] for line in calls()[0]].count("6") == 4


ORPHAN = r"""
        if [ ! -e once ]; then
            touch once
            (
                for file in /proc/${BASHPID}/fd/*; do [ "${file##*/}" -le 2 ] || eval "exec ${file##*/}>&-"; done
                exec sleep 300
            ) &
            echo $! >orphan
            kill -9 $$
        fi
"""


def test_a_sweep_that_is_interrupted_ends_its_jobs(sweep, repository, calls):
    script = repository.recipe / "run.sh"
    script.write_text(script.read_text().replace("    6)\n", "    6)\n        sleep 300 & echo $! >child; wait\n"))
    repository.commit()

    def interrupt(state):
        if list(repository.recipe.glob("sweep/toy/*/child")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep().run(interrupt)
    (child,) = repository.recipe.glob("sweep/toy/*/child")
    assert not is_running(int(child.read_text()))


def test_the_table_fills_and_tells_the_time_left(sweep, monkeypatch):
    monkeypatch.setenv("FAIL_SEED", "2")
    one = sweep(retries=0)
    table = progress_table(one, [])
    assert "0 of 4 cells done, time left: known when a cell is done" in table.title
    assert not go(one)
    rows = [replace(row, total_seconds="600") for row in one.finished_rows()]
    assert "2 of 4 cells done, 2 failed" in progress_table(one, rows).title
    console = Console(width=200)
    with console.capture() as captured:
        console.print(progress_table(one, rows))
    (b,) = [line for line in captured.get().splitlines() if " B " in line]
    assert [cell.strip() for cell in b.strip("│").split("│")] == ["all", "B", "33.3  16.7", "failed"]
    one.states["all", "B", 2].phase = run.WAITING
    assert summary(one, rows).endswith("1 failed, about 10 min left")


def test_what_a_killed_job_left_is_ended_before_it_starts_again(sweep, repository, calls):
    script = repository.recipe / "run.sh"
    script.write_text(script.read_text().replace("    6)\n", f"    6)\n{ORPHAN}"))
    repository.commit()
    assert go(sweep())
    assert [line.split()[0] for line in calls()[0]].count("6") == 5
    (orphan,) = repository.recipe.glob("sweep/toy/*/orphan")
    assert not is_running(int(orphan.read_text()))


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_code_that_changes_during_a_sweep_ends_it(sweep, repository):
    one = sweep()

    def change(state):
        (repository.root / "jstasr/code.py").write_text("a = 3\n")

    with pytest.raises(JstasrError, match="the code changed during the sweep"):
        one.run(change)
    assert read_cells(one.results) == []


def test_uncommitted_code_has_a_version_of_its_own(repository):
    def version():
        return code_version(repository.root, "egs/toy/asr1")

    clean = version()
    assert not is_uncommitted(clean)
    (repository.root / "results.csv").write_text("1\n")
    (repository.root / "README.md").write_text("words\n")
    assert version() == clean
    new = repository.root / "jstasr/new.py"
    versions = []
    for text in ("b = 1\n", "b = 2\n"):
        new.write_text(text)
        versions.append(version())
    assert all(map(is_uncommitted, versions)) and len(set(versions)) == 2
    new.unlink()
    assert version() == clean
