// The player: a recording's sphere to look around in, its sound turned with the look, and layers over the picture.
//
//   createPlayer(container, {clipUrl, onTime, onView, onState}) -> {load, play, pause, seek, setView, setLayers,
//   setListening, setVolume, state, dispose}
//
// clipUrl is the folder of a recording: clipUrl/clip.json says what there is and names the other members
// (yt360/view/clip_payload.py). onTime(t_s), onView({az_deg, el_deg, fov_deg}) and onState(state()) tell of changes.

import { SyncedPlayback } from "./clock.js";
import { Controls } from "./controls.js";
import { make, write } from "./dom.js";
import { LAYERS, Layers } from "./layers.js";
import { Legend } from "./legend.js";
import { Look } from "./look.js";
import { Overlay } from "./overlay.js";
import { directionOf, directionWords, unproject } from "./rotation.js";
import { SoundField, fetchHrirs, soundBuffer } from "./sound_field.js";
import { SphereView } from "./sphere_view.js";
import { readWav } from "./wav.js";

const TRAIL = 20;
const QUIET_MS = 600; // after the last turn the new direction is announced
const HELP =
  "360° picture. Arrow keys look around, plus and minus zoom, Home faces the front, space plays, comma and full stop " +
  "step a frame, J and L a second, 1 to 4 switch layers, H the way of listening, U the sound.";

export function createPlayer(container, options = {}) {
  return new Player(container, options);
}

class Player {
  #layers = new Layers(() => null);
  #chosen = new Set();
  #listening = "head";
  #volume = 1;
  #muted = false;
  #about = null;
  #loads = 0;
  #dirty = true;
  #pointer = null;
  #sounds = null;
  #running = true;
  #shown = {};

