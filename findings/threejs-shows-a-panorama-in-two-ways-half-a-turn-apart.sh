#!/usr/bin/env bash
# three.js r187 in Chromium 156 (software WebGL): one equirectangular panorama, shown in the two usual ways:
# as scene.background with EquirectangularReflectionMapping, and as the map of a SphereGeometry turned inside out with
# geometry.scale(-1, 1, 1). Expected: the same view for the same camera. Seen: half a turn apart. A camera that looks along +X sees
# the panorama's centre column in the first way and its edge, the seam, in the second; along -X the other way round; along -Z, where
# a camera looks by default, the columns at 1/4 and at 3/4. Neither shows the centre there. Left and right are not mirrored and top is
# up in both, so each picture by itself looks right. Why it matters: sounds and labels are put around the camera as objects of the
# same scene (azimuth 0 = centre of the picture); what was calibrated by one way of showing is behind the listener in the other,
# and taking a photo as background but a video as sphere (VideoTexture) mixes both in one tool; reflections (envMap) go with the background.
# Source: three.js's pull request 19911, where an equirectangular texture as a background is a texture for all around like any other.
set -euo pipefail
command -v chromium >/dev/null && command -v npm >/dev/null || { echo "skipped: needs chromium and npm"; exit 0; }
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
npm init -y >/dev/null; npm install --silent --ignore-scripts three@0.187.0 >/dev/null
cat > page.js <<'P'
const T = await import("/node_modules/three/build/three.module.js");
const W = 256, H = 128, canvas = Object.assign(document.createElement("canvas"), { width: W, height: H }), g = canvas.getContext("2d");
for (let x = 0; x < W; x++) for (let y = 0; y < H; y++) { g.fillStyle = `rgb(${x},${y},0)`; g.fillRect(x, y, 1, 1); }  // red: column, green: row
function look(way, direction) {
  const r = new T.WebGLRenderer(), scene = new T.Scene(), t = new T.CanvasTexture(canvas), camera = new T.PerspectiveCamera(20, 1, 0.1, 1000);
  r.setSize(33, 33); r.setPixelRatio(1); r.outputColorSpace = T.LinearSRGBColorSpace;
  t.minFilter = t.magFilter = T.NearestFilter; t.generateMipmaps = false;
  if (way === "background") { t.mapping = T.EquirectangularReflectionMapping; scene.background = t; }
  else scene.add(new T.Mesh(new T.SphereGeometry(500, 60, 40).scale(-1, 1, 1), new T.MeshBasicMaterial({ map: t })));
  camera.lookAt(...direction); r.render(scene, camera);
  const gl = r.getContext(), p = new Uint8Array(33 * 33 * 4); gl.readPixels(0, 0, 33, 33, gl.RGBA, gl.UNSIGNED_BYTE, p);
  const at = (x, y, c) => p[4 * (33 * y + x) + c], turn = d => ((d + W / 2) % W + W) % W - W / 2;
  r.dispose();
  return { column: at(16, 16, 0), row: at(16, 16, 1), right: turn(at(30, 16, 0) - at(16, 16, 0)), up: at(16, 30, 1) - at(16, 16, 1) };
}
const rows = [];
for (const [k, v] of Object.entries({ "-Z": [0, 0, -1], "+X": [1, 0, 0], "+Z": [0, 0, 1], "-X": [-1, 0, 0] })) rows.push([k, look("background", v), look("sphere", v)]);
return { version: "r" + T.REVISION + " " + navigator.userAgent.match(/Chrome\/\d+/)[0], rows };
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
  browser = spawn("chromium", ["--headless", "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--user-data-dir=" + process.cwd() + "/profile", "http://localhost:" + s.address().port + "/"], { stdio: "ignore" });
  setTimeout(() => { console.log("no answer in 90 s"); end(3); }, 90000);
});
J
nice -n 15 node s.mjs
cat > judge.mjs <<'J'
import fs from "node:fs";
const o = JSON.parse(fs.readFileSync("out.json")), stop = m => { console.log("CHANGED: " + m); process.exit(1); };
if (o.error) stop(o.error);
console.log("three.js", o.version);
console.log("expected: the same column of 256 in the middle of the view from both ways (centre of the panorama: 127.5)");
for (const [k, b, s] of o.rows) console.log(`seen, camera along ${k}: background column ${b.column}, sphere column ${s.column}`);
for (const [k, b, s] of o.rows) {
  for (const v of [b, s]) if (!(v.right > 2 && v.right < 12 && v.up < -2 && Math.abs(v.row - 63.5) < 3)) stop("a view is mirrored, upside down or not level: the control");
  const apart = (s.column - b.column + 256) % 256;
  if (Math.abs(apart - 128) > 3) stop("the two ways are " + apart + " columns apart");
}
const forward = o.rows[0];
if (Math.min(Math.abs(forward[1].column - 127.5), Math.abs(forward[2].column - 127.5)) < 50) stop("one of them has the centre along -Z");
console.log("still so");
J
node judge.mjs
