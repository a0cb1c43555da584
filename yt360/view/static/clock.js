// Picture and sound of a recording in step. The sound is the master: what it plays cannot be hurried without being
// heard. The picture is started first, the sound joins the frame that is being shown, and from then on each frame that
// appears is compared with the sound that is heard at that instant, and the picture's speed follows.

const LEAD_S = 0.03; // from scheduling the sound to its first sample
const FADE_S = 0.008;
const NEAR = 0.3; // of a frame: closer than this the picture runs at its own speed
const FAR_S = 0.2; // farther than this the picture jumps instead
const MOST_SPEED = 0.12;
const PATIENCE_MS = 1000;
const INSIDE_S = 1e-3; // a time is looked up this far inside of its frame

export class SyncedPlayback {
  /**
   * `video`: a muted video element; `context`: an AudioContext; `destination`: where the sound goes.
   * `changed()` is called when playing begins or ends, `shown(mediaTime_s)` when a frame has appeared.
   */
  constructor({ video, context, destination, changed = () => {}, shown = () => {} }) {
    Object.assign(this, { video, context, destination, changed, shown });
    this.buffer = null;
    this.fps = 30;
    this.duration_s = 0;
    this.loop = false;
    this.playing = false;
    this.ended = false;
    this.drifts_s = []; // of the last frames: picture minus sound
    this.#watchFrames();
  }

  #position_s = 0;
  #source = null;
  #fade = null;
  #anchor = null; // {context_s, clip_s} of the sound that plays
  #turn = 0; // counts plays, pauses and seeks, so that what one of them began does not go on after another
  #onFrame = null;
  #late_s = 0;

  /** What plays: an AudioBuffer (or null: picture alone), frames a second, and seconds in common. */
  setRecording({ buffer, fps, duration_s }) {
    this.#halt();
    Object.assign(this, { buffer, fps, duration_s, ended: false });
    this.#position_s = 0;
  }

  /** Seconds into the recording that are heard (or, in a pause, shown) now. */
  get time_s() {
    const now = this.playing && this.#anchor ? this.#heardAt(performance.now()) : this.#position_s;
    return Math.min(Math.max(now, 0), this.duration_s);
  }

