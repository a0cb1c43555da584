// The list of all videos: rows are made only for what is in sight, so ten thousand open as quickly as ten.

import { element, number } from './elements.js';

const ROW_PX = 56;
const BEYOND = 6; // rows above and below what is in sight

/** `onOpen(id)` when a video is chosen. `describe(row)` gives what a row shows: {id, title, state, why, about, margin, label}. */
export class VideoList {
  constructor(container, { describe, onOpen }) {
    this.describe = describe;
    this.onOpen = onOpen;
    this.rows = [];
    this.current = -1;
    this.shown = new Map();
    this.space = element('div', { class: 'space', role: 'presentation' });
    this.box = element('div', {
      class: 'rows', role: 'listbox', tabindex: '0', 'aria-label': 'Videos', id: 'videos',
      onscroll: () => this.draw(), onkeydown: (event) => this.key(event),
    }, this.space);
    container.append(this.box);
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  /** Shows these rows of the table; the chosen one stays chosen where it is still among them. */
  set(rows) {
    const held = this.current >= 0 ? this.rows[this.current] : null;
    this.rows = rows;
    this.current = rows.indexOf(held);
    this.space.style.height = `${rows.length * ROW_PX}px`;
    if (this.current < 0) this.box.scrollTop = 0;
    this.redraw();
  }

  /** Draws the rows anew (their labels changed). */
  redraw() {
    this.space.replaceChildren();
    this.shown.clear();
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_PX) - BEYOND);
    const last = Math.min(this.rows.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW_PX) + BEYOND);
    for (const [place, node] of this.shown) {
      if (place < first || place >= last) {
        node.remove();
        this.shown.delete(place);
      }
    }
    for (let place = first; place < last; place += 1) {
      if (!this.shown.has(place)) this.shown.set(place, this.space.appendChild(this.row(place)));
    }
    const active = this.shown.get(this.current);
    if (active) this.box.setAttribute('aria-activedescendant', active.id);
    else this.box.removeAttribute('aria-activedescendant');
  }

  row(place) {
    const told = this.describe(this.rows[place]);
    const node = element('div', {
      class: 'row', role: 'option', id: `row-${place}`, 'aria-selected': place === this.current ? 'true' : 'false',
      'aria-posinset': place + 1, 'aria-setsize': this.rows.length, 'data-id': told.id,
      onclick: () => this.choose(place),
    },
    element('span', { class: `state ${told.state}` }, told.state),
    element('span', { class: 'name' }, told.title),
    element('span', { class: 'label' }, told.label),
    element('span', { class: 'why' }, told.why),
    element('span', { class: 'margin', title: 'distance to the threshold, as a part of the score’s range' },
      told.margin === null ? '' : `${told.margin < 0 ? '−' : '+'}${number(Math.abs(told.margin))}`));
    node.style.transform = `translateY(${place * ROW_PX}px)`;
    return node;
  }

  choose(place) {
    if (place < 0 || place >= this.rows.length) return;
    this.mark(place);
    this.onOpen(this.describe(this.rows[place]).id);
  }

  mark(place) {
    this.shown.get(this.current)?.setAttribute('aria-selected', 'false');
    this.current = place;
    this.reveal(place);
    this.draw();
    this.shown.get(place)?.setAttribute('aria-selected', 'true');
  }

  /** Marks a row of the table as chosen, without opening it. */
  select(row) {
    const place = this.rows.indexOf(row);
    if (place >= 0 && place !== this.current) this.mark(place);
  }

  reveal(place) {
    const top = place * ROW_PX;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    const bottom = top + ROW_PX - this.box.clientHeight;
    if (bottom > this.box.scrollTop) this.box.scrollTop = bottom;
  }

  /** The next (or previous) video. */
  step(by) {
    this.choose(Math.min(this.rows.length - 1, Math.max(0, this.current + by)));
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW_PX) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in steps) this.step(steps[event.key]);
    else if (event.key === 'Home') this.choose(0);
    else if (event.key === 'End') this.choose(this.rows.length - 1);
    else return;
    event.preventDefault();
  }
}
