// The page of `jstasr serve`: a file or the microphone in, words with times and confidence out.

const TRANSCRIPTIONS = "/v1/audio/transcriptions";
const STREAM = "/v1/audio/stream";
const HIGH = 0.8; // confidence from which a word is not marked
const MIDDLE = 0.5;
const LATE_BYTES = 1 << 20; // unsent samples at which the network is too slow

const element = (id) => document.getElementById(id);
const items = new Map(); // id of a segment -> its list item
let microphone = null; // the recording of now
let request = null; // AbortController of the file of now
let subtitles = "";
let session = 0; // of what is shown: what an older recording still brings is not

// ---- what is shown ----

function say(text, isFault = false) {
  element("status").textContent = text;
  element("status").classList.toggle("fault", isFault);
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return (parts[0] ? parts : parts.slice(1)).map((part) => String(part).padStart(2, "0")).join(":");
}

function grade(confidence) {
  if (confidence >= HIGH) return "high";
  return confidence >= MIDDLE ? "middle" : "low";
}

function detail(word) {
  return `${word.text}: ${word.begin.toFixed(2)} to ${word.end.toFixed(2)} s, confidence ${Math.round(word.confidence * 100)} %`;
}

function wordElement(word) {
  const shown = document.createElement("span");
  shown.className = `word ${grade(word.confidence)}`;
  shown.textContent = word.text;
  shown.title = detail(word);
  shown.dataset.begin = word.begin;
  shown.dataset.end = word.end;
  shown.dataset.confidence = word.confidence;
  shown.tabIndex = element("segments").querySelector(".word[tabindex='0']") ? -1 : 0;
  shown.addEventListener("focus", () => { element("detail").textContent = shown.title; });
  shown.addEventListener("click", () => moveTo(shown));
  return shown;
}

// A segment with an id that is there already takes its place.
function showSegment(id, segment) {
  const item = document.createElement("li");
  const time = document.createElement("span");
  time.className = "time";
  time.textContent = clock(segment.begin);
  item.append(time);
  if (segment.words.length === 0) item.append(segment.text);
  // scripts without spaces: the words stand in the text as they are
  let rest = segment.text;
  for (const word of segment.words) {
    const place = rest.indexOf(word.text);
    item.append(place > 0 ? rest.slice(0, place) : "", wordElement(word));
    rest = place < 0 ? rest : rest.slice(place + word.text.length);
  }
  const before = items.get(id);
  if (before) before.replaceWith(item);
  else element("segments").append(item);
  items.set(id, item);
  if (!element("segments").querySelector(".word[tabindex='0']")) {
    const first = element("segments").querySelector(".word");
    if (first) first.tabIndex = 0;
  }
  element("copy").disabled = element("clear").disabled = false;
  item.scrollIntoView({ block: "nearest" });
}

function clear() {
  session++;
  items.clear();
  subtitles = "";
  element("segments").replaceChildren();
  element("partial").textContent = element("detail").textContent = "";
  element("copy").disabled = element("clear").disabled = element("srt").disabled = true;
}

function finish(duration, srt) {
  subtitles = srt;
  element("partial").textContent = "";
  element("srt").disabled = srt === "";
  element("clear").disabled = items.size === 0;
  say(items.size ? `Done: ${clock(duration)} of audio.` : `No speech in ${clock(duration)} of audio.`);
}

// ---- the keyboard, within the transcript: one word is in the order of the tab key ----

function moveTo(word) {
  for (const other of element("segments").querySelectorAll(".word[tabindex='0']")) other.tabIndex = -1;
  word.tabIndex = 0;
  word.focus();
}

element("segments").addEventListener("keydown", (event) => {
  const words = [...element("segments").querySelectorAll(".word")];
  const place = words.indexOf(document.activeElement);
  const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: words.length - 1 }[event.key];
  if (place < 0 || next === undefined || !words[next]) return;
  event.preventDefault();
  moveTo(words[next]);
});

// ---- the token, where the service asks for one; forgotten when the tab is closed ----

const token = () => element("token").value.trim();
const headers = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

function askForToken() {
  element("token-row").hidden = false;
  element("token").focus();
}

async function checkToken() {
  element("token").value = sessionStorage.getItem("token") ?? "";
  const response = await fetch("/v1/models", { headers: headers() });
  if (response.status === 401) {
    askForToken();
    say("This service asks for a token.");
  }
}

element("token").addEventListener("input", () => sessionStorage.setItem("token", token()));

// ---- a file ----

async function faultOf(response) {
  if (response.status === 401) askForToken();
  try {
    return (await response.json()).error.message;
  } catch {
    return `The service answered ${response.status}.`;
  }
}

// The objects of server-sent events, as they arrive.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (held + value).split("\n\n");
    held = parts.pop();
    for (const part of parts) yield JSON.parse(part.slice("data: ".length));
  }
}