  async play() {
    if (this.playing) return;
    const turn = ++this.#turn;
    this.playing = true;
    if (this.ended || this.#position_s >= this.duration_s - INSIDE_S) this.#position_s = 0;
    this.ended = false;
    this.changed();
    await this.#begin(turn);
  }

  pause() {
    if (!this.playing) return;
    const time_s = this.time_s;
    this.#turn++;
    this.#halt();
    this.#position_s = time_s;
    this.changed();
    this.#show(time_s);
  }

  /** Go to a time; playing goes on from there. Resolves when its frame is there. */
  async seek(time_s) {
    const turn = ++this.#turn;
    const playing = this.playing;
    this.#halt();
    this.ended = false;
    this.#position_s = Math.min(Math.max(Number.isFinite(time_s) ? time_s : 0, 0), this.duration_s);
    this.playing = playing;
    if (playing) await this.#begin(turn);
    else await this.#show(this.#position_s);
  }

  dispose() {
    this.#turn++;
    this.#halt();
    this.disposed = true;
  }

  async #begin(turn) {
    const { video, context } = this;
    await Promise.all([context.resume(), this.#show(this.#position_s)]);
    if (turn !== this.#turn) return;
    const first = this.#frameAfter(this.#position_s);
    video.playbackRate = 1;
    try {
      await video.play();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#halt();
      this.changed();
      if (error.name !== "AbortError") throw error;
      return;
    }
    const frame = await first;
    if (turn !== this.#turn) return;
    const shown_s = frame ? frame.media_s : video.currentTime;
    const shown_ms = frame ? frame.at_ms : performance.now();
    const context_s = context.currentTime + LEAD_S;
    const clip_s = shown_s + (this.#heardMs(context_s) - shown_ms) / 1000;
    this.#anchor = { context_s, clip_s };
    this.#startSound(context_s, clip_s);
  }

  #startSound(context_s, clip_s) {
    if (!this.buffer || clip_s >= this.buffer.duration) return;
    const { context } = this;
    this.#fade = new GainNode(context, { gain: 0, channelCountMode: "max", channelInterpretation: "discrete" });
    this.#fade.gain.setValueAtTime(0, context_s);
    this.#fade.gain.linearRampToValueAtTime(1, context_s + FADE_S);
    this.#source = new AudioBufferSourceNode(context, { buffer: this.buffer });
    this.#source.connect(this.#fade).connect(this.destination);
    this.#source.start(context_s, Math.max(0, clip_s));
  }

  #halt() {
    this.playing = false;
    this.video.pause();
    this.video.playbackRate = 1;
    this.drifts_s = [];
    this.#late_s = 0;
    this.#anchor = null;
    if (this.#source) {
      const { currentTime } = this.context;
      this.#fade.gain.cancelScheduledValues(currentTime);
      this.#fade.gain.setTargetAtTime(0, currentTime, FADE_S / 3);
      this.#source.stop(currentTime + 2 * FADE_S);
      this.#source = this.#fade = null;
    }
  }

  /** Brings the frame of a time onto the video element. */
  async #show(time_s) {
    const { video } = this;
    const last_s = Math.max(0, (video.duration || this.duration_s) - INSIDE_S);
    const wanted_s = Math.min(time_s + INSIDE_S, last_s);
    if (Math.abs(video.currentTime - wanted_s) < 1e-6 && !video.seeking) return;
    await new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        video.removeEventListener("seeked", done);
        resolve();
      };
      const timer = setTimeout(done, PATIENCE_MS);
      video.addEventListener("seeked", done);
      video.currentTime = wanted_s;
    });
  }

  /** The first frame that shows the picture to be running; null where none appears, as on a hidden page. */
  #frameAfter(time_s) {
    return new Promise((resolve) => {
      const told = (frame) => {
        clearTimeout(timer);
        this.#onFrame = null;
        resolve(frame);
      };
      const timer = setTimeout(told, PATIENCE_MS, null);
      this.#onFrame = (frame) => frame.media_s > time_s + INSIDE_S && told(frame);
    });
  }

  #watchFrames() {
    const watch = (_now, { mediaTime, expectedDisplayTime }) => {
      if (this.disposed) return;
      this.video.requestVideoFrameCallback(watch);
      const frame = { media_s: mediaTime, at_ms: expectedDisplayTime };
      this.shown(mediaTime);
      if (this.#onFrame) this.#onFrame(frame);
      else if (this.#anchor) this.#steer(frame);
    };
    this.video.requestVideoFrameCallback(watch);
  }

  #steer({ media_s, at_ms }) {
    const { video } = this;
    const drift_s = media_s - this.#heardAt(at_ms);
    this.drifts_s.push(drift_s);
    if (this.drifts_s.length > 120) this.drifts_s.shift();
    if (video.seeking) return;
    this.#late_s = this.drifts_s.length === 1 ? drift_s : this.#late_s + 0.3 * (drift_s - this.#late_s);
    if (Math.abs(drift_s) > FAR_S) {
      video.playbackRate = 1;
      video.currentTime = Math.min(this.#heardAt(performance.now()) + 0.05, this.duration_s);
      this.#late_s = 0;
    } else if (Math.abs(this.#late_s) > NEAR / this.fps) {
      video.playbackRate = 1 - Math.max(-MOST_SPEED, Math.min(MOST_SPEED, 2 * this.#late_s));
    } else {
      video.playbackRate = 1;
    }
  }

  /** To be called often: notices the end. */
  tick() {
    if (!this.playing || !this.#anchor) return;
    if (this.#heardAt(performance.now()) < this.duration_s) return;
    if (this.loop) {
      this.seek(0);
      return;
    }
    this.#turn++;
    this.#halt();
    this.#position_s = this.duration_s;
    this.ended = true;
    this.changed();
  }

  #heardAt(ms) {
    return this.#anchor.clip_s + (this.#contextAt(ms) - this.#anchor.context_s);
  }

  /** The context's time whose sound leaves the loudspeaker at an instant of performance.now(). */
  #contextAt(ms) {
    const { contextTime, performanceTime } = this.#output();
    return contextTime + (ms - performanceTime) / 1000;
  }

  #heardMs(context_s) {
    const { contextTime, performanceTime } = this.#output();
    return performanceTime + (context_s - contextTime) * 1000;
  }

  #output() {
    const { context } = this;
    const stamp = context.getOutputTimestamp?.();
    const known = stamp && stamp.performanceTime > 0 && performance.now() - stamp.performanceTime < 500;
    if (known) return stamp;
    const latency_s = context.outputLatency || context.baseLatency || 0;
    return { contextTime: context.currentTime - latency_s, performanceTime: performance.now() };
  }
}
