// Deep links: `#clip=KEY&t=3.2&az=30&el=-10&fov=90&layers=energy,maps`, both ways. Angles in degrees, left and up positive.

const NUMBERS = { t: [0, 1e6, 2], az: [-180, 180, 1], el: [-90, 90, 1], fov: [10, 160, 1] };

/** What a hash says; what is not there or makes no sense is left out. */
export function parsed(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const found = {};
  for (const name of ['clip', 'video', 'tab']) if (given.get(name)) found[name] = given.get(name);
  for (const [name, [low, high]] of Object.entries(NUMBERS)) {
    const value = given.get(name)?.trim() ? Number(given.get(name)) : NaN;
    if (Number.isFinite(value)) found[name] = Math.min(high, Math.max(low, value));
  }
  if (given.has('layers')) found.layers = given.get('layers').split(',').filter((word) => /^[a-z]+$/.test(word));
  return found;
}

/** The hash for a place; the inverse of `parsed`. */
export function spelled(place) {
  const words = [];
  for (const name of ['tab', 'clip', 'video']) if (place[name]) words.push(`${name}=${encodeURIComponent(place[name])}`);
  for (const [name, [, , digits]] of Object.entries(NUMBERS)) {
    if (Number.isFinite(place[name])) words.push(`${name}=${+place[name].toFixed(digits)}`);
  }
  if (place.layers) words.push(`layers=${place.layers.join(',')}`);
  return `#${words.join('&')}`;
}
