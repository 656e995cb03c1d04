"""The transcription endpoint as the clients of OpenAI's API call it."""

import threading
import urllib.error
import urllib.request

import numpy as np
import openai
import pytest
import soundfile

from jstasr.decode.formats import as_srt, as_vtt

RATE = 16000


@pytest.fixture
def client():
    def make(service, key="any"):
        return openai.OpenAI(base_url=f"{service.url}v1", api_key=key, max_retries=0, timeout=60)

    return make


def fetch(url, **headers):
    """Status and text of an address."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
            return response.status, response.read().decode(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers


@pytest.fixture
def expected(transcriber, wav):
    found = transcriber.transcribe(wav, vad="energy")
    assert len(found.segments) == 3 and all(segment.words for segment in found.segments)
    return found


def test_every_format_is_that_of_the_clients_types(serve, client, wav, expected):
    with serve(name="toy") as service:
        calls = client(service).audio.transcriptions

        def ask(**parameters):
            return calls.create(model="whisper-1", file=wav.open("rb"), **parameters)

        found = ask()
        assert found.text == expected.text
        assert found.usage.type == "duration" and found.usage.seconds == np.ceil(expected.duration)
        assert ask(response_format="text") == expected.text + "\n"
        assert ask(response_format="srt") == as_srt("", expected)
        assert ask(response_format="vtt") == as_vtt("", expected)
        verbose = ask(response_format="verbose_json", language="en", prompt="names", temperature=0.2)
        assert (verbose.text, verbose.duration, verbose.words) == (expected.text, expected.duration, None)
        assert [(part.id, part.start, part.end, part.text) for part in verbose.segments] == [
            (index, part.begin, part.end, part.text) for index, part in enumerate(expected.segments)
        ]
        first = verbose.segments[0]
        assert first.avg_logprob == pytest.approx(expected.segments[0].score / len(expected.segments[0].tokens))
        assert first.no_speech_prob == pytest.approx(1 - expected.segments[0].speech, abs=1e-3)
        assert len(first.tokens) == len(expected.segments[0].tokens)
        words = ask(response_format="verbose_json", timestamp_granularities=["word"])
        assert words.segments is None
        assert [(word.word, word.start, word.end) for word in words.words] == [
            (word.text, word.begin, word.end) for word in expected.words
        ]
        assert [word.confidence for word in words.words] == [word.confidence for word in expected.words]
        assert [model.id for model in client(service).models.list()] == ["toy"]


def test_a_streamed_answer_brings_the_segments_one_by_one(serve, client, wav, expected):
    with serve() as service:
        events = list(client(service).audio.transcriptions.create(model="m", file=wav.open("rb"), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 3 + ["transcript.text.done"]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == expected.text
    assert events[-1].srt == as_srt("", expected)
    assert [word["confidence"] for event in events[:-1] for word in event.words] == [
        word.confidence for word in expected.words
    ]


def test_hotwords_are_those_of_one_request(serve, client, transcriber, wav, expected):
    with serve() as service:
        calls = client(service).audio.transcriptions
        found = calls.create(model="m", file=wav.open("rb"), extra_body={"hotwords": "fab cab :9\n# end\n"}).text
        assert found == transcriber.transcribe(wav, vad="energy", hotwords=["fab cab :9"]).text
        assert "fab cab" in found and "fab cab" not in expected.text
        assert calls.create(model="m", file=wav.open("rb")).text == expected.text


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_other_formats_are_read_and_their_channels_mixed(serve, client, transcriber, talk, tmp_path, ending):
    path = tmp_path / f"two.{ending}"
    soundfile.write(path, np.stack([1.5 * talk, 0.5 * talk], 1), RATE)
    expected = transcriber.transcribe(path, channel="mix", vad="energy").text
    with serve() as service:
        assert client(service).audio.transcriptions.create(model="m", file=path).text == expected != ""


@pytest.mark.parametrize(
    "parameters, named",
    [
        ({"response_format": "xml"}, "response_format 'xml': must be one of json, text"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"temperature": 7}, "temperature"),
        ({"timestamp_granularities": ["word"]}, "need response_format verbose_json"),
        ({"timestamp_granularities": ["letter"], "response_format": "verbose_json"}, "'letter': must be word or seg"),
        ({"include": ["logprobs"]}, "include 'logprobs'"),
        (
            {"extra_body": {"hotwords": "fab\nxyz"}},
            "hotwords, line 2: 'xyz' has characters that the model does not know",
        ),
        ({"extra_body": {"hotwords": "fab\n" * 30_000}}, "hotwords: have 90000 characters, may have 50000"),
        ({"file": ("a.wav", b"this is text")}, "a.wav: cannot read as audio"),
        ({"file": ("a.wav", b"this is text"), "stream": True}, "a.wav: cannot read as audio"),
        ({"file": ("../../etc/a.wav", b"")}, "^Error code: 400 - a.wav: the file is empty"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(serve, client, wav, parameters, named):
    with serve() as service, pytest.raises(openai.BadRequestError, match=named) as caught:
        client(service).audio.transcriptions.create(**{"model": "m", "file": wav.open("rb"), **parameters})
    assert caught.value.type == "invalid_request_error"
    assert "jstasr-" not in str(caught.value)  # the temporary file


@pytest.mark.parametrize("front", [b"", b"ID3\x04\0\0\0\0\x02\0" + bytes(256)])
def test_a_playlist_reads_no_files_of_the_server(serve, client, wav, front):
    playlist = front + f"#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXTINF:12,\n{wav}\n#EXT-X-ENDLIST\n".encode()
    with serve() as service, pytest.raises(openai.BadRequestError, match="a.m4a: is a playlist"):
        client(service).audio.transcriptions.create(model="m", file=("a.m4a", playlist))


def test_a_cut_off_recording_is_refused(serve, client, wav, tmp_path):
    (tmp_path / "cut.wav").write_bytes(wav.read_bytes()[:-20000])
    with serve() as service, pytest.raises(openai.BadRequestError, match="cut.wav: "):
        client(service).audio.transcriptions.create(model="m", file=tmp_path / "cut.wav")


def test_silence_has_no_words(serve, client, tmp_path):
    soundfile.write(tmp_path / "quiet.wav", np.zeros(3 * RATE), RATE)
    with serve() as service:
        calls = client(service).audio.transcriptions
        assert calls.create(model="m", file=tmp_path / "quiet.wav").text == ""
        events = list(calls.create(model="m", file=tmp_path / "quiet.wav", stream=True))
        assert [event.type for event in events] == ["transcript.text.done"]


def test_size_length_and_time_have_limits(serve, client, wav):
    with serve(max_mb=0.1) as service, pytest.raises(openai.APIStatusError, match="larger than 0.1 MB") as caught:
        client(service).audio.transcriptions.create(model="m", file=wav)
    assert caught.value.status_code == 413
    with serve(max_seconds=5) as service, pytest.raises(openai.APIStatusError, match="longer than 5 s") as caught:
        client(service).audio.transcriptions.create(model="m", file=wav)
    assert caught.value.status_code == 413
    with serve(timeout=0.02) as service, pytest.raises(openai.APIStatusError, match="took longer") as caught:
        client(service).audio.transcriptions.create(model="m", file=wav)
    assert caught.value.status_code in (408, 504)


def test_a_body_without_its_length_has_the_limit_too(serve, wav):
    def body():
        yield b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for _ in range(30):
            yield b"\0" * 10000

    with serve(max_mb=0.1) as service:
        url = f"{service.url}v1/audio/transcriptions"
        request = urllib.request.Request(url, body(), {"Content-Type": "multipart/form-data; boundary=X"})
        with pytest.raises((urllib.error.HTTPError, urllib.error.URLError)) as caught:
            urllib.request.urlopen(request, timeout=30)
        if isinstance(caught.value, urllib.error.HTTPError):
            assert caught.value.code == 413
        assert 'status="413"} 1' in fetch(f"{service.url}metrics")[1]


def test_too_many_recordings_are_refused_until_one_is_done(serve, client, wav, transcriber, monkeypatch):
    begun, release = threading.Event(), threading.Event()
    segments = transcriber.segments

    def slow(*arguments):
        begun.set()
        assert release.wait(30)
        yield from segments(*arguments)

    monkeypatch.setattr(transcriber, "segments", slow)
    with serve(max_waiting=1) as service:
        calls = client(service).audio.transcriptions
        texts = []
        first = threading.Thread(target=lambda: texts.append(calls.create(model="m", file=wav).text))
        first.start()
        assert begun.wait(30)
        with pytest.raises(openai.InternalServerError, match="try again later") as caught:
            calls.create(model="m", file=wav)
        assert caught.value.status_code == 503 and caught.value.response.headers["retry-after"]
        release.set()
        first.join(30)
        assert [calls.create(model="m", file=wav).text] == texts


def test_many_clients_at_once_get_their_own_transcripts(serve, client, transcriber, tmp_path, talk):
    parts = [talk[: RATE * 4], talk[RATE * 4 : RATE * 10], talk[RATE * 9 :]]
    for number, part in enumerate(parts):
        soundfile.write(tmp_path / f"{number}.wav", part, RATE, subtype="FLOAT")
    expected = [transcriber.transcribe(part, vad="energy").text for part in parts]
    assert len(set(expected)) == 3
    found = {}
    with serve(nj=3) as service:
        calls = client(service).audio.transcriptions

        def ask(number):
            found[number] = calls.create(model="m", file=tmp_path / f"{number % 3}.wav").text

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == {number: expected[number % 3] for number in range(9)}


def test_a_token_is_asked_for(serve, client, wav):
    with serve(token="secret") as service:
        assert client(service, "secret").audio.transcriptions.create(model="m", file=wav).text
        with pytest.raises(openai.AuthenticationError, match="wrong or missing token"):
            client(service, "Secret").audio.transcriptions.create(model="m", file=wav)
        assert fetch(f"{service.url}metrics")[0] == fetch(f"{service.url}openapi.json")[0] == 401
        assert fetch(f"{service.url}metrics", Authorization="Bearer secret")[0] == 200
        for path in ("", "health", "page/page.js"):
            assert fetch(f"{service.url}{path}")[0] == 200


def test_foreign_pages_and_names_are_refused(serve):
    with serve(hosts=frozenset({"127.0.0.1"})) as service:
        assert fetch(f"{service.url}v1/models")[0] == 200
        assert fetch(f"{service.url}v1/models", Origin=service.url.rstrip("/"))[0] == 200
        assert fetch(f"{service.url}v1/models", Origin="http://example.org")[0] == 403
        assert fetch(f"{service.url}v1/models", Origin="null")[0] == 403
        assert fetch(service.url, Host="example.org:80")[0] == 403


def test_the_numbers_of_the_service(serve, client, wav, expected):
    with serve() as service:
        client(service).audio.transcriptions.create(model="m", file=wav)
        with pytest.raises(openai.BadRequestError):
            client(service).audio.transcriptions.create(model="m", file=("a.wav", b"text"))
        text = fetch(f"{service.url}metrics")[1]
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert lines['jstasr_requests_total{status="200"}'] == lines['jstasr_requests_total{status="400"}'] == "1"
    assert float(lines['jstasr_audio_seconds_total{kind="file"}']) == pytest.approx(expected.duration)
    assert float(lines['jstasr_words_total{kind="file"}']) == len(expected.words)
    assert lines["jstasr_recordings"] == lines["jstasr_streams"] == "0"
    for name in {line.partition("{")[0] for line in lines}:
        assert f"# TYPE {name} " in text


def test_pages_load_nothing_from_elsewhere(serve):
    with serve() as service:
        status, page, headers = fetch(service.url)
        assert status == 200 and "default-src 'self'" in headers["content-security-policy"]
        for name in ("page.js", "page.css", "capture.js"):
            page += fetch(f"{service.url}page/{name}")[1]
        assert fetch(f"{service.url}docs")[0] == 404
        assert fetch(f"{service.url}page/../settings.py")[0] == 404
    assert "http://" not in page and "https://" not in page and 'src="//' not in page
