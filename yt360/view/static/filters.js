// The questions above the list: text, words of columns, a range of a score, own labels, and the order.

import { element } from './elements.js';
import { shown } from './labels.js';

const COLUMNS = [
  ['state', 'Verdict'], ['stage', 'Ended at'], ['reason', 'Reason or failure'], ['channel', 'Channel'],
  ['license', 'Licence'], ['split', 'Split'],
];

/** `onChange(query)` with what `VideoTable.find` takes. */
export class Filters {
  constructor(table, kinds, onChange) {
    this.table = table;
    this.onChange = onChange;
    this.text = element('input', {
      type: 'search', id: 'search', placeholder: 'Search', 'aria-label': 'Search title or id',
      'aria-keyshortcuts': '/', autocomplete: 'off', oninput: () => this.changed(),
    });
    this.selects = new Map(COLUMNS.map(([name, words]) => [name, this.select(name, words)]));
    this.label = this.choice('label', 'My label', [['', 'any'], ['none', 'none'], ...kinds.map(({ word }) => [word, shown(word)])]);
    this.score = this.choice('score', 'Score', [['', 'any'], ...table.scores.map(({ key, name }) => [key, name])]);
    this.low = this.bound('from');
    this.high = this.bound('to');
    this.sort = this.choice('sort', 'Order', [
      ['near', 'closest to the threshold'], ['id', 'id'], ['title', 'title'],
      ['-score', 'highest score'], ['score', 'lowest score'],
    ]);
    const fields = [...this.selects.values(), this.label, this.score].filter(Boolean);
    this.node = element('form', { class: 'filters', role: 'search', 'aria-label': 'Find videos', onsubmit: (event) => event.preventDefault() },
      this.text,
      this.sort.label,
      element('details', { class: 'more' }, element('summary', {}, 'Filter'),
        element('div', { class: 'fields' }, fields.map(({ label }) => label),
          element('span', { class: 'range' }, this.low, element('span', { 'aria-hidden': 'true' }, '–'), this.high)),
        element('button', { type: 'button', class: 'quiet', onclick: () => this.reset() }, 'Clear')));
    this.bounds();
  }

  select(name, words) {
    const counts = this.table.counts(name);
    if (counts.length < (name === 'state' ? 1 : 2)) return null;
    return this.choice(name, words, [['', 'any'], ...counts.map(([word, n]) => [word, `${word} (${n})`])]);
  }

  choice(name, words, options) {
    const input = element('select', { name, onchange: () => this.changed() },
      options.map(([value, text]) => element('option', { value }, text)));
    return { input, label: element('label', {}, element('span', {}, words), input) };
  }

  bound(words) {
    return element('input', { type: 'number', step: 'any', 'aria-label': `Score ${words}`, oninput: () => this.changed() });
  }

  bounds() {
    for (const input of [this.low, this.high]) input.disabled = !this.score.input.value;
  }

  changed() {
    this.bounds();
    this.onChange(this.query());
  }

  query() {
    const wanted = Object.fromEntries([...this.selects].flatMap(([name, choice]) => (choice ? [[name, choice.input.value]] : [])));
    const end = (input, open) => (input.value === '' ? open : Number(input.value));
    const key = this.score.input.value;
    return {
      wanted, text: this.text.value, label: this.label.input.value, sort: this.sort.input.value,
      score: key ? { key, low: end(this.low, -Infinity), high: end(this.high, Infinity) } : null,
    };
  }

  /** Shows one word of a column only (a count in the header was chosen). */
  only(name, word) {
    this.clear();
    const choice = this.selects.get(name);
    if (choice) choice.input.value = word;
    this.changed();
  }

  reset() {
    this.clear();
    this.changed();
  }

  clear() {
    this.text.value = '';
    for (const choice of [...this.selects.values(), this.label, this.score]) if (choice) choice.input.value = '';
    for (const input of [this.low, this.high]) input.value = '';
  }
}