  constructor(container, { clipUrl = null, onTime = () => {}, onView = () => {}, onState = () => {} }) {
    Object.assign(this, { container, onTime, onView, onState, error: null, ready: false, drawn: 0 });
    this.#build();
    this.look = new Look(this.stage, () => this.#turned());
    this.sphere = new SphereView(this.canvas, this.video);
    this.overlay = new Overlay(this.lines);
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(this.stage);
    this.#resize();
    if (clipUrl !== null) this.load(clipUrl);
  }

  #observer;
  #loading = false;

  /** Show another recording. Resolves when its first frame is there; picture first, sound when it has come. */
  async load(url) {
    const turn = ++this.#loads;
    this.playback?.pause();
    this.ready = false;
    this.#loading = true;
    this.#say(null);
    this.#about = null;
    this.#layers = new Layers(() => null);
    this.#tell();
    try {
      const folder = new URL(`${url}/`, document.baseURI);
      const about = await (await get(new URL("clip.json", folder))).json();
      if (turn !== this.#loads) return;
      const address = (name) => (name ? new URL(name, folder) : null);
      const sound = this.#readSound(about, address(about.members.sound));
      sound.catch(() => {}); // told below
      await this.#showVideo(await (await get(address(about.members.video))).blob());
      if (turn !== this.#loads) return;
      this.#about = about;
      this.#layers = new Layers((name, plain) => address(plain ? name : about.members[name]));
      await this.setLayers([...this.#chosen]);
      this.#sounds = sound.then(
        (made) => turn === this.#loads && this.#connect(about, made),
        (error) => turn === this.#loads && this.#silent(about, error),
      );
      this.#wake();
      await this.#sounds;
    } catch (error) {
      if (turn === this.#loads) this.#say(`This recording cannot be shown: ${error.message}`);
    }
    if (turn !== this.#loads) return;
    this.#loading = false;
    this.#told = null;
    this.#wake();
    this.#tell();
  }

  async play() {
    await this.#sounds;
    try {
      await this.playback?.play();
    } catch (error) {
      this.#say(`This recording cannot be played: ${error.message}`);
    }
  }

  pause() {
    this.playback?.pause();
  }

  async seek(time_s) {
    await this.#sounds;
    await this.playback?.seek(time_s);
    this.#wake();
    this.onTime(this.time_s);
  }

  /** Angles in degrees; those that are not given stay. */
  setView(view) {
    this.look.set(view);
  }

  /** Layers that are on; those that a recording lacks come back with one that has them. */
  async setLayers(names) {
    this.#chosen = new Set(LAYERS.filter((name) => names.includes(name)));
    const wanted = [...this.#chosen].filter((name) => this.#layers.has(name));
    const layers = this.#layers;
    try {
      await Promise.all(wanted.map((name) => layers.load(name)));
    } catch (error) {
      this.#say(error.message);
    }
    if (layers !== this.#layers) return;
    if (layers.data.energy) this.sphere.setColours(layers.data.energy.colours);
    for (const name of LAYERS) {
      this.controls.showLayer(name, { on: this.#chosen.has(name), available: layers.has(name) });
    }
    this.legend.show(wanted, layers);
    this.#shown = {};
    this.#told = null;
    this.#wake();
    this.#tell();
  }

  /** "head" or "beam". */
  setListening(mode) {
    if (mode !== "head" && mode !== "beam") return;
    this.#listening = mode;
    this.field?.setListening(mode);
    this.controls.showListening(mode);
    this.#wake();
    this.#tell();
  }

  setVolume(volume) {
    this.#volume = Math.min(Math.max(volume, 0), 1);
    this.#muted = false;
    this.field?.setVolume(this.#volume);
  }

  get time_s() {
    return this.#about ? (this.playback?.time_s ?? 0) : 0;
  }

  state() {
    const { az_deg, el_deg, fov_deg, roll_deg } = this.look;
    return {
      key: this.#about?.key ?? null,
      time_s: this.time_s,
      duration_s: this.#about?.duration_s ?? 0,
      playing: this.playback?.playing ?? false,
      ended: this.playback?.ended ?? false,
      ready: this.ready,
      loading: this.#loading,
      error: this.error,
      view: { az_deg, el_deg, fov_deg, roll_deg },
      layers: [...this.#chosen],
      listening: this.#listening,
      drifts_s: [...(this.playback?.drifts_s ?? [])],
      drawn: this.drawn,
    };
  }

  dispose() {
    this.#running = false;
    this.#loads++;
    this.#observer.disconnect();
    this.playback?.dispose();
    this.look.dispose();
    this.sphere.dispose();
    this.context?.close();
    URL.revokeObjectURL(this.video.src);
    this.element.remove();
  }

  #build() {
    this.canvas = make("canvas", { class: "player-sphere", "aria-hidden": "true" });
    this.lines = make("canvas", { class: "player-lines", "aria-hidden": "true" });
    this.video = make("video", { class: "player-video", playsinline: true, muted: true, "aria-hidden": "true" });
    this.video.muted = true; // its sound, if it had any, would not be ours
    this.video.tabIndex = -1;
    this.where = make("p", { class: "player-where" });
    this.name = make("p", { class: "player-name", hidden: true });
    this.message = make("p", { class: "player-message", role: "alert", hidden: true });
    this.status = make("p", { class: "player-status", role: "status" });
    this.stage = make(
      "div",
      { class: "player-stage", role: "application", tabindex: "0", "aria-label": HELP },
      this.canvas,
      this.lines,
      this.video,
      this.where,
      this.name,
      this.message,
    );
    this.controls = new Controls({
      play: () => this.#toggle(),
      seek: (time_s) => this.seek(time_s),
      volume: (volume) => this.setVolume(volume),
      loop: (on) => this.playback && (this.playback.loop = on),
      listen: (mode) => this.setListening(mode),
      layer: (name, on) => this.#switch(name, on),
      front: () => this.look.set({ az_deg: 0, el_deg: 0, roll_deg: 0, fov_deg: 90 }),
      device: (on) => this.#follow(on),
      full: () => (document.fullscreenElement ? document.exitFullscreen() : this.element.requestFullscreen()),
    });
    this.legend = new Legend();
    this.element = make("div", { class: "player" }, this.stage, this.controls.element, this.legend.element, this.status);
    this.container.append(this.element);
    this.stage.addEventListener("keydown", (event) => this.#key(event));
    this.stage.addEventListener("pointermove", (event) => this.#point(event));
    this.stage.addEventListener("pointerleave", () => this.#point(null));
  }

  #toggle() {
    if (this.playback?.playing) this.pause();
    else this.play();
  }

  #switch(name, on) {
    const names = new Set(this.#chosen);
    if (on) names.add(name);
    else names.delete(name);
    return this.setLayers([...names]);
  }

  async #follow(on) {
    try {
      await this.look.followDevice(on);
    } catch (error) {
      this.#say(error.message);
    }
    this.controls.showDevice(this.look.followsDevice);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.stage) return;
    const frame_s = 1 / (this.#about?.picture.fps ?? 30);
    const actions = {
      " ": () => this.#toggle(),
      ",": () => this.seek(this.time_s - frame_s),
      ".": () => this.seek(this.time_s + frame_s),
      j: () => this.seek(this.time_s - 1),
      l: () => this.seek(this.time_s + 1),
      h: () => this.setListening(this.#listening === "head" ? "beam" : "head"),
      u: () => this.#mute(),
    };
    LAYERS.forEach((name, number) => {
      actions[number + 1] = () => this.#layers.has(name) && this.#switch(name, !this.#chosen.has(name));
    });
    const known = Object.hasOwn(actions, event.key);
    if (known) actions[event.key]();
    if (known || this.look.key(event)) event.preventDefault();
  }

  #mute() {
    this.#muted = !this.#muted;
    this.field?.setVolume(this.#muted ? 0 : this.#volume);
  }

  #point(event) {
    const box = this.stage.getBoundingClientRect();
    this.#pointer = event && [event.clientX - box.left, event.clientY - box.top];
    this.#wake();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    this.size = [width, height];
    this.sphere.setSize(width, height);
    this.overlay.setSize(width, height, Math.min(globalThis.devicePixelRatio || 1, 2));
    this.#turned();
    this.draw();
  }

  #turned() {
    const { rotation, fov_deg, az_deg, el_deg } = this.look;
    this.sphere?.setView(rotation, fov_deg);
    this.field?.setRotation(rotation);
    write(this.where, `${directionWords(az_deg, el_deg)} · ${Math.round(fov_deg)}° wide`);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => write(this.status, `Looking to ${this.where.textContent}${this.#ahead()}`), QUIET_MS);
    this.#wake();
    this.onView({ az_deg, el_deg, fov_deg });
  }

  #quiet = 0;

  #ahead() {
    const name = this.#nameAt(this.size[0] / 2, this.size[1] / 2);
    return name ? `: ${name}` : "";
  }

  async #showVideo(blob) {
    URL.revokeObjectURL(this.video.src);
    await new Promise((resolve, reject) => {
      this.video.onloadeddata = resolve;
      this.video.onerror = () => reject(new Error(this.video.error?.message || "the browser cannot decode its picture"));
      this.video.src = URL.createObjectURL(blob); // the whole file, so that a server without ranges can be sought in
      this.video.load();
    });
    this.sphere.pictureReplaced();
    this.#wake();
  }

  async #readSound(about, url) {
    const { rate_hz } = about.sound;
    if (this.context?.sampleRate !== rate_hz) {
      this.playback?.dispose();
      this.playback = this.field = null;
      this.context?.close();
      this.context = new AudioContext({ sampleRate: rate_hz, latencyHint: "interactive" });
    }
    const { context } = this;
    hrirs ??= fetchHrirs();
    const [taps, wav] = await Promise.all([hrirs, get(url).then((answer) => answer.arrayBuffer())]);
    return { context, taps, buffer: soundBuffer(context, readWav(wav), about.sound.gain) };
  }

  #connect(about, { context, taps, buffer }) {
    this.field ??= new SoundField(context, taps);
    this.field.output.connect(context.destination);
    this.field.setRotation(this.look.rotation, true);
    this.field.setListening(this.#listening, true);
    this.field.setVolume(this.#muted ? 0 : this.#volume);
    this.#prepare(about, buffer);
  }

  #silent(about, error) {
    this.#say(`Its sound cannot be played: ${error.message}`);
    this.context ??= new AudioContext();
    this.#prepare(about, null);
  }

  #prepare(about, buffer) {
    this.playback ??= new SyncedPlayback({
      video: this.video,
      context: this.context,
      destination: this.field?.input ?? this.context.destination,
      changed: () => {
        this.#wake();
        this.#tell();
      },
      shown: () => {
        this.sphere.pictureChanged();
        this.#wake();
      },
    });
    this.playback.loop = this.controls.loop.input.checked;
    this.playback.setRecording({ buffer, fps: about.picture.fps, duration_s: about.duration_s });
    this.ready = true;
  }

  #say(words) {
    this.error = words;
    this.message.hidden = words === null;
    write(this.message, words ?? "");
  }

  #tell() {
    const state = this.state();
    this.controls.show(state);
    this.onState(state);
  }

  /** Draw soon. */
  #wake() {
    this.#dirty = true;
    if (this.#waiting || !this.#running) return;
    this.#waiting = true;
    requestAnimationFrame(() => this.#frame());
  }

  #waiting = false;

  #frame() {
    this.#waiting = false;
    if (!this.#running) return;
    this.playback?.tick();
    const playing = this.playback?.playing;
    if (playing) this.onTime(this.time_s);
    if (this.#dirty || playing) this.draw();
    if (this.playback?.playing) {
      const dirty = this.#dirty;
      this.#wake();
      this.#dirty = dirty;
    }
  }

  /** Draw what has changed, now. */
  draw() {
    const time_s = this.time_s;
    const changed = this.#updateLayers(time_s);
    if (this.#dirty || changed) {
      this.#dirty = false;
      this.drawn++;
      this.sphere.render();
      this.#drawLines(time_s);
      this.#showName();
    }
    const tenth = Math.round(time_s * 10);
    if (tenth === this.#told) return;
    this.#told = tenth;
    this.controls.show({ ...this.state(), time_s });
    this.legend.update(time_s, this.#layers);
  }

  #told = null; // tenths of a second: what is written beside the picture changes no more often

  #updateLayers(time_s) {
    const on = (name) => this.#chosen.has(name) && this.#layers.data[name];
    const energy = on("energy") ? this.#layers.energyAt(time_s) : null;
    const number = on("maps") ? this.#layers.mapNumberAt(time_s) : null;
    const again = (error) => {
      if (error) this.#say(error.message);
      this.#shown = {};
      this.#told = null;
      this.#wake();
    };
    const map = number === null ? null : this.#layers.map(number, again);
    const heard = on("directions") ? this.#layers.directionAt(time_s) : null;
    const views = on("views") ? this.#layers.viewsAt(time_s) : [];
    const now = {
      energy: energy?.number,
      map: map && number,
      heard: heard?.number,
      views: views.map((view) => `${view.sample}.${view.number}${view.looking}`).join(),
    };
    const same = Object.entries(now).every(([name, value]) => this.#shown[name] === value);
    if (same) return false;
    this.#shown = now;
    this.sphere.setEnergy(energy);
    if (map || number === null) this.sphere.setMap(map); // a map that is on its way leaves the one before it
    return true;
  }

  #drawLines(time_s) {
    const on = (name) => this.#chosen.has(name) && this.#layers.data[name];
    const heard = [];
    for (let back = 0; on("directions") && back < TRAIL; back++) {
      const direction = this.#layers.directionAt(time_s, back);
      if (direction) heard.push(direction);
    }
    const { rotation, fov_deg } = this.look;
    const views = on("views") ? this.#layers.viewsAt(time_s) : [];
    this.overlay.draw({ rotation, fov_deg }, { heard, views, aim: this.#listening === "beam" });
  }

  #nameAt(x, y) {
    if (!this.#chosen.has("maps") || !this.#layers.data.maps) return null;
    const number = this.#layers.mapNumberAt(this.time_s);
    if (number === null) return null;
    const vector = unproject(this.look.rotation, this.look.fov_deg, ...this.size, x, y);
    return this.#layers.nameAt(number, directionOf(vector));
  }

  #showName() {
    const name = this.#pointer && this.#nameAt(...this.#pointer);
    this.name.hidden = !name;
    if (!name) return;
    write(this.name, name);
    this.name.style.left = `${Math.min(this.#pointer[0] + 12, this.size[0] - 120)}px`;
    this.name.style.top = `${Math.min(this.#pointer[1] + 12, this.size[1] - 30)}px`;
  }
}

let hrirs = null; // the same for all recordings

async function get(url) {
  const answer = await fetch(url);
  if (answer.ok) return answer;
  throw new Error(`${url.pathname.split("/").pop()}: the server answers ${answer.status}`);
}
