#!/usr/bin/env bash
# Chromium 156: four channels W Y Z X (quad in Web Audio's order) go into a MediaStreamAudioDestinationNode with channelCount 4 and
# channelInterpretation "discrete", and its stream into a MediaRecorder with audio/webm;codecs=opus at 256 kbit/s. Expected: a file
# of four channels, since the node passes on as many channels as it has and the track's settings say channelCount 4, or an
# error. Seen: the file has two channels, without error or event: the recorder mixes four loudspeakers down to stereo, left
# W + 0.71 Z and right Y + 0.71 X. The same with audio/mp4;codecs=opus. With audio/webm;codecs=pcm the same stream gives four
# channels, unchanged, so it is the encoder in the recorder that mixes. X and Y are in one channel and Z is in with W, and no
# matrix gets four out of two. Why it matters: "record the rotated or mixed ambisonics in the browser", in labelling and listening
# tools, yields files that look like stereo and are neither left/right nor W/Y. Sources: MDN on MediaStreamAudioDestinationNode
# (the track has as many channels as the node) and on channelCount of a track's settings; RFC 7845 (Opus has four channels).
set -euo pipefail
command -v chromium >/dev/null && command -v node >/dev/null || { echo "skipped: needs chromium and node"; exit 0; }
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
:
cat > page.js <<'P'
const names = ["W", "Y", "Z", "X"], tones = [400, 600, 900, 1300], rate = 48000, out = { version: navigator.userAgent.match(/Chrome\/\d+/)[0], rows: [] };
function inside(x) {
  return tones.map(f => {
    let re = 0, im = 0; const from = 0.3 * rate, to = 0.8 * rate;
    for (let i = from; i < to; i++) { re += x[i] * Math.cos(2 * Math.PI * f * i / rate); im += x[i] * Math.sin(2 * Math.PI * f * i / rate); }
    return 10 * Math.hypot(re, im) / (to - from);
  });
}
for (const type of ["audio/webm;codecs=opus", "audio/mp4;codecs=opus", "audio/webm;codecs=pcm"]) {
  if (!MediaRecorder.isTypeSupported(type)) continue;
  const a = new AudioContext({ sampleRate: rate }), b = a.createBuffer(4, 1.5 * rate, rate), s = a.createBufferSource();
  tones.forEach((f, c) => b.getChannelData(c).forEach((_, i, x) => x[i] = 0.2 * Math.sin(2 * Math.PI * f * i / rate)));
  const node = a.createMediaStreamDestination(); node.channelCount = 4; node.channelCountMode = "explicit"; node.channelInterpretation = "discrete";
  s.buffer = b; s.connect(node);
  const m = new MediaRecorder(node.stream, { mimeType: type, audioBitsPerSecond: 256000 }), parts = []; let errors = 0;
  m.ondataavailable = e => parts.push(e.data); m.onerror = () => errors++;
  m.start(); s.start(); await new Promise(f => s.onended = f);
  const stopped = new Promise(f => m.onstop = f); m.stop(); await stopped;
  const said = node.stream.getAudioTracks()[0].getSettings().channelCount;
  const r = await new OfflineAudioContext(4, rate, rate).decodeAudioData(await new Blob(parts).arrayBuffer());
  out.rows.push({ type, said, errors, channels: Array.from({ length: r.numberOfChannels }, (_, c) => inside(r.getChannelData(c))) });
  await a.close();
}
return out;
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
console.log("expected: four channels W | Y | Z | X of 1.0 each");
const show = c => c.map((v, i) => v > 0.05 ? v.toFixed(2) + " " + "WYZX"[i] : "").filter(Boolean).join(" + ");
for (const r of o.rows) console.log(`seen, ${r.type}: the track says ${r.said} channels, the file has ${r.channels.length}: ${r.channels.map(show).join(" | ")}; errors ${r.errors}`);
const of = t => o.rows.find(r => r.type === t), near = (a, b) => Math.abs(a - b) < 0.06;
const pcm = of("audio/webm;codecs=pcm"), opus = of("audio/webm;codecs=opus");
if (!pcm || pcm.channels.length !== 4 || pcm.channels.some((c, i) => c.some((v, k) => !near(v, i === k ? 1 : 0)))) stop("the control, PCM, does not keep the channels");
if (!opus || opus.said !== 4 || opus.errors || opus.channels.length !== 2) stop("Opus has another number of channels, or says something");
const want = [[1, 0, Math.SQRT1_2, 0], [0, 1, 0, Math.SQRT1_2]];
if (opus.channels.some((c, i) => c.some((v, k) => !near(v, want[i][k])))) stop("another mix");
console.log("still so");
J
node judge.mjs
