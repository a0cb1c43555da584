// Where the data come from: the server of `yt360 view`, or the files of an exported folder. Addresses are relative.

const base = document.querySelector('meta[name="yt360-data"]').content;

/** Whether this page lies in an exported folder: nothing can be labelled or decided there. */
export const exported = base !== 'api';

const suffix = exported ? '.json' : '';

async function read(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: 'same-origin', ...options });
  } catch {
    throw new Error(exported ? `${path} cannot be read.` : 'The server does not answer. Is `yt360 view` still running?');
  }
  if (answer.ok) return answer.json();
  const text = await answer.text();
  let told = text;
  try {
    told = JSON.parse(text).error;
  } catch {
    // Not of our server: a proxy, or a server that was replaced by another one.
  }
  throw new Error(told || `${path}: ${answer.status}`);
}

const name = (id) => encodeURIComponent(id);

export const api = {
  dataset: () => read(`${base}/dataset${suffix}`),
  videos: () => read(`${base}/videos${suffix}`),
  video: (id) => read(`${base}/videos/${name(id)}${suffix}`),
  labels: () => read(`${base}/labels${suffix}`),
  label: (value) =>
    read(`${base}/labels`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(value),
    }),
  redecide: (stage, values, signal) =>
    read(`${base}/redecide?${new URLSearchParams({ stage, ...values })}`, { signal }),
  clipUrl: (key) => `${base}/clips/${name(key)}`,
  segmentUrl: (id, number) => `${base}/videos/${name(id)}/segments/${number}`,
};
