// The columns of all videos, as the server sends them, and questions that lists ask of them.

export class VideoTable {
  constructor(told) {
    this.count = told.count;
    this.columns = told.columns;
    this.scores = told.scores;
    this.words = told.words;
    this.rows = new Map(told.columns.id.map((id, row) => [id, row]));
    this.searched = told.columns.id.map((id, row) => `${id} ${told.columns.title[row]}`.toLowerCase());
  }

  /** The word of a coded column. */
  word(name, row) {
    const column = this.columns[name];
    return column.words[column.codes[row]];
  }

  title(row) {
    return this.columns.title[row] || this.columns.id[row];
  }

  /** Words of a coded column with how many rows have each, in order of words. */
  counts(name) {
    const { words, codes } = this.columns[name];
    const found = new Array(words.length).fill(0);
    for (const code of codes) found[code] += 1;
    return words.map((word, at) => [word, found[at]]).filter(([word, n]) => word && n).sort((a, b) => a[0].localeCompare(b[0]));
  }

  /**
   * Rows that fit, in order. `wanted`: words by column, `text`, `score` ({key, low, high}), `label` (word or
   * `none`), `sort` (`near`, `id`, `title`, `-score`, `score`). `labels`: video id -> word.
   */
  find({ wanted = {}, text = '', score = null, label = '', sort = 'near' }, labels) {
    const codes = Object.entries(wanted)
      .filter(([, word]) => word)
      .map(([name, word]) => [this.columns[name].codes, this.columns[name].words.indexOf(word)]);
    const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
    const values = score && score.key ? this.columns.scores[score.key] : null;
    const found = [];
    for (let row = 0; row < this.count; row += 1) {
      if (!codes.every(([column, code]) => column[row] === code)) continue;
      if (!parts.every((part) => this.searched[row].includes(part))) continue;
      if (values) {
        const value = values[row];
        if (value === null || value < score.low || value > score.high) continue;
      }
      if (label && (labels.get(this.columns.id[row]) || 'none') !== label) continue;
      found.push(row);
    }
    return found.sort(this.order(sort, values));
  }

  order(sort, values) {
    const { id, margin } = this.columns;
    const byName = (a, b) => (id[a] < id[b] ? -1 : id[a] > id[b] ? 1 : 0);
    const far = (value) => (value === null ? Infinity : Math.abs(value));
    const compare = {
      near: (a, b) => far(margin[a]) - far(margin[b]),
      title: (a, b) => this.title(a).localeCompare(this.title(b)),
      score: (a, b) => (values ? (values[a] ?? Infinity) - (values[b] ?? Infinity) : 0),
      '-score': (a, b) => (values ? (values[b] ?? -Infinity) - (values[a] ?? -Infinity) : 0),
    }[sort];
    return compare ? (a, b) => compare(a, b) || byName(a, b) : byName;
  }
}
