// The page: the list beside the video, the thresholds and the labels behind tabs, keys, and deep links both ways.

import { api, exported } from './api.js';
import { Detail } from './detail.js';
import { counted, element, settled } from './elements.js';
import { Filters } from './filters.js';
import { Labels, labelPage, shown } from './labels.js';
import { parsed, spelled } from './links.js';
import { VideoList } from './list.js';
import { VideoTable } from './table.js';
import { thresholdPage } from './thresholds.js';

const STATES = ['kept', 'filtered', 'failed', 'waiting', 'undecided'];
const KEYS = [
  ['/', 'search'], ['[ and ]', 'previous and next video'], ['k s v m b p d', 'labels, as the buttons say'], ['n', 'note'],
  ['Space', 'play and pause, in the player'], ['arrows', 'turn the head, in the player'], ['+ and −', 'field of view, in the player'], ['?', 'these keys'],
];

class App {
  constructor(dataset, told) {
    this.dataset = dataset;
    this.table = new VideoTable(told);
    this.status = element('p', { class: 'status', role: 'status' });
    this.labels = new Labels(dataset.labels, dataset.person, { onChange: () => this.labelled(), say: (words, wrong) => this.say(words, wrong) });
    this.told = null;
    this.build();
  }

  build() {
    const { dataset, table } = this;
    this.filters = new Filters(table, dataset.labels, () => this.refind());
    this.found = element('p', { class: 'found', 'aria-live': 'polite' });
    const side = element('section', { class: 'side', 'aria-label': 'All videos' }, this.filters.node, this.found);
    this.list = new VideoList(side, { describe: (row) => this.describe(row), onOpen: (id) => this.open(id) });
    this.main = element('div', { class: 'videos', id: 'tab-videos' }, side);
    this.detail = new Detail(this.main, {
      labels: this.labels, onPlace: settled((place) => this.place(place), 250), onBack: () => this.back(), say: (words, wrong) => this.say(words, wrong),
    });
    const links = { open: (id) => this.go(id), titles: (id) => this.title(id) };
    this.labelPage = labelPage(this.labels, links);
    this.pages = {
      videos: this.main,
      thresholds: element('div', { id: 'tab-thresholds', hidden: true }),
      labels: element('div', { id: 'tab-labels', hidden: true }, this.labelPage.node),
    };
    this.makeThresholds = () => thresholdPage(table, links);
    this.tabs = element('nav', { 'aria-label': 'Pages' }, Object.keys(this.pages)
      .filter((name) => name !== 'labels' || !exported)
      .map((name) => element('button', { type: 'button', class: 'tab', 'data-tab': name, onclick: () => this.show(name) }, name)));
    this.help = element('dialog', { 'aria-label': 'Keys' }, element('h2', {}, 'Keys'),
      element('dl', {}, KEYS.filter(([, words]) => !exported || !/label|note/.test(words)).map(([key, words]) => [element('dt', {}, element('kbd', {}, key)), element('dd', {}, words)])),
      element('form', { method: 'dialog' }, element('button', { type: 'submit' }, 'Close')));
    document.title = `${dataset.name} · yt360 view`;
    document.body.replaceChildren(
      element('header', {}, element('h1', {}, dataset.name), this.counts(), this.tabs,
        element('button', { type: 'button', class: 'quiet', 'aria-keyshortcuts': '?', onclick: () => this.help.showModal() }, 'Keys')),
      element('main', {}, Object.values(this.pages)), this.status, this.help,
      element('footer', { class: 'soft' }, `Recipe ${dataset.recipe}; yt360 ${dataset.version}; newest record ${dataset.last.slice(0, 16).replace('T', ' ')} UTC`));
    document.body.classList.toggle('exported', exported);
    document.addEventListener('keydown', (event) => this.key(event));
    // The event's own address: until it comes, the page may have written where it plays over the one that was asked for.
    addEventListener('hashchange', (event) => this.follow(new URL(event.newURL).hash));
  }

  counts() {
    const counts = new Map(this.table.counts('state'));
    return element('div', { class: 'counts', role: 'group', 'aria-label': 'Verdicts' }, STATES.filter((word) => counts.has(word)).map((word) =>
      element('button', { type: 'button', class: `state ${word}`, onclick: () => {
        this.show('videos');
        this.filters.only('state', word);
      } }, `${counts.get(word).toLocaleString('en')} ${word}`)));
  }

  async start() {
    this.show('videos');
    this.refind();
    performance.mark('list'); // from here on the videos are there to see
    if (!exported) await this.labels.load().catch((error) => this.say(error.message, true));
    this.follow();
  }

  title(id) {
    const row = this.table.rows.get(id);
    return row === undefined ? id : this.table.title(row);
  }

