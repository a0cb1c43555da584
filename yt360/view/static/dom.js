// Small helpers for making elements. Text goes in as text, never as markup.

/** An element with properties (`class`, attributes, on… listeners) and children (elements or text). */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Set text only where it differs, so that nothing is announced or laid out in vain. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
