"""`jstasr fetch` against a server that cuts connections, changes files and counts what it is asked."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading

import pytest

from jstasr.corpus.fetch import Checksum, fetch, listed_md5
from jstasr.errors import JstasrError

CONTENT = bytes(range(250)) * 4


class Source(http.server.BaseHTTPRequestHandler):
    """Serves `content` under the tag `tag`; each number of `cuts` ends one connection after so many bytes."""

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        server.agents.add(self.headers["User-Agent"])
        if server.busy:
            self.send_error(server.busy.pop(0))
            return
        start = 0
        if wanted and self.headers.get("If-Range") == server.tag and server.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        left = server.content[start:]
        if start and not left:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start and server.misplaced:
            left = server.content
            self.send_header("Content-Range", f"bytes 0-{len(left) - 1}/{len(left)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(left)))
        self.end_headers()
        self.wfile.write(left[: server.cuts.pop(0)] if server.cuts else left)

    def log_message(self, *_):
        pass


@pytest.fixture
def source(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr("jstasr.corpus.fetch.PAUSE", 0)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Source)
    server.content, server.tag, server.ranges, server.cuts, server.asked = CONTENT, '"one"', True, [], []
    server.busy, server.misplaced, server.agents = [], False, set()
    server.url = f"http://127.0.0.1:{server.server_port}/x.tar"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def half_there(source, tmp_path, size=300):
    """An earlier try that got no further than `size` bytes."""
    source.cuts = [size, 0]
    with pytest.raises(JstasrError, match=rf"ended after {size} of 1000 bytes, which are kept; run again"):
        fetch(source.url, tmp_path / "x")
    source.asked.clear()
    assert not (tmp_path / "x").exists()


def test_a_broken_connection_is_resumed_at_once(source, tmp_path):
    source.cuts = [300, 200]
    fetch(source.url, tmp_path / "x")
    assert source.asked == [None, "bytes=300-", "bytes=500-"]
    assert source.agents == {"jstasr-fetch"}
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_later_run_goes_on_where_an_earlier_one_was_cut_off(source, tmp_path):
    half_there(source, tmp_path)
    fetch(source.url, tmp_path / "x")
    assert source.asked == ["bytes=300-"]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_begun_anew(source, tmp_path):
    half_there(source, tmp_path)
    source.content, source.tag = CONTENT[::-1], '"two"'
    fetch(source.url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT[::-1]


def test_a_part_of_another_source_is_not_resumed(source, tmp_path):
    half_there(source, tmp_path)
    fetch(source.url.replace("x.tar", "y.tar"), tmp_path / "x")
    assert source.asked == [None]


def test_a_server_without_ranges_or_tags_sends_all_again(source, tmp_path):
    half_there(source, tmp_path)
    source.ranges = False
    fetch(source.url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    source.tag = ""
    half_there_again = tmp_path / "y"
    source.cuts = [300, 200, 0]
    with pytest.raises(JstasrError, match="ended after"):
        fetch(source.url, half_there_again)
    source.asked.clear()
    fetch(source.url, half_there_again)
    assert source.asked == [None]
    assert half_there_again.read_bytes() == CONTENT


def test_a_server_that_always_cuts_at_the_same_place_is_given_up(source, tmp_path):
    source.ranges, source.cuts = False, [300] * 20
    with pytest.raises(JstasrError, match="ended after 300 of 1000 bytes"):
        fetch(source.url, tmp_path / "x")
    assert len(source.asked) == 5


def test_another_part_than_the_one_asked_for_is_not_appended(source, tmp_path):
    source.misplaced, source.cuts = True, [300]
    fetch(source.url, tmp_path / "x")
    assert source.asked == [None, "bytes=300-", None]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_but_not_for_ever(source, tmp_path):
    source.busy = [503, 429]
    fetch(source.url, tmp_path / "x")
    assert source.asked == [None] * 3 and (tmp_path / "x").read_bytes() == CONTENT
    source.busy = [503] * 9
    with pytest.raises(JstasrError, match="the server answers 503 .* run again"):
        fetch(source.url, tmp_path / "y")
    assert len(source.busy) == 5 and not list(tmp_path.glob("y*"))


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<p>Log in", b"\n <HTML><body>Moved"])
def test_a_web_page_in_place_of_a_corpus_is_refused(source, tmp_path, page):
    source.content = page
    with pytest.raises(JstasrError, match="is a web page, .* it is removed: run again, or name another source"):
        fetch(source.url, tmp_path / "train.tsv")
    assert not list(tmp_path.iterdir())


def test_a_part_that_lacks_nothing_is_taken_as_it_is(source, tmp_path):
    half_there(source, tmp_path)
    (tmp_path / "x.part").write_bytes(CONTENT)
    fetch(source.url, tmp_path / "x")
    assert source.asked == ["bytes=1000-"]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_file_url_is_resumed_too(tmp_path):
    (tmp_path / "source").write_bytes(CONTENT)
    url = (tmp_path / "source").as_uri()
    fetch(url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_right_checksum_passes_and_a_wrong_one_removes_what_came(source, tmp_path, algorithm):
    right = hashlib.new(algorithm, CONTENT).hexdigest()
    fetch(source.url, tmp_path / "x", checksum=Checksum(algorithm, right.upper()))
    wrong = "0" * len(right)
    with pytest.raises(JstasrError, match=rf"has the {algorithm} {right}, not {wrong}; it is removed: run again"):
        fetch(source.url, tmp_path / "y", checksum=Checksum(algorithm, wrong))
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    with pytest.raises(JstasrError, match="it was there before: remove"):
        fetch(source.url, tmp_path / "x", checksum=Checksum(algorithm, wrong))
    assert (tmp_path / "x").exists()


def test_a_wrong_size_is_told_before_the_download(source, tmp_path):
    fetch(source.url, tmp_path / "x", size=1000)
    with pytest.raises(JstasrError, match="the file there has 1000 bytes, not 999"):
        fetch(source.url, tmp_path / "y", size=999)
    assert not (tmp_path / "y.part").exists()


def test_two_downloads_of_one_file_do_not_mix(source, tmp_path):
    import fcntl

    with open(tmp_path / "x.part", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(JstasrError, match="another process is downloading"):
            fetch(source.url, tmp_path / "x")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "file:///nowhere/x", "nonsense", "http://no.invalid/x"])
def test_a_dead_source_is_one_sentence_and_leaves_nothing(tmp_path, url):
    env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    command = [sys.executable, "-m", "jstasr", "fetch", url, tmp_path / "x"]
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1, result.stderr
    assert f"cannot download {url}" in result.stderr and "--data_url" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_server_is_told(source, tmp_path):
    source.RequestHandlerClass = type("Missing", (Source,), {"do_GET": lambda self: self.send_error(404)})
    with pytest.raises(JstasrError, match=r"the server answers 404 \(Not Found\)"):
        fetch(source.url, tmp_path / "x")


def test_checksums_are_found_in_what_md5sum_writes(tmp_path):
    (tmp_path / "one two.tar").write_bytes(CONTENT)
    (tmp_path / "b.tar").write_bytes(b"b")
    text = subprocess.run(["md5sum", "./one two.tar", "-b", "b.tar"], cwd=tmp_path, capture_output=True, text=True)
    (tmp_path / "md5sum.txt").write_text(text.stdout)
    assert listed_md5(tmp_path / "md5sum.txt", "one two.tar") == hashlib.md5(CONTENT).hexdigest()
    assert listed_md5(tmp_path / "md5sum.txt", "b.tar") == hashlib.md5(b"b").hexdigest()
    with pytest.raises(JstasrError, match="has no line for c.tar"):
        listed_md5(tmp_path / "md5sum.txt", "c.tar")