  describe(row) {
    const { table } = this;
    const reason = table.word('reason', row);
    const state = table.word('state', row);
    const why = state === 'kept'
      ? [table.word('split', row), counted(table.columns.clips[row], 'clip'), table.word('channel', row)].filter(Boolean).join(' · ')
      : [table.word('stage', row), reason, table.words[reason]].filter(Boolean).join(' · ');
    const id = table.columns.id[row];
    return { id, title: table.title(row), state, why, margin: table.columns.margin[row], label: shown(this.labels.word(id)) };
  }

  refind() {
    const rows = this.table.find(this.filters.query(), this.labels.words || new Map());
    this.list.set(rows);
    this.found.textContent = rows.length === this.table.count ? counted(rows.length, 'video')
      : `${rows.length.toLocaleString('en')} of ${counted(this.table.count, 'video')}`;
  }

  labelled() {
    if (this.filters.query().label) this.refind();
    else this.list.redraw();
    this.detail.bar.draw();
    this.labelPage.draw();
  }

  show(name) {
    if (name === 'thresholds' && !this.pages.thresholds.firstChild) this.pages.thresholds.append(this.makeThresholds());
    for (const [each, page] of Object.entries(this.pages)) page.hidden = each !== name;
    for (const tab of this.tabs.children) {
      if (tab.dataset.tab === name) tab.setAttribute('aria-current', 'page');
      else tab.removeAttribute('aria-current');
    }
    if (name !== 'videos') this.detail.player?.pause();
  }

  /** Opens a video that another page names. */
  go(id) {
    this.show('videos');
    const row = this.table.rows.get(id);
    if (row !== undefined && !this.list.rows.includes(row)) this.filters.reset();
    this.open(id);
    if (row !== undefined) this.list.select(row);
  }

  open(id, place = {}) {
    this.opened = id;
    this.told = null; // what the page wrote was of another video
    document.body.classList.add('opened');
    return this.detail.open(id, place);
  }

  back() {
    document.body.classList.remove('opened');
    this.detail.player?.pause();
    this.list.box.focus();
  }

  /** Goes where the address says, unless the page itself wrote it there. */
  async follow(hash = location.hash) {
    if (hash === this.told || hash.length < 2) return;
    const place = parsed(hash);
    if (place.tab in this.pages) this.show(place.tab);
    const id = place.video || (place.clip && this.videoOf(place.clip));
    if (!id) {
      if (place.clip) this.say(`There is no clip ${place.clip} in this dataset.`, true);
      return;
    }
    this.show('videos');
    const row = this.table.rows.get(id);
    await this.open(id, place);
    if (row !== undefined) this.list.select(row);
  }

  /** A clip is named after its video and where it begins. */
  videoOf(clip) {
    for (let end = clip.lastIndexOf('-'); end > 0; end = clip.lastIndexOf('-', end - 1)) {
      if (this.table.rows.has(clip.slice(0, end))) return clip.slice(0, end);
    }
    return null;
  }

  place(place) {
    if ((place.video || this.videoOf(place.clip)) !== this.opened) return; // told late, of the video before
    this.told = spelled(place);
    if (location.hash !== this.told) history.replaceState(null, '', this.told);
  }

  say(words, wrong = false) {
    this.status.textContent = words;
    this.status.classList.toggle('wrong', wrong);
    this.status.classList.add('said');
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.status.classList.remove('said'), wrong ? 8000 : 2500);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || this.help.open) return;
    const typing = event.target.closest?.('input:not([type=range]), select, textarea');
    if (typing) {
      if (event.key === 'Escape') typing.blur();
      return;
    }
    const kind = exported ? null : this.dataset.labels.find(({ key }) => key === event.key);
    if (event.key === '/') this.filters.text.focus();
    else if (event.key === '?') this.help.showModal();
    else if (event.key === ']' || event.key === '[') this.list.step(event.key === ']' ? 1 : -1);
    else if (kind && !this.pages.videos.hidden) this.detail.bar.give(kind.word);
    else if (event.key === 'n' && !exported) this.detail.bar.focusNote();
    else return;
    event.preventDefault();
  }
}

/** The token has done its work once the page is there: out of the address, so that it is in no screenshot or link. */
function hideToken() {
  const address = new URL(location.href);
  if (!address.searchParams.has('token')) return;
  address.searchParams.delete('token');
  history.replaceState(null, '', address);
}

hideToken();
try {
  const [dataset, videos] = await Promise.all([api.dataset(), api.videos()]);
  const app = new App(dataset, videos);
  await app.start();
} catch (error) {
  document.body.replaceChildren(element('main', {}, element('h1', {}, 'yt360 view'), element('p', { role: 'alert' }, error.message)));
}
