// The player's controls: play, time, volume, how one listens, layers. Native elements, so that keys and screen readers
// work with them.

import { make, write } from "./dom.js";
import { LAYERS } from "./layers.js";

const LAYER_NAMES = {
  energy: "Sound energy",
  directions: "Sound direction",
  maps: "Panoptic map",
  views: "Training views",
};

let count = 0;

export class Controls {
  /** `asked`: play(), seek(t_s), volume(v), loop(on), listen(mode), layer(name, on), front(), device(on), full(). */
  constructor(asked) {
    const id = `player-${++count}`;
    this.play = make("button", { type: "button", class: "player-play", onclick: asked.play }, "Play");
    this.time = make("input", { type: "range", class: "player-time", min: "0", max: "1", step: "0.01", value: "0" });
    this.time.setAttribute("aria-label", "Time");
    this.time.addEventListener("input", () => asked.seek(Number(this.time.value)));
    this.clock = make("output", { class: "player-clock" }, "0.0 s");
    this.volume = make("input", { type: "range", class: "player-volume", min: "0", max: "1", step: "0.05", value: "1" });
    this.volume.setAttribute("aria-label", "Volume");
    this.volume.addEventListener("input", () => asked.volume(Number(this.volume.value)));
    this.loop = box("Repeat", (on) => asked.loop(on));
    this.listen = make("select", { id: `${id}-listen`, onchange: () => asked.listen(this.listen.value) });
    this.listen.append(
      make("option", { value: "head" }, "with both ears, as the head turns"),
      make("option", { value: "beam" }, "to what I look at"),
    );
    this.front = make("button", { type: "button", onclick: asked.front }, "Face front");
    this.full = make("button", { type: "button", onclick: asked.full }, "Full screen");
    this.device = make("button", { type: "button", "aria-pressed": "false" }, "Turn with the device");
    this.device.addEventListener("click", () => asked.device(this.device.getAttribute("aria-pressed") !== "true"));
    this.device.hidden = !("DeviceOrientationEvent" in globalThis && matchMedia("(pointer: coarse)").matches);
    this.layers = Object.fromEntries(LAYERS.map((name) => [name, box(LAYER_NAMES[name], (on) => asked.layer(name, on))]));
    this.element = make(
      "div",
      { class: "player-controls" },
      make("div", { class: "player-row" }, this.play, this.time, this.clock, this.volume),
      make(
        "div",
        { class: "player-row" },
        make("label", { for: this.listen.id }, "Listen"),
        this.listen,
        this.loop.label,
        this.front,
        this.device,
        this.full,
      ),
      make(
        "fieldset",
        { class: "player-layers" },
        make("legend", {}, "Layers"),
        ...LAYERS.map((name) => this.layers[name].label),
      ),
    );
  }

  /** Show a state: {time_s, duration_s, playing, ready, loading}. */
  show({ time_s, duration_s, playing, ready, loading }) {
    write(this.play, playing ? "Pause" : "Play");
    this.play.disabled = !ready;
    this.time.max = String(duration_s || 1);
    if (document.activeElement !== this.time || playing) this.time.value = String(time_s);
    const words = loading ? "loading …" : `${time_s.toFixed(1)} s of ${duration_s.toFixed(1)} s`;
    write(this.clock, words);
    if (this.time.getAttribute("aria-valuetext") !== words) this.time.setAttribute("aria-valuetext", words);
  }

  showLayer(name, { on, available }) {
    const { input, label } = this.layers[name];
    input.checked = on;
    input.disabled = !available;
    label.title = available ? "" : "this recording has none";
  }

  showListening(mode) {
    this.listen.value = mode;
  }

  showDevice(on) {
    this.device.setAttribute("aria-pressed", String(on));
  }
}

function box(name, changed) {
  const input = make("input", { type: "checkbox" });
  input.addEventListener("change", () => changed(input.checked));
  return { input, label: make("label", { class: "player-box" }, input, name) };
}
