// What filters measured over the time of a video, each lane beside its threshold, and where its clips lie.

import { clock, drawing, element, number } from './elements.js';

const WIDTH = 1000;
const LANE = 34;
const CLIPS = 14;

/** `onSeek(seconds)` when a person chooses a moment of the video. */
export class TimeLine {
  constructor({ onSeek }) {
    this.onSeek = onSeek;
    this.length = 0;
    this.at = 0;
    this.head = null;
    this.slider = element('div', {
      class: 'track', role: 'slider', tabindex: '0', 'aria-label': 'Time in the video', 'aria-valuemin': '0',
      onkeydown: (event) => this.key(event), onpointerdown: (event) => this.point(event),
      onpointermove: (event) => event.buttons && this.point(event),
    });
    this.lanes = element('div', { class: 'lanes' });
    this.node = element('section', { class: 'timeline', 'aria-label': 'Measured over time' }, this.lanes);
  }

  /** `clips`: [{id, start_s, duration_s}], `lanes` as the server sends them, `length` in seconds. */
  set(clips, lanes, length) {
    this.length = Math.max(length, ...clips.map((clip) => clip.start_s + clip.duration_s), 0.1);
    const height = CLIPS + lanes.length * LANE;
    const picture = drawing('svg', { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      clips.map((clip) => drawing('rect', {
        class: 'clip', x: this.x(clip.start_s), width: Math.max(2, this.x(clip.duration_s) - 1), y: 2, height: CLIPS - 5, rx: 2,
      })),
      lanes.map((lane, k) => this.lane(lane, CLIPS + k * LANE)));
    this.head = drawing('line', { class: 'head', y1: 0, y2: height });
    picture.append(this.head);
    picture.style.height = `${height}px`;
    this.slider.replaceChildren(picture);
    const names = element('div', { class: 'names' },
      element('span', { class: 'clipname' }, clips.length ? 'clips' : ''),
      lanes.map((lane) => element('span', { title: lane.words }, lane.name, ' ', element('em', {}, summary(lane)))));
    this.lanes.replaceChildren(names, this.slider);
    this.node.hidden = !lanes.length && !clips.length;
    this.show(0);
  }

  x(seconds) {
    return (seconds / this.length) * WIDTH;
  }

  lane(lane, top) {
    const [low, high] = lane.span;
    const y = (value) => top + LANE - 3 - (Math.min(1, Math.max(0, (value - low) / (high - low))) * (LANE - 7));
    const bars = lane.values.flatMap((value, k) => {
      if (value === null || lane.time_s[k] === null) return [];
      const beyond = lane.threshold !== null && (lane.drops_above ? value >= lane.threshold : value <= lane.threshold);
      const height = Math.max(1, top + LANE - 3 - y(value));
      return [drawing('rect', {
        class: beyond ? 'beyond' : 'value', x: this.x(lane.time_s[k]), y: top + LANE - 3 - height,
        width: Math.max(1, this.x(lane.step_s) - 0.6), height,
      })];
    });
    const limit = lane.threshold === null ? null
      : drawing('line', { class: 'limit', x1: 0, x2: WIDTH, y1: y(lane.threshold), y2: y(lane.threshold) });
    return drawing('g', {}, drawing('line', { class: 'axis', x1: 0, x2: WIDTH, y1: top + LANE - 2.5, y2: top + LANE - 2.5 }), bars, limit);
  }

  /** Moves the playhead to a moment of the video. */
  show(seconds) {
    this.at = Math.min(this.length, Math.max(0, seconds));
    if (!this.head) return;
    const x = this.x(this.at);
    this.head.setAttribute('x1', x);
    this.head.setAttribute('x2', x);
    this.slider.setAttribute('aria-valuemax', this.length.toFixed(1));
    this.slider.setAttribute('aria-valuenow', this.at.toFixed(1));
    this.slider.setAttribute('aria-valuetext', `${clock(this.at)} of ${clock(this.length)}`);
  }

  point(event) {
    const box = this.slider.getBoundingClientRect();
    this.seek(((event.clientX - box.left) / box.width) * this.length);
  }

  key(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in steps) this.seek(this.at + steps[event.key]);
    else if (event.key === 'Home') this.seek(0);
    else if (event.key === 'End') this.seek(this.length - 0.1);
    else return;
    event.preventDefault();
  }

  seek(seconds) {
    this.show(seconds);
    this.onSeek(this.at);
  }
}

/** The largest (or smallest) value of a lane and its threshold, in words. */
function summary(lane) {
  const known = lane.values.filter((value) => value !== null);
  if (!known.length) return 'nothing measured';
  const most = lane.drops_above ? Math.max(...known) : Math.min(...known);
  const end = `${lane.drops_above ? 'up to' : 'down to'} ${number(most)}${lane.unit ? ` ${lane.unit}` : ''}`;
  return lane.threshold === null ? end : `${end}, threshold ${number(lane.threshold)}`;
}