async function transcribeFile(file) {
  stop();
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  clear();
  say(`Transcribing ${file.name} …`);
  const form = new FormData();
  form.append("model", "jstasr");
  form.append("stream", "true");
  form.append("file", file);
  try {
    const response = await fetch(TRANSCRIPTIONS, { method: "POST", body: form, headers: headers(), signal });
    if (!response.ok) throw new Error(await faultOf(response));
    let number = 0;
    let isDone = false;
    for await (const event of events(response)) {
      if (event.type === "error") throw new Error(event.error.message);
      if (event.type === "transcript.text.delta") {
        const words = event.words.map((word) => ({
          text: word.word, begin: word.start, end: word.end, confidence: word.confidence,
        }));
        showSegment(number++, { begin: event.start, text: event.delta.trim(), words });
        say(`Transcribing ${file.name}: ${clock(event.end)} …`);
      } else if (event.type === "transcript.text.done") {
        finish(event.duration, event.srt);
        isDone = true;
      }
    }
    if (!isDone) throw new Error("The connection ended too early.");
  } catch (error) {
    if (!signal.aborted) say(error.message, true);
  }
}

element("file").addEventListener("change", () => {
  const [file] = element("file").files;
  element("file").value = ""; // the same file may be chosen again
  if (file) transcribeFile(file);
});

document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) transcribeFile(file);
});

// ---- the microphone ----

function showSpeaking(isSpeaking) {
  element("speak").setAttribute("aria-pressed", String(isSpeaking));
  element("speak").textContent = isSpeaking ? "Stop" : "Speak";
  element("level").hidden = !isSpeaking;
}

async function speak() {
  request?.abort();
  clear();
  if (!navigator.mediaDevices) {
    say("Browsers give the microphone to https pages and to localhost only.", true);
    return;
  }
  const own = { isOver: false, session };
  microphone = own;
  showSpeaking(true);
  say("Waiting for the microphone …");
  try {
    own.context = new AudioContext(); // at once: some browsers start it only in answer to a click
    own.tracks = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false } });
    await own.context.resume();
    await own.context.audioWorklet.addModule("/page/capture.js");
    if (own.isOver) return release(own);
    own.capture = new AudioWorkletNode(own.context, "capture");
    own.capture.connect(own.context.destination); // silence, but some browsers run only what is connected
    own.capture.port.onmessage = ({ data }) => hear(own, data);
    own.socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}${STREAM}`);
    own.socket.onopen = () => {
      const start = { type: "start", sample_rate: own.context.sampleRate, encoding: "s16", token: token() };
      own.socket.send(JSON.stringify(start));
    };
    own.socket.onmessage = ({ data }) => show(own, JSON.parse(data));
    own.socket.onclose = ({ reason }) => {
      if (!own.isDone) fail(own, own.fault ?? (reason || "The connection to the service is lost."));
    };
  } catch (error) {
    const isRefused = error.name === "NotAllowedError";
    fail(own, isRefused ? "The browser does not allow the microphone." : `No microphone: ${error.message}`);
  }
}

// The microphone's next samples.
function hear(own, { samples, peak, last }) {
  element("level").value = peak;
  if (own.socket.readyState !== WebSocket.OPEN) return;
  if (own.socket.bufferedAmount > LATE_BYTES) {
    own.fault = "The network is too slow for the microphone.";
    own.socket.close();
    return;
  }
  if (samples.length) own.socket.send(samples);
  if (last) {
    own.socket.send(JSON.stringify({ type: "end" }));
    release(own);
  }
}

// What the service says.
function show(own, event) {
  if (own.session !== session) return;
  if (event.type === "ready") {
    own.context.createMediaStreamSource(own.tracks).connect(own.capture);
    say("Speak now.");
  } else if (event.type === "partial") {
    element("partial").textContent = event.text;
  } else if (event.type === "segment") {
    showSegment(event.id, event);
    element("partial").textContent = "";
  } else if (event.type === "done") {
    own.isDone = true;
    finish(event.duration, event.srt);
  } else if (event.type === "error") {
    own.fault = event.message;
    if (event.message.includes("token")) askForToken();
  }
}

function release(own) {
  own.tracks?.getTracks().forEach((track) => track.stop());
  if (own.context && own.context.state !== "closed") own.context.close();
}

function fail(own, message) {
  own.isDone = true;
  own.socket?.close();
  release(own);
  if (microphone === own) microphone = null;
  showSpeaking(microphone !== null);
  if (own.session === session) say(message, true);
}

function stop() {
  const own = microphone;
  if (!own) return;
  microphone = null;
  own.isOver = true;
  showSpeaking(false);
  if (own.capture && own.socket?.readyState === WebSocket.OPEN) {
    say("Finishing …");
    own.capture.port.postMessage("stop");
  } else {
    own.isDone = true;
    own.socket?.close();
    release(own);
    say("Stopped.");
  }
}

element("speak").addEventListener("click", () => (microphone ? stop() : speak()));

// ---- the transcript as a file and in the clipboard ----

element("srt").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([subtitles], { type: "application/x-subrip" }));
  link.download = "transcript.srt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

element("copy").addEventListener("click", async () => {
  const lines = [...items.values()].map((item) => [...item.childNodes].slice(1).map((node) => node.textContent).join(""));
  try {
    await navigator.clipboard.writeText(lines.join("\n"));
    say("Copied.");
  } catch {
    say("The browser does not allow copying here.", true);
  }
});

element("clear").addEventListener("click", () => {
  stop();
  request?.abort();
  clear();
  say("Ready.");
});

checkToken();
