"""`jstasr bench data` on a small set: what it says is what is there."""

from jstasr.bench import data


def test_the_report_tells_memory_time_and_padding():
    lines = []
    found = data.run(3000, 20_000, lines.append)
    assert 0 < found["held"] <= found["peak"]
    assert 0.0 < found["padding"] < 0.05
    text = "\n".join(lines)
    assert "3000 utterances, " in text and f"{found['padding']:.1%}" in text


def test_every_table_has_a_line_for_every_utterance(tmp_path):
    data.write_set(tmp_path, 250)
    keys = [[line.split()[0] for line in (tmp_path / name).read_text().splitlines()] for name in ("text", "phones")]
    assert len(set(keys[0])) == 250 and keys[0] == keys[1] == sorted(keys[0])
