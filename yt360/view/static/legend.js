// What the layers mean, in words, with their colours.

import { make, write } from "./dom.js";
import { directionWords } from "./rotation.js";

export class Legend {
  constructor() {
    this.element = make("div", { class: "player-legend" });
    this.entries = {};
  }

  /** Show the entries of these layers; `layers` holds their data. */
  show(names, layers) {
    this.element.replaceChildren();
    this.entries = {};
    this.shownMap = null;
    for (const name of names) {
      if (!layers.data[name]) continue;
      this.entries[name] = this[`_${name}`](layers.data[name]);
      this.element.append(this.entries[name].element);
    }
  }

  /** Bring the entries up to a time. */
  update(time_s, layers) {
    const { directions, maps, views } = this.entries;
    if (directions) {
      const heard = layers.directionAt(time_s);
      const silent = !heard || heard.level_db <= -150;
      const where = silent ? "silence" : directionWords(heard.az_deg, heard.el_deg);
      write(directions.now, silent ? where : `${where}, diffuseness ${heard.diffuseness.toFixed(2)}`);
    }
    if (views) {
      const seen = layers.viewsAt(time_s);
      const taken = seen.filter((view) => view.looking).length;
      write(views.now, seen.length ? `${seen.length} now, ${taken} of them with their picture` : "none at this moment");
    }
    if (maps) this.#names(maps, layers.mapNumberAt(time_s), layers);
  }

  _energy(energy) {
    const bar = make("canvas", { width: "256", height: "10", class: "player-bar", "aria-hidden": "true" });
    const context = bar.getContext("2d");
    energy.colours.forEach(([red, green, blue], n) => {
      context.fillStyle = `rgb(${red}, ${green}, ${blue})`;
      context.fillRect(n, 0, 1, 10);
    });
    const words =
      `Sound energy of two tenths of a second: ${energy.words}. An even field, and a moment 40 dB below the loudest, ` +
      "leave the picture clear.";
    return { element: make("div", {}, bar, make("p", {}, words)) };
  }

  _directions() {
    const now = make("strong");
    const words =
      "Sound direction: the ring is where most of the sound comes from, its bold part how much of it does " +
      "(1 - diffuseness); dots are the last two seconds. Now: ";
    return { element: make("p", {}, words, now), now };
  }

  _maps(maps) {
    const names = make("ul", { class: "player-names" });
    return { element: make("div", {}, make("p", {}, `Panoptic map by ${maps.model}; things have a white edge.`), names), names };
  }

  _views(views) {
    const now = make("strong");
    return { element: make("p", {}, `Training views ${views.whose}, ${views.samples} samples: `, now), now };
  }

  #names({ names }, number, layers) {
    if (number === null || number === this.shownMap) return;
    this.shownMap = number;
    names.replaceChildren(
      ...layers.legendOf(number).map(({ category, things }) => {
        const swatch = make("span", { class: "player-swatch", "aria-hidden": "true" });
        swatch.style.backgroundColor = `rgb(${(category?.colour ?? [0, 0, 0]).join(", ")})`;
        return make("li", {}, swatch, things > 1 ? `${category?.name} × ${things}` : (category?.name ?? "unknown"));
      }),
    );
  }
}
