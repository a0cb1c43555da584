// What lies over the picture, read when it is first asked for: sound energy, sound directions, panoptic maps, views.

export const LAYERS = ["energy", "directions", "maps", "views"];

/** The layers of one recording. `address(member)` gives the URL of a member, or null where there is none. */
export class Layers {
  constructor(address) {
    this.address = address;
    this.#loading = {};
    this.data = {};
    this.#pictures = new Map();
  }

  #loading;
  #pictures;

  has(name) {
    return this.address(name) !== null;
  }

  /** Resolves when a layer has been read; throws an Error where that fails. */
  load(name) {
    this.#loading[name] ??= this.#read(name).catch((error) => {
      delete this.#loading[name];
      throw error;
    });
    return this.#loading[name];
  }

  async #read(name) {
    const answer = await fetch(this.address(name));
    if (!answer.ok) throw new Error(`the layer "${name}" could not be read: the server answers ${answer.status}`);
    this.data[name] = await answer.json();
  }

  /** The moment of the energy map nearest to a time, as SphereView.setEnergy takes it; null for none. */
  energyAt(time_s) {
    const energy = this.data.energy;
    if (!energy) return null;
    const n = nearest(time_s, energy.rate_hz, energy.moments);
    const [peak, floor] = [energy.peak[n], energy.floor[n]];
    if (!(peak > 0)) return null;
    const opacity = energy.opacity * (1 - floor / peak) * energy.strength[n];
    return { number: n, products: energy.covariance[n], peak, contrast: energy.contrast, opacity };
  }

  /** {az_deg, el_deg, diffuseness, level_db} heard at a time; null where it is not known. `back`: moments before it. */
  directionAt(time_s, back = 0) {
    const heard = this.data.directions;
    if (!heard) return null;
    const n = nearest(time_s, heard.rate_hz, heard.moments) - back;
    if (n < 0) return null;
    return {
      number: n,
      az_deg: heard.azimuth_deg[n],
      el_deg: heard.elevation_deg[n],
      diffuseness: heard.diffuseness[n],
      level_db: heard.level_db[n],
    };
  }

  /** The views whose sound holds a time, and whether their picture does (`looking`). */
  viewsAt(time_s) {
    const views = this.data.views?.views ?? [];
    return views
      .filter((view) => view.sound_start_s <= time_s && time_s < view.sound_end_s)
      .map((view) => ({ ...view, looking: view.start_s <= time_s && time_s < view.end_s }));
  }

  /** Number of the map nearest to a time; null where there is none. */
  mapNumberAt(time_s) {
    const maps = this.data.maps;
    return maps?.maps.length ? nearest(time_s, maps.rate_hz, maps.maps.length) : null;
  }

  /** A decoded map: {pixels (RGBA), ids, width, height}. null while it is on its way; `ready` is called then. */
  map(number, ready = () => {}) {
    const known = this.#pictures.get(number);
    if (known) return known.map;
    const kept = { map: null };
    this.#pictures.set(number, kept);
    this.#decode(number).then(
      (map) => {
        kept.map = map;
        ready();
      },
      (error) => {
        kept.error = error;
        ready(error);
      },
    );
    return null;
  }

  async #decode(number) {
    const layer = this.data.maps;
    const { picture, segments } = layer.maps[number];
    const answer = await fetch(this.address(picture, true));
    if (!answer.ok) throw new Error(`${picture} could not be read: the server answers ${answer.status}`);
    const { ids, width, height } = await readIds(await answer.blob());
    return { ids, width, height, pixels: paint(ids, width, height, segments, layer) };
  }

  /** The name of what a decoded map shows in a direction, or null where it shows nothing. */
  nameAt(number, { az_deg, el_deg }) {
    const map = this.#pictures.get(number)?.map;
    if (!map) return null;
    const column = Math.floor((((180 - az_deg) / 360) * map.width + map.width) % map.width);
    const row = Math.min(Math.max(Math.floor(((90 - el_deg) / 180) * map.height), 0), map.height - 1);
    const id = map.ids[row * map.width + column];
    const segment = this.data.maps.maps[number].segments.find((each) => each.id === id);
    return segment ? (this.category(segment.category_id)?.name ?? null) : null;
  }

  category(id) {
    return this.data.maps?.categories.find((each) => each.id === id);
  }

  /** Categories of a map, the largest first, with the number of things of each. */
  legendOf(number) {
    const found = new Map();
    for (const segment of this.data.maps.maps[number].segments) {
      const entry = found.get(segment.category_id) ?? { area: 0, things: 0, category: this.category(segment.category_id) };
      entry.area += segment.area;
      entry.things += segment.isthing ? 1 : 0;
      found.set(segment.category_id, entry);
    }
    return [...found.values()].sort((a, b) => b.area - a.area);
  }
}

function nearest(time_s, rate_hz, count) {
  return Math.min(Math.max(Math.round(time_s * rate_hz), 0), count - 1);
}

/** Segment ids of a panoptic PNG as COCO writes it: R + 256 G + 65536 B. */
async function readIds(blob) {
  const picture = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const { width, height } = picture;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  picture.close();
  const { data } = context.getImageData(0, 0, width, height);
  const ids = new Uint32Array(width * height);
  for (let n = 0; n < ids.length; n++) ids[n] = data[4 * n] + 256 * data[4 * n + 1] + 65536 * data[4 * n + 2];
  return { ids, width, height };
}

/** RGBA of a map: each segment in its category's colour, things with a white edge, as the report draws them. */
function paint(ids, width, height, segments, layer) {
  const colours = new Map(layer.categories.map((category) => [category.id, category.colour]));
  const of = new Map(segments.map((segment) => [segment.id, segment]));
  const cover = Math.round(255 * layer.opacity);
  const pixels = new Uint8Array(4 * ids.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const n = row * width + column;
      const segment = of.get(ids[n]);
      if (!segment) continue;
      const edge = segment.isthing && onEdge(ids, width, height, row, column);
      pixels.set(edge ? [255, 255, 255, 255] : [...(colours.get(segment.category_id) ?? [0, 0, 0]), cover], 4 * n);
    }
  }
  return pixels;
}

function onEdge(ids, width, height, row, column) {
  const own = ids[row * width + column];
  for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, height - 1); r++) {
    for (let c = Math.max(column - 1, 0); c <= Math.min(column + 1, width - 1); c++) {
      if (ids[r * width + c] !== own) return true;
    }
  }
  return false;
}
