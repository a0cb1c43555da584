// Lines over the sphere: where the sound comes from, and the views that training drew.

import { DEG, project, turn, turnBack, unitVector, viewRotation } from "./rotation.js";

const RING_DEG = 7.5; // as wide as the mark of `yt360 inspect` and `yt360 report`
const RING_POINTS = 48;
const TRAIL = 20; // moments
const COLOURS = ["#ffd54a", "#6fd3ff", "#ff9de0", "#a5f28b"];
const HALO = "rgba(0, 0, 0, 0.75)";

export class Overlay {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  setSize(width, height, ratio) {
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    this.size = [width, height];
    this.ratio = ratio;
  }

  /** Draw anew: `look` {rotation, fov_deg}; `heard`: directions, the latest first; `views`; `aim`: a mark in the middle. */
  draw(look, { heard = [], views = [], aim = false }) {
    const { context } = this;
    const [width, height] = this.size;
    this.look = look;
    this.canvas.hidden = !heard.length && !views.length && !aim; // an empty one would still be blended
    if (this.canvas.hidden) return;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineJoin = context.lineCap = "round";
    views.forEach((view) => this.#view(view));
    this.#trail(heard);
    if (heard.length && heard[0].level_db > -150) this.#ring(heard[0]);
    if (aim) this.#aim();
  }

  #place(vector) {
    return project(this.look.rotation, this.look.fov_deg, ...this.size, vector);
  }

  #line(points, { colour, width }) {
    const { context } = this;
    for (const [style, line] of [[HALO, width + 2.5], [colour, width]]) {
      context.beginPath();
      let open = false;
      for (const vector of points) {
        const place = this.#place(vector);
        if (place === null) open = false;
        else if (open) context.lineTo(...place);
        else context.moveTo(...place);
        open = place !== null;
      }
      context.strokeStyle = style;
      context.lineWidth = line;
      context.stroke();
    }
  }

  #trail(heard) {
    for (let n = Math.min(heard.length, TRAIL) - 1; n > 0; n--) {
      const { az_deg, el_deg, diffuseness } = heard[n];
      const place = this.#place(unitVector(az_deg, el_deg));
      if (place === null) continue;
      this.context.globalAlpha = (1 - n / TRAIL) * (1 - 0.8 * diffuseness);
      this.#dot(place, 3);
    }
    this.context.globalAlpha = 1;
  }

  #dot([x, y], radius) {
    const { context } = this;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = "#fff";
    context.strokeStyle = HALO;
    context.lineWidth = 1;
    context.fill();
    context.stroke();
  }

  /** A ring around the direction: as much of it is bold as of the sound comes from there (1 - diffuseness). */
  #ring({ az_deg, el_deg, diffuseness }) {
    const around = viewRotation(az_deg, el_deg);
    const points = Array.from({ length: RING_POINTS + 1 }, (_, n) => {
      const angle = (2 * Math.PI * n) / RING_POINTS;
      const [c, s] = [Math.cos(RING_DEG * DEG), Math.sin(RING_DEG * DEG)];
      return turnBack(around, [c, s * Math.sin(-angle), s * Math.cos(angle)]); // from the top, clockwise
    });
    this.#line(points, { colour: "#fff", width: 1.5 });
    const bold = Math.round(RING_POINTS * (1 - diffuseness));
    if (bold > 0) this.#line(points.slice(0, bold + 1), { colour: "#fff", width: 4 });
    this.#pointer(unitVector(az_deg, el_deg));
  }

  /** An arrow at the border towards what is out of sight. */
  #pointer(vector) {
    const [width, height] = this.size;
    const place = this.#place(vector);
    if (place && place[0] >= 0 && place[0] <= width && place[1] >= 0 && place[1] <= height) return;
    const [, left, up] = turn(this.look.rotation, vector);
    const length = Math.hypot(left, up) || 1;
    const [dx, dy] = [-left / length, -up / length];
    const inset = 26;
    const reach = Math.min((width / 2 - inset) / Math.max(Math.abs(dx), 1e-6), (height / 2 - inset) / Math.max(Math.abs(dy), 1e-6));
    const { context } = this;
    context.save();
    context.translate(width / 2 + dx * reach, height / 2 + dy * reach);
    context.rotate(Math.atan2(dy, dx));
    context.beginPath();
    context.moveTo(14, 0);
    context.lineTo(-8, 9);
    context.lineTo(-3, 0);
    context.lineTo(-8, -9);
    context.closePath();
    context.fillStyle = "#fff";
    context.strokeStyle = HALO;
    context.lineWidth = 2;
    context.stroke();
    context.fill();
    context.restore();
  }

  #view(view) {
    const colour = COLOURS[view.number % COLOURS.length];
    const corners = view.outline.map(([az, el]) => unitVector(az, el));
    this.context.globalAlpha = view.looking ? 1 : 0.45;
    this.#line([...corners, corners[0]], { colour, width: view.looking ? 2.5 : 1.5 });
    this.context.globalAlpha = 1;
    const place = this.#place(corners[0]);
    if (place === null) return;
    const { context } = this;
    context.font = "600 13px system-ui, sans-serif";
    context.lineWidth = 3;
    context.strokeStyle = HALO;
    context.fillStyle = colour;
    const words = `sample ${view.sample + 1}, view ${view.number + 1}${view.mirrored ? ", mirrored" : ""}`;
    context.strokeText(words, place[0] + 6, place[1] + 16);
    context.fillText(words, place[0] + 6, place[1] + 16);
  }

  #aim() {
    const [x, y] = this.size.map((side) => side / 2);
    const { context } = this;
    for (const [style, line] of [[HALO, 4], ["#fff", 1.5]]) {
      context.beginPath();
      context.arc(x, y, 16, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 11 * dx, y + 11 * dy);
        context.lineTo(x + 21 * dx, y + 21 * dy);
      }
      context.strokeStyle = style;
      context.lineWidth = line;
      context.stroke();
    }
  }
}

