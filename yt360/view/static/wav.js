// Reads WAV by itself, so that no browser decides what four channels are.

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** {rate_hz, channels: [Float32Array, …]} of 16-bit or float WAV; throws an Error for anything else. */
export function readWav(bytes) {
  const view = new DataView(bytes);
  const word = (at) => String.fromCharCode(...new Uint8Array(bytes, at, 4));
  if (bytes.byteLength < 12 || word(0) !== "RIFF" || word(8) !== "WAVE") throw new Error("expected a WAV file");
  let format = null;
  for (let at = 12; at + 8 <= bytes.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (word(at) === "fmt ") {
      let kind = view.getUint16(start, true);
      if (kind === EXTENSIBLE) kind = view.getUint16(start + 24, true);
      format = { kind, count: view.getUint16(start + 2, true), rate: view.getUint32(start + 4, true) };
      format.bits = view.getUint16(start + 14, true);
    } else if (word(at) === "data" && format) {
      return samples(bytes, start, Math.min(size, bytes.byteLength - start), format);
    }
    at = start + size + (size % 2);
  }
  throw new Error("a WAV file without samples");
}

function samples(bytes, start, size, { kind, count, rate, bits }) {
  const known = (kind === PCM && bits === 16) || (kind === FLOAT && bits === 32);
  if (!known || count < 1 || rate < 1) throw new Error(`expected 16-bit or float WAV, found format ${kind}, ${bits} bits`);
  const length = Math.floor(size / (count * (bits / 8)));
  const view = new DataView(bytes, start, size);
  const channels = Array.from({ length: count }, () => new Float32Array(length));
  for (let n = 0, at = 0; n < length; n++) {
    for (let channel = 0; channel < count; channel++, at += bits / 8) {
      channels[channel][n] = kind === PCM ? view.getInt16(at, true) / 32767 : view.getFloat32(at, true);
    }
  }
  return { rate_hz: rate, channels };
}
