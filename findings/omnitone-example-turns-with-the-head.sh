#!/usr/bin/env bash
# omnitone 1.3.0 (npm, binaural rendering of ambisonics in the browser) in Chromium 156, first order. The README says how to
# hook up a camera of three.js: renderer.setRotationMatrix4(camera.matrixWorld.elements). Expected: the listener turns with the
# camera, so that what the camera looks at is heard in front. Seen: the sound field is turned the same way as the head, not the
# other way. Camera turned 90 degrees to the left, source at the left, which is now in the middle of the picture: what comes out is,
# sample for sample, the rendering of a source BEHIND; a source in front, now at the right, is heard at the left. With the camera
# looking straight ahead, or turned by 180 degrees, both are the same and a test passes; looking up or down is wrong too.
# setRotationMatrixFromCamera(camera.matrixWorld), which the README does not speak of, is right, but only first-order renderers have
# it. Why it matters: a 360 player, or a head-tracked test made after the README, moves sounds away from what is seen, by twice the
# angle of the head; agreement of sound and picture measured with it is of the mirror image. Sources: omnitone's README ("Rotation and
# Rendering Mode"); three.js: matrixWorld takes the camera's own coordinates to the world's, a camera looks along its -Z.
set -euo pipefail
command -v chromium >/dev/null && command -v npm >/dev/null || { echo "skipped: needs chromium and npm"; exit 0; }
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
npm init -y >/dev/null; npm install --silent --ignore-scripts omnitone@1.3.0 three@0.187.0 >/dev/null
cat > page.js <<'P'
const Omnitone = (await import("/node_modules/omnitone/build/omnitone.esm.js")).default;
const { PerspectiveCamera, REVISION } = await import("/node_modules/three/build/three.module.js");
const at = { front: [1, 0, 0], left: [0, 1, 0], back: [-1, 0, 0], right: [0, -1, 0], up: [0, 0, 1], down: [0, 0, -1] }, keep = [];
async function render([x, y, z], turn) {
  const a = new OfflineAudioContext(2, 9600, 48000), b = a.createBuffer(4, 4800, 48000), r = Omnitone.createFOARenderer(a);
  await r.initialize();
  if (turn) turn(r);
  let seed = 1; const noise = Float32Array.from({ length: 4800 }, () => (seed = seed * 16807 % 2147483647) / 2 ** 31 - 0.5);
  [1, y, z, x].forEach((g, c) => b.getChannelData(c).set(noise.map(v => v * g)));
  const s = a.createBufferSource(); s.buffer = b; s.connect(r.input); r.output.connect(a.destination); s.start(); keep.push(r, s);
  const o = await a.startRendering();
  return [...o.getChannelData(0), ...o.getChannelData(1)];
}
const still = {}; for (const k in at) still[k] = await render(at[k]);
const off = (a, b) => Math.sqrt(a.reduce((t, v, i) => t + (v - b[i]) ** 2, 0) / b.reduce((t, v) => t + v * v, 0));
function heard(sound) {
  const all = Object.keys(still).map(k => [off(sound, still[k]), k]).sort((p, q) => p[0] - q[0]);
  return all[0][0] < 1e-3 ? all[0][1] : "none of the six";
}
const rows = [];
for (const [view, look] of [["front", [0, 0, -1]], ["left", [-1, 0, 0]], ["up", [0, 1, -1e-9]]]) for (const source of ["front", "left", "up"]) {
  const camera = new PerspectiveCamera(); camera.lookAt(...look); camera.updateMatrixWorld();
  rows.push([view, source, heard(await render(at[source], r => r.setRotationMatrix4(camera.matrixWorld.elements))),
    heard(await render(at[source], r => r.setRotationMatrixFromCamera(camera.matrixWorld)))]);
}
return { version: navigator.userAgent.match(/Chrome\/\d+/)[0] + " three.js r" + REVISION, rows };
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
console.log("omnitone", JSON.parse(fs.readFileSync("node_modules/omnitone/package.json")).version, o.version);
console.log("expected: what the camera looks at is heard in front");
for (const [v, s, a, b] of o.rows) console.log(`seen, camera looks ${v}, source ${s}: by the README's line ${a}, by setRotationMatrixFromCamera ${b}`);
const by = (v, s, k) => o.rows.find(r => r[0] === v && r[1] === s)[k];
if (["front", "left", "up"].some(v => by(v, v, 3) !== "front") || by("left", "front", 3) !== "right") stop("setRotationMatrixFromCamera, the control");
if (by("front", "front", 2) !== "front") stop("no turn, the control");
if (by("left", "left", 2) !== "back" || by("left", "front", 2) !== "left" || by("up", "up", 2) !== "back") stop("the README's line turns the other way");
console.log("still so");
J
node judge.mjs
