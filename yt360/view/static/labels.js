// Labels: given by key or button, kept by the server in labels.tsv; and how far people agree.

import { api, exported } from './api.js';
import { counted, element, number } from './elements.js';

export class Labels {
  /** `kinds`: [{word, key}]; `person`: who labels here; `onChange()` after each change; `say(words, wrong)`. */
  constructor(kinds, person, { onChange, say }) {
    this.kinds = kinds;
    this.person = person;
    this.onChange = onChange;
    this.say = say;
    this.rows = [];
    this.agreement = [];
    this.own = new Map();
  }

  async load() {
    this.take(await api.labels());
  }

  take(told) {
    this.rows = told.labels;
    this.agreement = told.agreement;
    this.own = new Map(told.labels.filter((row) => row.person === this.person).map((row) => [row.video, row]));
    this.words = new Map([...this.own].map(([video, row]) => [video, row.label]));
    this.onChange();
  }

  word(video) {
    return this.own.get(video)?.label || '';
  }

  note(video) {
    return this.own.get(video)?.note || '';
  }

  /** Others' labels of a video: [{person, label, note}]. */
  others(video) {
    return this.rows.filter((row) => row.video === video && row.person !== this.person);
  }

  /** Sets a label, or takes it away where it stands already. */
  async toggle(video, word, seconds) {
    const label = this.word(video) === word ? '' : word;
    await this.put(video, label, this.note(video), seconds);
    this.say(label ? `${label}: ${video}` : `no label: ${video}`);
  }

  async put(video, label, note, seconds) {
    if (exported) return;
    const place = Number.isFinite(seconds) ? Math.round(seconds * 100) / 100 : null;
    try {
      this.take(await api.label({ video, label, note, seconds: place }));
    } catch (error) {
      this.say(`Not labelled: ${error.message}`, true);
    }
  }
}

/** The buttons and the note under the player. `context()` gives {video, seconds}. */
export function labelBar(labels, context) {
  const buttons = labels.kinds.map(({ word, key }) =>
    element('button', {
      type: 'button', class: 'give', 'aria-pressed': 'false', 'aria-keyshortcuts': key, 'data-word': word,
      onclick: () => give(word),
    }, shown(word), element('kbd', { 'aria-hidden': 'true' }, key)));
  const note = element('input', {
    type: 'text', id: 'note', maxlength: '2000', autocomplete: 'off', placeholder: 'Note',
    onkeydown: (event) => {
      if (event.key === 'Enter' || event.key === 'Escape') note.blur();
    },
    onchange: () => {
      const { video, seconds } = context();
      if (video) labels.put(video, labels.word(video), note.value, seconds).then(() => labels.say(`Note kept: ${video}`));
    },
  });
  const others = element('p', { class: 'soft others' });
  const node = element('section', { class: 'labelling', 'aria-label': 'Label this video' },
    element('div', { class: 'buttons', role: 'group', 'aria-label': 'Labels' }, buttons),
    element('label', { class: 'note' }, element('span', {}, 'Note ', element('kbd', { 'aria-hidden': 'true' }, 'n')), note),
    others);

  function give(word) {
    const { video, seconds } = context();
    if (video) labels.toggle(video, word, seconds);
  }

  function draw() {
    const { video } = context();
    for (const button of buttons) {
      button.setAttribute('aria-pressed', String(Boolean(video) && labels.word(video) === button.dataset.word));
      button.disabled = !video;
    }
    note.disabled = !video;
    if (document.activeElement !== note) note.value = video ? labels.note(video) : '';
    const said = video ? labels.others(video) : [];
    others.replaceChildren(...said.map((row) =>
      element('span', {}, `${row.person}: ${shown(row.label) || 'no label'}${row.note ? ` (${row.note})` : ''}`)));
  }

  return { node, draw, give, focusNote: () => note.focus() };
}

/** A label as people say it. */
export function shown(word) {
  return { 'background-music': 'music' }[word] || word;
}

/** The page of all labels. */
export function labelPage(labels, { open, titles }) {
  const node = element('div', { class: 'page' });

  function draw() {
    const counts = new Map();
    for (const word of labels.words?.values() || []) if (word) counts.set(word, (counts.get(word) || 0) + 1);
    const mine = [...labels.own.values()].filter((row) => row.label).length;
    node.replaceChildren(
      element('h2', {}, 'Labels'),
      element('p', {}, `${counted(mine, 'video')} labelled by ${labels.person}`,
        counts.size ? `: ${[...counts].map(([word, n]) => `${shown(word)} ${n}`).join(', ')}.` : '.'),
      element('p', { class: 'soft' }, 'Give them while a video is open: ',
        labels.kinds.map(({ word, key }, at) => [at ? ', ' : '', element('kbd', {}, key), ` ${shown(word)}`]), ', ',
        element('kbd', {}, 'n'), ' note. They are kept in labels.tsv; measure the filters against them with ',
        element('code', {}, 'yt360 filters evaluate --root DIR --labels labels.tsv'), '.'),
      ...agreement(),
      ...table());
  }

  function agreement() {
    if (!labels.agreement.length) {
      return [element('p', { class: 'soft' }, 'When two people have labelled the same videos, their agreement stands here.')];
    }
    return labels.agreement.map((pair) =>
      element('section', { class: 'agreement' },
        element('h3', {}, `${pair.first} and ${pair.second}`),
        element('p', {}, element('strong', {}, `Cohen’s κ ${number(pair.kappa)}`),
          pair.interval ? ` (95 %: ${number(pair.interval[0])} to ${number(pair.interval[1])})` : '',
          `; the same label for ${Math.round(pair.observed * 100)} % of ${counted(pair.videos, 'video')}.`,
          pair.kappa === null ? ' κ is not defined while all labels are the same.' : ''),
        pair.disagreements.length
          ? element('ul', { class: 'disagreements' }, pair.disagreements.slice(0, 200).map(([video, first, second]) =>
            element('li', {}, link(video), `: ${shown(first)} against ${shown(second)}`)))
          : null));
  }

  function table() {
    const rows = labels.rows.slice(0, 500);
    if (!rows.length) return [];
    return [
      element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'All labels' },
        element('table', {},
          element('thead', {}, element('tr', {}, ['video', 'label', 'by', 'note'].map((name) => element('th', { scope: 'col' }, name)))),
          element('tbody', {}, rows.map((row) =>
            element('tr', {}, element('td', {}, link(row.video)), element('td', {}, shown(row.label)),
              element('td', {}, row.person), element('td', {}, row.note)))))),
      labels.rows.length > rows.length ? element('p', { class: 'soft' }, `and ${labels.rows.length - rows.length} more in labels.tsv`) : null,
    ].filter(Boolean);
  }

  function link(video) {
    return element('button', { type: 'button', class: 'link', onclick: () => open(video) }, titles(video));
  }

  return { node, draw };
}
