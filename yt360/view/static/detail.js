// One video: the player, its time line, its labels, and its way through the stages.

import { api } from './api.js';
import { clock, counted, element, number, outward } from './elements.js';
import { labelBar } from './labels.js';
import { TimeLine } from './timeline.js';

export class Detail {
  /** `onPlace(place)` hears of clip, video, time and direction; `onBack()` leads back to the list. */
  constructor(container, { labels, onPlace, onBack, say }) {
    this.labels = labels;
    this.onPlace = onPlace;
    this.say = say;
    this.facts = null;
    this.source = null; // {url, clip, at: where it begins in the video, length, segment}
    this.asked = 0;
    this.time = 0;
    this.view = {};
    this.layers = null;
    this.player = null;
    this.heading = element('h2', { tabindex: '-1' }, 'No video chosen');
    this.about = element('p', { class: 'soft about' });
    this.stage = element('div', { id: 'player' });
    this.sources = element('div', { class: 'sources', role: 'group', 'aria-label': 'What is played' });
    this.timeline = new TimeLine({ onSeek: (seconds) => this.seekVideo(seconds) });
    this.bar = labelBar(labels, () => ({ video: this.facts?.id, seconds: this.videoTime() }));
    this.steps = element('section', { class: 'steps', 'aria-label': 'What the filters said' });
    this.body = element('div', { class: 'body', hidden: true }, this.notes, this.stage, this.sources, this.timeline.node, this.bar.node, this.steps);
    this.notes = element('p', { class: 'soft notes' });
    this.empty = element('p', { class: 'soft' }, 'Choose one from the list.');
    this.node = element('section', { class: 'detail', 'aria-label': 'Video' },
      element('button', { type: 'button', class: 'quiet back', onclick: onBack }, '← all videos'),
      this.heading, this.about, this.empty, this.body);
    container.append(this.node);
  }

  /** Opens a video, at a clip of it or its first one; `place` is what a deep link says. */
  async open(id, place = {}) {
    const asked = (this.asked += 1);
    let facts;
    try {
      facts = await api.video(id);
    } catch (error) {
      if (asked === this.asked) this.fail(error.message);
      return;
    }
    if (asked !== this.asked) return;
    this.facts = facts;
    this.describe(facts);
    const wanted = facts.clips.find((clip) => clip.id === place.clip);
    if (place.clip && !wanted) this.say(`There is no clip ${place.clip} of this video.`, true);
    const whole = place.video && Number.isFinite(place.t) && facts.segments > 0;
    if (whole) await this.playWhole(place.t, place);
    else if (wanted || facts.clips.length) await this.playClip(wanted || facts.clips[0], place);
    else if (facts.segments > 0) await this.playWhole(place.t || facts.start_s, place);
    else this.playNothing();
  }

  fail(words) {
    this.facts = null;
    this.heading.textContent = 'This video cannot be shown';
    this.about.textContent = words;
    this.body.hidden = true;
    this.empty.hidden = true;
    this.player?.pause();
  }

  describe(facts) {
    const source = facts.source;
    this.empty.hidden = true;
    this.body.hidden = false;
    this.heading.replaceChildren(outward(source.url, source.title || facts.id));
    const words = [
      element('span', { class: `state ${facts.verdict}` }, facts.verdict), source.title ? facts.id : '', source.channel, source.license,
      facts.clips.length ? counted(facts.clips.length, 'clip') : 'no clips',
    ];
    this.about.replaceChildren(...words.filter(Boolean).flatMap((word, at) => (at ? [' · ', word] : [word])));
    this.notes.replaceChildren(...facts.notes.map((words) => element('span', {}, words)));
    this.timeline.set(facts.clips, facts.timelines, facts.end_s);
    this.sources.replaceChildren(
      ...facts.clips.map((clip) => element('button', {
        type: 'button', 'data-clip': clip.id, 'aria-pressed': 'false', title: clip.id, onclick: () => this.playClip(clip),
      }, `clip at ${clock(clip.start_s)}`)),
      facts.segments > 0 ? element('button', {
        type: 'button', 'data-whole': true, 'aria-pressed': 'false', onclick: () => this.playWhole(this.videoTime() || facts.start_s),
      }, 'whole video') : '');
    this.steps.replaceChildren(element('h3', {}, 'What the filters said'), ...facts.steps.map(step));
    this.bar.draw();
  }

  /** A clip that lies in no shard yet is a moment of the whole video. */
  playClip(clip, place = {}) {
    if (!clip.in_shard) {
      return this.facts.segments > 0 ? this.playWhole(clip.start_s + (place.t ?? 0), place) : this.playNothing();
    }
    return this.play({ url: api.clipUrl(clip.id), clip: clip.id, at: clip.start_s, length: clip.duration_s }, place.t ?? 0, place);
  }

  /** The segment of the whole video that holds a moment (seconds of the video). */
  playWhole(seconds, place = {}) {
    const { segments, segment_s: long } = this.facts;
    const segment = Math.min(segments - 1, Math.max(0, Math.floor(seconds / long)));
    const source = { url: api.segmentUrl(this.facts.id, segment), segment, at: segment * long, length: long };
    return this.play(source, seconds - source.at, place);
  }

