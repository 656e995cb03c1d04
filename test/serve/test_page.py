"""The web page in a headless Chromium, whose microphone plays a file."""

import re
import time
from contextlib import contextmanager

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect, sync_playwright

from jstasr.decode.formats import as_srt

RATE = 16000
WAIT = 30000  # milliseconds

pytestmark = pytest.mark.slow


@pytest.fixture
def browse(browser_path):
    """browse(url, microphone=None, tolerated=None, **context): the page of a service.

    What the browser logs as an error, but for what fits `tolerated`, and what it loads from elsewhere fail the test.
    """

    @contextmanager
    def run(url, microphone=None, tolerated=None, **context):
        flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        if microphone is not None:
            flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=[*flags, "--no-sandbox"], headless=True
            )
            page = browser.new_context(**context).new_page()
            page.set_default_timeout(WAIT)
            faults = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
            page.on("request", lambda asked: None if asked.url.startswith((url, "blob:")) else faults.append(asked.url))
            page.goto(url)
            yield page
            browser.close()
        assert [fault for fault in faults if tolerated is None or not re.search(tolerated, fault)] == []

    return run


def words_of(page):
    """(text, begin, end, confidence) of each word that is shown."""
    return [
        (text, float(begin), float(end), float(confidence))
        for text, begin, end, confidence in page.eval_on_selector_all(
            "#segments .word",
            "words => words.map(w => [w.textContent, w.dataset.begin, w.dataset.end, w.dataset.confidence])",
        )
    ]


def choose(page, wav):
    page.set_input_files("#file", str(wav))
    expect(page.locator("#status")).to_have_text(re.compile("^Done"), timeout=WAIT)


def test_a_file_becomes_words_with_times_and_subtitles(serve, browse, transcriber, wav):
    expected = transcriber.transcribe(wav, vad="energy")
    with serve() as service, browse(service.url) as page:
        assert page.locator("#srt").is_disabled()
        choose(page, wav)
        assert words_of(page) == [(word.text, word.begin, word.end, word.confidence) for word in expected.words]
        assert page.locator("#segments li").count() == 3
        with page.expect_download() as waiting:
            page.click("#srt")
        assert waiting.value.suggested_filename == "transcript.srt"
        assert waiting.value.path().read_text("utf-8") == as_srt("", expected)
        page.click("#clear")
        assert words_of(page) == [] and page.locator("#srt").is_disabled()


def test_words_appear_while_the_microphone_speaks(serve, browse, talk, tmp_path):
    later = np.pad(talk, (RATE // 2, 0))
    soundfile.write(tmp_path / "microphone.wav", later, RATE, subtype="PCM_16")
    with serve() as service, browse(service.url, tmp_path / "microphone.wav") as page:
        page.click("#speak")
        expect(page.locator("#partial")).not_to_be_empty(timeout=WAIT)
        assert page.locator("#speak").text_content() == "Stop"
        first = page.locator("#partial").text_content()
        longer = "first => document.getElementById('partial').textContent.length > first.length"
        page.wait_for_function(longer, arg=first)
        page.wait_for_timeout(2000)
        page.click("#speak")
        expect(page.locator("#status")).to_have_text(re.compile("^Done"), timeout=WAIT)
        found = words_of(page)
        assert found and all(0 <= confidence <= 1 and begin <= end for _, begin, end, confidence in found)
        assert [begin for _, begin, _, _ in found] == sorted(begin for _, begin, _, _ in found)
        assert 0.5 < found[0][1] < 2.5  # after the silence, of which the start of the microphone takes a part
        with page.expect_download() as waiting:
            page.click("#srt")
        assert " --> " in waiting.value.path().read_text("utf-8")
        # a second time, without a rest of the first
        page.click("#speak")
        expect(page.locator("#status")).to_have_text("Speak now.", timeout=WAIT)
        assert words_of(page) == []
        page.click("#speak")
        expect(page.locator("#speak")).to_have_text("Speak")


def test_all_is_done_by_keyboard(serve, browse, wav):
    with serve() as service, browse(service.url) as page:
        choosers = []
        # from now on: a dialog that opens before somebody waits for it is lost
        page.on("filechooser", lambda chooser: choosers.append(chooser))
        order = []
        for _ in range(3):
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.id"))
        assert order[:2] == ["speak", "file"]
        page.locator("#file").focus()
        page.keyboard.press("Enter")
        deadline = time.monotonic() + WAIT / 1000
        while not choosers and time.monotonic() < deadline:
            page.wait_for_timeout(50)
        choosers[0].set_files(str(wav))
        expect(page.locator("#status")).to_have_text(re.compile("^Done"), timeout=WAIT)
        page.keyboard.press("Tab")  # the first word: one stop for all of them
        words = page.locator("#segments .word")
        expect(words.nth(0)).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(words.nth(1)).to_be_focused()
        assert re.search(r"confidence \d+ %", page.locator("#detail").text_content())
        page.keyboard.press("Tab")
        expect(page.locator("#copy")).to_be_focused()
        page.keyboard.press("Tab")
        with page.expect_download():
            page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_in_light_and_dark(serve, browse, wav, scheme):
    phone = dict(viewport={"width": 320, "height": 640}, is_mobile=True, has_touch=True, color_scheme=scheme)
    with serve() as service, browse(service.url, **phone) as page:
        choose(page, wav)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        for box in page.eval_on_selector_all("button, .file", "all => all.map(b => b.getBoundingClientRect().height)"):
            assert box >= 44
        ratios = page.evaluate(CONTRASTS)
        assert len(ratios) > 8 and min(ratios) >= 4.5, ratios
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
        assert dark == (scheme == "dark")


def test_faults_are_said_and_a_token_is_asked_for(serve, browse, wav, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with serve(token="secret") as service:
        with browse(service.url, tolerated="status of 40[01]") as page:
            expect(page.locator("#token")).to_be_focused()
            page.set_input_files("#file", str(wav))
            expect(page.locator("#status")).to_have_text(re.compile("wrong or missing token"))
            page.click("#speak")
            expect(page.locator("#status")).to_have_text(re.compile("wrong or missing token"))
            expect(page.locator("#speak")).to_have_text("Speak")
            page.fill("#token", "secret")
            page.set_input_files("#file", str(tmp_path / "text.wav"))
            expect(page.locator("#status")).to_have_text(re.compile("text.wav: cannot read as audio"))
            choose(page, wav)
            page.reload()  # the token is kept for the tab
            choose(page, wav)


# WCAG's contrast ratio of the text of all elements that have some against the colour behind it
CONTRASTS = """
() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (parse(colour)[3] !== 0) return colour;
    }
  };
  return [...document.body.querySelectorAll("*")]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && e.offsetHeight > 1)
    .filter((e) => !["NOSCRIPT", "SCRIPT"].includes(e.tagName))
    .map((e) => {
      const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05);
    });
}
"""
