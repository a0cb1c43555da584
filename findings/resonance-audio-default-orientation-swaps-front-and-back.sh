#!/usr/bin/env bash
# resonance-audio 1.0.0 (npm, spatial audio for the browser) in Chromium 156, first order: one source, the listener at the origin and
# facing -Z as by default. Expected: setListenerOrientation(0, 0, -1, 0, 1, 0), which are the defaults of its constructor, changes
# nothing; and turning head and source together by the same angle changes nothing at the ears. Seen: neither. Before the first call
# the ambisonic output of a source in front (0, 0, -2) is W = 1, X = -1, in ambiX a source behind, while left is left: not a turn but a
# mirror. After the call with the defaults it is X = +1, and both ears hear what was heard of a source behind before, sample for
# sample. (The constructor sets the orientation while its renderer still loads, and the renderer drops it without a word.) With the head
# turned to the left and the source at the left, in front of the nose, X is -1 again: setListenerOrientation turns the wrong way.
# setListenerFromMatrix turns the right way but stays in the mirrored world; there front is always X = -1. Why it matters: clips made
# with its ambisonicOutput are front-back mirror images by default, which no rotation mends, and those of a moving head mix both.
# Sources: resonance-audio's reference for ambisonicOutput ("for external rendering") and setListenerOrientation ("forward and up
# vectors"); Web Audio's AudioListener has the same axes and defaults; ambiX: +X is front, +Y left.
set -euo pipefail
command -v chromium >/dev/null && command -v npm >/dev/null || { echo "skipped: needs chromium and npm"; exit 0; }
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
npm init -y >/dev/null; npm install --silent --ignore-scripts resonance-audio@1.0.0 >/dev/null
cat > page.js <<'P'
await new Promise((f, e) => document.head.append(Object.assign(document.createElement("script"), { src: "/node_modules/resonance-audio/build/resonance-audio.js", onload: f, onerror: e })));
const at = { front: [0, 0, -2], left: [-2, 0, 0], behind: [0, 0, 2], right: [2, 0, 0] }, keep = [];
async function render(position, turn) {
  const a = new OfflineAudioContext(6, 9600, 48000), scene = new ResonanceAudio(a, { ambisonicOrder: 1 }), source = scene.createSource();
  a.destination.channelInterpretation = "discrete";
  await new Promise(f => setTimeout(f, 600));  // its responses are decoded meanwhile
  source.setPosition(...position);
  if (turn) turn(scene);
  const b = a.createBuffer(1, 4800, 48000), s = a.createBufferSource(), m = a.createChannelMerger(6); let seed = 1;
  b.getChannelData(0).forEach((_, i, x) => x[i] = (seed = seed * 16807 % 2147483647) / 2 ** 31 - 0.5);
  const p = a.createChannelSplitter(4), e = a.createChannelSplitter(2);
  scene.ambisonicOutput.connect(p); scene.output.connect(e);
  for (let c = 0; c < 4; c++) p.connect(m, c, c);
  for (let c = 0; c < 2; c++) e.connect(m, c, 4 + c);
  m.connect(a.destination); s.buffer = b; s.connect(source.input); s.start(); keep.push(scene, source, s, m, p, e);
  const o = await a.startRendering(), ch = c => o.getChannelData(c), dot = (x, y) => x.reduce((t, v, i) => t + v * y[i], 0);
  return { field: [1, 2, 3].map(c => dot(ch(c), ch(0)) / dot(ch(0), ch(0))), ears: [...ch(4), ...ch(5)] };
}
const before = {}; for (const k in at) before[k] = await render(at[k]);
const off = (x, y) => Math.sqrt(x.reduce((t, v, i) => t + (v - y[i]) ** 2, 0) / y.reduce((t, v) => t + v * v, 0));
const heard = r => { const b = Object.keys(at).map(k => [off(r.ears, before[k].ears), k]).sort((p, q) => p[0] - q[0])[0]; return b[0] < 1e-3 ? b[1] : "another"; };
const vectors = (x, y, z) => s => s.setListenerOrientation(x, y, z, 0, 1, 0), matrix = e => s => s.setListenerFromMatrix({ elements: e });
const rows = [];
for (const [what, where, turn] of [["nothing called, source in front", "front"], ["nothing called, source at the left", "left"],
  ["orientation called with the defaults, in front", "front", vectors(0, 0, -1)], ["orientation: left, source at the left", "left", vectors(-1, 0, 0)],
  ["matrix: no turn, in front", "front", matrix([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])],
  ["matrix: left, source at the left", "left", matrix([0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1])]]) {
  const r = await render(at[where], turn); rows.push([what, r.field, heard(r)]);
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
console.log("resonance-audio", JSON.parse(fs.readFileSync("node_modules/resonance-audio/package.json")).version, o.version);
console.log("expected: in front of the nose is X = +1, and the same before and after a call with the defaults");
for (const [w, [y, z, x], h] of o.rows) console.log(`seen, ${w}: Y ${y.toFixed(2)} Z ${z.toFixed(2)} X ${x.toFixed(2)}, at the ears as "${h}" with nothing called`);
const is = (i, k, v) => Math.abs(o.rows[i][1][k] - v) < 0.02;
if (!is(1, 0, 1) || !is(1, 2, 0) || o.rows[1][2] !== "left") stop("left is not at the left, the control");
if (!is(0, 2, -1) || !is(4, 2, -1) || !is(5, 2, -1)) stop("in front is not X = -1 at first, or by a matrix");
if (!is(2, 2, 1) || o.rows[2][2] !== "behind") stop("the call with the defaults does not exchange front and back");
if (!is(3, 2, -1)) stop("a turn of head and source together keeps X = +1");
console.log("still so");
J
node judge.mjs
