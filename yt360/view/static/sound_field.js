// First-order ambisonics (AmbiX: W Y Z X, SN3D) for two ears: turned with the head, then convolved with head-related
// impulse responses of the spherical harmonics. The same numbers as yt360/view/binaural.py. Works in any
// BaseAudioContext, so tests render it with an OfflineAudioContext.

import { readWav } from "./wav.js";

const HRIR_FILES = ["foa-wy.wav", "foa-zx.wav"];
const AXES = [1, 2, 0]; // channels Y, Z, X lie along y, z, x
const SMOOTH_S = 0.01;
const BEAM = [0.25, 0.75]; // hypercardioid: of all first-order microphones the one that hears least from elsewhere

/** The two HRIR files as [{rate_hz, channels}, …]. `base`: address of their folder. */
export async function fetchHrirs(base = new URL("./hrirs/", import.meta.url)) {
  return Promise.all(
    HRIR_FILES.map(async (name) => {
      const answer = await fetch(new URL(name, base));
      if (!answer.ok) throw new Error(`${name}: the server answers ${answer.status}`);
      return readWav(await answer.arrayBuffer());
    }),
  );
}

/** An AudioBuffer of four channels from {rate_hz, channels}; every sample is multiplied with `gain`. */
export function soundBuffer(context, { rate_hz, channels }, gain = 1) {
  if (channels.length !== 4) throw new Error(`expected the four channels W Y Z X, found ${channels.length}`);
  const buffer = context.createBuffer(4, Math.max(1, channels[0].length), rate_hz);
  channels.forEach((samples, number) => {
    const scaled = gain === 1 ? samples : samples.map((value) => value * gain);
    buffer.copyToChannel(scaled, number);
  });
  return buffer;
}

/** An impulse response at another rate: the same frequency response, up to the lower of both Nyquist frequencies. */
export function resampleTaps(taps, from_hz, to_hz) {
  if (from_hz === to_hz) return taps;
  const cut = Math.min(1, to_hz / from_hz);
  const reach = 48 / cut; // taps to each side
  const found = new Float32Array(Math.ceil((taps.length * to_hz) / from_hz));
  for (let n = 0; n < found.length; n++) {
    const centre = (n * from_hz) / to_hz;
    let sum = 0;
    for (let k = Math.max(0, Math.ceil(centre - reach)); k <= Math.min(taps.length - 1, centre + reach); k++) {
      const t = centre - k;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * t) / reach);
      const x = Math.PI * cut * t;
      sum += taps[k] * window * (x === 0 ? 1 : Math.sin(x) / x);
    }
    found[n] = (sum * cut * from_hz) / to_hz;
  }
  return found;
}

export class SoundField {
  /** `hrirs` as fetchHrirs gives them. Connect a source of four channels to `input`, and `output` to what is heard. */
  constructor(context, hrirs) {
    this.context = context;
    this.input = context.createChannelSplitter(4);
    this.output = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
    const turned = this.#rotator();
    this.#head = this.#ears(turned, hrirs);
    this.#beam = this.#towards(turned);
    this.#head.connect(this.output);
    this.#beam.connect(this.output);
    this.setListening("head", true);
    this.setRotation([1, 0, 0, 0, 1, 0, 0, 0, 1], true);
  }

  #head;
  #beam;
  #gains; // #gains[i][j]: what channel j gives to channel i, of Y, Z, X

  /** Turn the field by a world-to-view rotation (nine numbers, row by row). */
  setRotation(rotation, atOnce = false) {
    AXES.forEach((to, i) => AXES.forEach((from, j) => this.#set(this.#gains[i][j], rotation[3 * to + from], atOnce)));
  }

  /** "head": for two ears; "beam": only what the view looks at, the same in both ears. */
  setListening(mode, atOnce = false) {
    this.#set(this.#head, mode === "head" ? 1 : 0, atOnce);
    this.#set(this.#beam, mode === "beam" ? 1 : 0, atOnce);
  }

  setVolume(volume) {
    this.#set(this.output, volume, false);
  }

  #set(node, value, atOnce) {
    if (atOnce) node.gain.value = value;
    else node.gain.setTargetAtTime(value, this.context.currentTime, SMOOTH_S);
  }

  #mono(gain = 1) {
    return new GainNode(this.context, {
      gain,
      channelCount: 1,
      channelCountMode: "explicit",
      channelInterpretation: "discrete",
    });
  }

  #rotator() {
    const turned = [this.#mono(), this.#mono(), this.#mono(), this.#mono()];
    this.input.connect(turned[0], 0);
    this.#gains = AXES.map((_to, i) =>
      AXES.map((_from, j) => {
        const gain = this.#mono(0);
        this.input.connect(gain, j + 1);
        gain.connect(turned[i + 1]);
        return gain;
      }),
    );
    return turned;
  }

  #ears(turned, hrirs) {
    const { context } = this;
    const ears = context.createChannelMerger(2);
    const other = this.#mono(-1); // the head is symmetric: only Y changes its sign from ear to ear
    hrirs.forEach((pair, number) => {
      const both = context.createChannelMerger(2);
      turned[2 * number].connect(both, 0, 0);
      turned[2 * number + 1].connect(both, 0, 1);
      const taps = pair.channels.map((channel) => resampleTaps(channel, pair.rate_hz, context.sampleRate));
      const response = context.createBuffer(2, taps[0].length, context.sampleRate);
      taps.forEach((channel, ear) => response.copyToChannel(channel, ear));
      const filtered = new ConvolverNode(context, { disableNormalization: true, buffer: response });
      const apart = context.createChannelSplitter(2);
      both.connect(filtered).connect(apart);
      for (const part of [0, 1]) {
        apart.connect(ears, part, 0);
        if (number === 0 && part === 1) apart.connect(other, part).connect(ears, 0, 1);
        else apart.connect(ears, part, 1);
      }
    });
    const head = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
    ears.connect(head);
    return head;
  }

  #towards(turned) {
    const [omni, ahead] = [this.#mono(BEAM[0]), this.#mono(BEAM[1])];
    const beam = this.#mono();
    turned[0].connect(omni).connect(beam);
    turned[3].connect(ahead).connect(beam);
    return beam;
  }
}
