// Drag a threshold and see what would change. The page knows every score, so a drag is answered at once; what a run
// would decide is asked of the server when the hand rests, for verdicts go by more than one number.

import { api, exported } from './api.js';
import { counted, drawing, element, number, settled } from './elements.js';

const BINS = 50;
const WIDTH = 500;
const HEIGHT = 110;
const LISTED = 100;

/** The page of all scores. `open(id)` opens a video, `titles(id)` is what it is called. */
export function thresholdPage(table, { open, titles }) {
  const known = table.scores.filter((score) => table.columns.scores[score.key].some((value) => value !== null));
  const cards = known.map((score) => scoreCard(table, score, { open, titles }));
  return element('div', { class: 'page' },
    element('h2', {}, 'Thresholds'),
    element('p', { class: 'soft' }, 'Every video that a filter measured, by its score. Drag the line, or use the arrow keys on the slider: ',
      'nothing is decided or written. Heights are square roots of counts, so that a few are seen as well.'),
    cards.length ? element('div', { class: 'scores' }, cards) : element('p', {}, 'No filter has measured anything yet.'));
}

function scoreCard(table, score, { open, titles }) {
  const values = table.columns.scores[score.key];
  const measured = values.flatMap((value, row) => (value === null ? [] : [{ value, row }]));
  const [low, high] = score.span;
  const changeable = Boolean(score.setting) && !exported;
  const said = element('p', { class: 'effect', 'aria-live': 'polite' });
  const exact = element('div', { class: 'exact', 'aria-live': 'polite' });
  const line = drawing('line', { class: 'limit', y1: 0, y2: HEIGHT });
  const bars = drawing('g', {});
  const picture = drawing('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, bars,
    drawing('line', { class: 'today', x1: x(score.threshold), x2: x(score.threshold), y1: 0, y2: HEIGHT }), line);
  const slider = element('input', {
    type: 'range', min: low, max: high, step: (high - low) / 1000, 'aria-label': `Threshold of ${score.name} (${score.stage})`,
    oninput: () => drag(Number(slider.value)), disabled: !changeable,
  });
  slider.value = score.threshold;
  const box = element('output', {}, number(score.threshold));
  const back = element('button', { type: 'button', class: 'quiet', hidden: true, onclick: reset }, 'back to today’s');
  let asked = null;

  function x(value) {
    return Math.min(WIDTH, Math.max(0, ((value - low) / (high - low)) * WIDTH));
  }

  function beyond(value, limit) {
    return score.drops_above ? value >= limit : value < limit;
  }

  function draw(limit) {
    const counts = Array.from({ length: BINS }, () => 0);
    for (const { value } of measured) counts[Math.min(BINS - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * BINS)))] += 1;
    const most = Math.max(1, ...counts);
    bars.replaceChildren(...counts.map((count, k) => {
      const height = count ? Math.max(2, Math.sqrt(count / most) * (HEIGHT - 6)) : 0;
      const middle = low + ((k + 0.5) / BINS) * (high - low);
      return drawing('rect', {
        class: beyond(middle, limit) ? 'drop' : 'keep', x: (k / BINS) * WIDTH, width: WIDTH / BINS - 1, y: HEIGHT - height, height,
      });
    }));
    line.setAttribute('x1', x(limit));
    line.setAttribute('x2', x(limit));
    box.textContent = number(limit);
    slider.setAttribute('aria-valuetext', number(limit));
  }

  function drag(limit) {
    draw(limit);
    back.hidden = limit === score.threshold;
    const more = measured.filter(({ value }) => beyond(value, limit) && !beyond(value, score.threshold)).length;
    const fewer = measured.filter(({ value }) => !beyond(value, limit) && beyond(value, score.threshold)).length;
    said.textContent = back.hidden ? '' : `${counted(more, 'video')} more beyond it, ${counted(fewer, 'video')} fewer.`;
    exact.replaceChildren();
    asked?.abort();
    if (!back.hidden) ask(limit);
  }

  const ask = settled(async (limit) => {
    asked = new AbortController();
    exact.replaceChildren(element('p', { class: 'soft' }, 'deciding again …'));
    try {
      show(await api.redecide(score.stage, { [score.setting]: String(limit) }, asked.signal), limit);
    } catch (error) {
      if (error.name !== 'AbortError') exact.replaceChildren(element('p', { class: 'wrong' }, error.message));
    }
  }, 300);

  function show(told, limit) {
    if (Number(slider.value) !== limit) return;
    const dropped = told.changes.filter((each) => each.after !== 'kept');
    const kept = told.changes.filter((each) => each.after === 'kept');
    exact.replaceChildren(
      element('p', {}, element('strong', {}, `A run would keep ${told.then.kept} of ${told.then.kept + told.then.dropped}`),
        ` (today ${told.now.kept}); ${counted(told.changed, 'verdict')} would change.`),
      ...[['Dropped then', dropped], ['Kept then', kept]].filter(([, list]) => list.length).map(([words, list]) =>
        element('details', { open: list.length <= 8 }, element('summary', {}, `${words}: ${list.length}`),
          element('ul', {}, list.slice(0, LISTED).map((each) =>
            element('li', {}, element('button', { type: 'button', class: 'link', onclick: () => open(each.id) }, titles(each.id)),
              ` ${each.before} → ${each.after}`))))),
      element('p', { class: 'soft' }, 'To decide so: ',
        element('code', {}, `yt360 run RECIPE --root DIR --set ${score.stage}.thresholds.${score.setting}=${+limit.toPrecision(4)}`)));
  }

  function reset() {
    slider.value = score.threshold;
    drag(score.threshold);
    slider.focus();
  }

  draw(score.threshold);
  return element('section', { class: 'score' },
    element('h3', {}, score.name, ' ', element('span', { class: 'soft' }, score.stage)),
    element('p', { class: 'soft' }, `${score.words}. Dropped ${score.drops_above ? 'above' : 'below'} the threshold; today ${number(score.threshold)}. `,
      score.setting ? null : 'A parameter stands for this threshold: a run measures anew when it changes.'),
    element('div', { class: 'histogram' }, picture, slider),
    element('p', { class: 'ends' }, element('span', {}, number(low)), element('span', {}, 'threshold ', box, ' ', back), element('span', {}, number(high))),
    said, exact);
}
