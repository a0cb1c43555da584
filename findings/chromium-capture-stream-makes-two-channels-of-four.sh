#!/usr/bin/env bash
# Chromium 156: one <audio> element plays four channels W Y Z X (a WAV file made in the page; Opus of mapping family 2, AAC and FLAC do the
# same), and its sound is taken in the two ways that there are: createMediaElementSource(element), and
# createMediaStreamSource(element.captureStream()). Expected: the same four channels, in their order. Seen: the first gives W | Y | Z | X,
# the second TWO channels, W + 0.71 Z | Y + 0.71 X, without an error, as four loudspeakers are mixed down to two
# (on a machine whose output has two channels; with more it was not tried). Why it matters:
# captureStream is what recording, transcription and visualising tools use, since it leaves the element's own playback as it is;
# direction cannot be had from W + 0.71 Z and Y + 0.71 X, and the levels still move with the picture's sound. Source: MDN on
# HTMLMediaElement.captureStream (a stream of what is rendered in the element) and on createMediaElementSource; no word of channels.
set -euo pipefail
command -v chromium >/dev/null && command -v node >/dev/null || { echo "skipped: needs chromium and node"; exit 0; }
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
:
cat > page.js <<'P'
const tones = [400, 600, 900, 1300], rate = 48000, n = 4 * rate;
const wav = new DataView(new ArrayBuffer(44 + 8 * n)), text = (o, s) => [...s].forEach((c, i) => wav.setUint8(o + i, c.charCodeAt(0)));
text(0, "RIFF"); wav.setUint32(4, 36 + 8 * n, true); text(8, "WAVEfmt "); wav.setUint32(16, 16, true); wav.setUint16(20, 1, true); wav.setUint16(22, 4, true);
wav.setUint32(24, rate, true); wav.setUint32(28, 8 * rate, true); wav.setUint16(32, 8, true); wav.setUint16(34, 16, true); text(36, "data"); wav.setUint32(40, 8 * n, true);
for (let i = 0; i < n; i++) tones.forEach((f, c) => wav.setInt16(44 + 8 * i + 2 * c, 6554 * Math.sin(2 * Math.PI * f * i / rate), true));
const url = (x, type) => URL.createObjectURL(new Blob([x], { type }));
const worklet = url("registerProcessor('tap', class extends AudioWorkletProcessor { process(i) { if (i[0].length) this.port.postMessage(i[0].map(x => x.slice())); return true } })", "text/javascript");
function inside(x) {  // in windows of 20 ms, so that a gap in playback does no harm
  const w = 960; return tones.map(f => {
    const all = [];
    for (let s = Math.floor(x.length / 3 / w) * w; s + w <= x.length; s += w) {
      let re = 0, im = 0; for (let i = 0; i < w; i++) { re += x[s + i] * Math.cos(2 * Math.PI * f * i / rate); im += x[s + i] * Math.sin(2 * Math.PI * f * i / rate); }
      all.push(2 * Math.hypot(re, im) / w / 0.2);
    }
    return all.sort((p, q) => p - q)[all.length >> 1];
  });
}
const rows = [];
for (const way of ["createMediaElementSource", "captureStream"]) {
  const a = new AudioContext({ sampleRate: rate }), element = new Audio(); let source;
  const ready = new Promise((f, e) => { element.oncanplaythrough = f; element.onerror = e; });
  element.src = url(wav.buffer, "audio/wav"); await ready;
  await a.audioWorklet.addModule(worklet); const tap = new AudioWorkletNode(a, "tap"), got = []; tap.port.onmessage = e => got.push(e.data);
  if (way === "captureStream") {
    const stream = element.captureStream(); await element.play();
    while (!stream.getAudioTracks().length) await new Promise(f => setTimeout(f, 20));
    source = a.createMediaStreamSource(stream); source.connect(tap);
  } else { source = a.createMediaElementSource(element); source.connect(tap); await element.play(); }
  await new Promise(f => setTimeout(f, 2500));
  const last = got.slice(Math.floor(got.length / 4)), most = Math.max(...last.map(b => b.length)), x = Array.from({ length: most }, () => new Float32Array(last.length * 128));
  last.forEach((b, i) => b.forEach((v, c) => x[c].set(v, i * 128)));
  rows.push([way, x.map(inside)]); element.pause(); await a.close();
}
return { version: navigator.userAgent.match(/Chrome\/\d+/)[0], rows };
P
cat > s.mjs <<'J'
import http from "node:http"; import fs from "node:fs"; import { spawn } from "node:child_process";
const page = `<!doctype html><script type="module">
const get = async n => (await fetch("/" + n)).arrayBuffer();
let out; try { out = await (async () => { ${fs.readFileSync("page.js", "utf8")} })() } catch (e) { out = { error: String(e) } }
fetch("/done", { method: "POST", body: JSON.stringify(out) });</script>`;
let browser; const end = c => { browser.kill("SIGKILL"); setTimeout(() => process.exit(c), 300); };
const s = http.createServer((q, r) => {
  if (q.url === "/") { r.setHeader("content-type", "text/html"); r.end(page); }
  else if (q.url === "/done") { let b = ""; q.on("data", d => b += d).on("end", () => { r.end(); fs.writeFileSync("out.json", b); end(0); }); }
  else fs.readFile("." + q.url, (e, d) => { r.statusCode = e ? 404 : 200; if (q.url.endsWith("js")) r.setHeader("content-type", "text/javascript"); r.end(d); });
}).listen(0, "127.0.0.1", () => {
  browser = spawn("chromium", ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--user-data-dir=" + process.cwd() + "/profile", "http://localhost:" + s.address().port + "/"], { stdio: "ignore" });
  setTimeout(() => { console.log("no answer in 90 s"); end(3); }, 90000);
});
J
nice -n 15 node s.mjs
cat > judge.mjs <<'J'
import fs from "node:fs";
const o = JSON.parse(fs.readFileSync("out.json")), stop = m => { console.log("CHANGED: " + m); process.exit(1); };
if (o.error) stop(o.error);
console.log("Chromium", o.version);
console.log("expected: 4 channels W | Y | Z | X from both");
const show = c => c.map((v, i) => v > 0.1 ? v.toFixed(2) + " " + "WYZX"[i] : "").filter(Boolean).join(" + ");
for (const [w, c] of o.rows) console.log(`seen, ${w}: ${c.length} channels: ${c.map(show).join(" | ")}`);
const [element, capture] = o.rows.map(r => r[1]), near = (c, want) => c.every((v, i) => Math.abs(v - want[i]) < 0.12);
if (element.length !== 4 || !element.every((c, i) => near(c, [0, 1, 2, 3].map(k => +(k === i))))) stop("createMediaElementSource, the control, does not give the four channels");
if (capture.length !== 2 || !near(capture[0], [1, 0, 0.71, 0]) || !near(capture[1], [0, 1, 0, 0.71])) stop("captureStream gives something else");
console.log("still so");
J
node judge.mjs
