// Elements from data. Text from outside only ever becomes text nodes and checked attributes: markup in it is inert.

const SVG = 'http://www.w3.org/2000/svg';

/** An element: `element('p', {class: 'soft', hidden: true}, 'text', child)`. Functions become listeners (`onclick`). */
export function element(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

/** The same for a drawing. */
export function drawing(name, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, name), properties, children);
}

function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A link to where a video comes from, if that is an address of the web; else the words alone. */
export function outward(address, words) {
  if (!/^https?:\/\/\S+$/.test(address || '')) return document.createTextNode(words);
  return element('a', { href: address, rel: 'noopener noreferrer', target: '_blank' }, words);
}

/** Seconds as m:ss or h:mm:ss. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  const padded = (n) => String(n).padStart(2, '0');
  return hours ? `${hours}:${padded(parts[0])}:${padded(parts[1])}` : `${parts[0]}:${padded(parts[1])}`;
}

/** A number with as many digits as a person reads. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  return Math.abs(value) >= 100 || Number.isInteger(value) ? value.toLocaleString('en') : String(+value.toPrecision(3));
}

/** `1 video`, `2 videos`. */
export function counted(count, noun) {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** Runs a function once after the calls have paused. */
export function settled(run, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...values), milliseconds);
  };
}
