"""`jstasr bench shards` on a small set: what it says is what is there."""

from jstasr.bench import shards


def test_the_report_tells_times_and_what_was_read(monkeypatch, tmp_path):
    monkeypatch.setenv("JSTASR_CACHE", str(tmp_path))
    lines = []
    found = shards.run(20, 60, 8000, 3, 0, lines.append)
    assert 15 <= found["shards"] <= 25
    assert 0 < found["bytes_read"] <= 3 * 8000 * 160 < found["bytes_set"]
    assert 0 < found["seconds_first"] <= found["seconds_all"] and found["cpu_first"] > 0
    assert "60 utterances in " in lines[0] and any("the first batch read" in line for line in lines)