  async play(source, seconds, place, playing = false) {
    this.source = source;
    this.time = seconds;
    this.mark();
    try {
      const player = await this.made();
      if (this.source !== source) return;
      await player.load(source.url);
      if (this.source !== source) return;
      if (Number.isFinite(place.az) || Number.isFinite(place.el) || Number.isFinite(place.fov)) {
        const view = { az_deg: place.az ?? this.view.az_deg, el_deg: place.el ?? this.view.el_deg, fov_deg: place.fov ?? this.view.fov_deg };
        player.setView(Object.fromEntries(Object.entries(view).filter(([, value]) => Number.isFinite(value))));
      }
      if (place.layers) player.setLayers((this.layers = place.layers));
      if (seconds > 0) player.seek(seconds);
      if (playing) player.play();
    } catch (error) {
      this.say(`This cannot be played: ${error.message}`, true);
    }
    this.timeline.show(this.videoTime());
    this.tell();
  }

  /** The player, which is made with the first clip. */
  async made() {
    if (!this.player) {
      const { createPlayer } = await import('./player.js');
      this.player ??= createPlayer(this.stage, {
        onTime: (seconds) => this.moved(seconds),
        onView: (view) => {
          this.view = view;
          this.tell();
        },
        onState: (state) => this.changed(state),
      });
    }
    return this.player;
  }

  playNothing() {
    this.source = null;
    this.player?.pause();
    this.stage.hidden = true;
    this.mark();
    this.tell();
  }

  moved(seconds) {
    this.time = seconds;
    this.timeline.show(this.videoTime());
    this.tell();
  }

  changed(state) {
    if (state.layers) this.layers = state.layers;
    const more = this.source?.segment !== undefined && this.source.segment + 1 < this.facts.segments;
    if (state.ended && more && this.followed !== this.source) this.playWholeOn();
    this.tell();
  }

  /** The next segment of the whole video, without a stop. */
  playWholeOn() {
    const { segment_s: long } = this.facts;
    const segment = this.source.segment + 1;
    this.followed = this.source; // once, though the player tells of its end several times
    this.play({ url: api.segmentUrl(this.facts.id, segment), segment, at: segment * long, length: long }, 0, {}, true);
  }

  videoTime() {
    return this.source ? this.source.at + this.time : 0;
  }

  seekVideo(seconds) {
    if (!this.facts) return;
    const within = (start, length) => seconds >= start && seconds < start + length;
    if (this.source && within(this.source.at, this.source.length)) {
      this.player?.seek(seconds - this.source.at);
      this.moved(seconds - this.source.at);
      return;
    }
    const clip = this.facts.clips.find((each) => within(each.start_s, each.duration_s));
    if (clip) this.playClip(clip, { t: seconds - clip.start_s });
    else if (this.facts.segments > 0) this.playWhole(seconds);
  }

  mark() {
    this.stage.hidden = !this.source;
    for (const button of this.sources.children) {
      const pressed = this.source && (button.dataset.clip ? button.dataset.clip === this.source.clip : this.source.segment !== undefined);
      button.setAttribute('aria-pressed', String(Boolean(pressed)));
    }
  }

  tell() {
    if (!this.facts) return;
    const clip = this.source?.clip;
    this.onPlace({
      ...(clip ? { clip } : { video: this.facts.id }),
      ...(this.source ? { t: clip ? this.time : this.videoTime() } : {}),
      az: this.view.az_deg, el: this.view.el_deg, fov: this.view.fov_deg, ...(this.layers ? { layers: this.layers } : {}),
    });
  }
}

function step(told) {
  const state = told.status === 'done' ? 'kept' : told.status;
  return element('details', { class: 'step', open: told.status !== 'done' || told.scores.length > 0 },
    element('summary', {}, element('span', { class: `state ${state}` }, state), ' ', element('strong', {}, told.stage),
      told.reason ? ` ${told.reason}` : '', told.meaning ? `: ${told.meaning}` : ''),
    told.detail ? element('p', {}, told.detail) : null,
    told.advice ? element('p', {}, `What to do: ${told.advice}.`) : null,
    told.summary ? element('p', { class: 'soft' }, told.summary) : null,
    told.scores.map(meter),
    Object.keys(told.measures).length
      ? element('details', { class: 'measures' }, element('summary', {}, 'all that was measured'),
        element('dl', {}, Object.entries(told.measures).map(([name, value]) =>
          [element('dt', {}, name), element('dd', {}, typeof value === 'number' ? number(value) : String(value))])))
      : null);
}

/** A score beside its threshold. */
function meter(score) {
  const beyond = score.drops_above ? score.value >= score.threshold : score.value < score.threshold;
  const bar = element('span', { class: 'bar', 'aria-hidden': 'true' }, element('span', { class: beyond ? 'fill beyond' : 'fill' }), element('span', { class: 'mark' }));
  bar.children[0].style.width = `${100 * Math.min(1, Math.max(0, score.value))}%`;
  bar.children[1].style.left = `${100 * Math.min(1, Math.max(0, score.threshold))}%`;
  return element('p', { class: 'meter', title: score.words },
    element('span', {}, `${score.name} ${number(score.value)}`), bar,
    element('span', { class: 'soft' }, `dropped ${score.drops_above ? 'above' : 'below'} ${number(score.threshold)}`));
}
