// What libraries for Web Audio give for one direction, as JSON. Called by test_web_audio_libraries.py:
//   node web_audio.js MODULES
// MODULES is a node_modules folder. The libraries build graphs of gains, splitters and mergers; this context holds such
// graphs and follows one sample through them, so that no browser is needed.
'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');

const modules = process.argv[2];
const load = (name) => require(path.join(modules, name));

const AZIMUTH_DEG = 60;
const ELEVATION_DEG = 20;

class AudioNode {
  constructor(kind) {
    this.kind = kind;
    this.gain = {value: 1};
    this.to = [];
  }
  connect(other, output = 0, input = 0) {
    this.to.push({other, output, input});
    return other;
  }
  disconnect() {
    this.to = [];
  }
}

const context = {
  createGain: () => new AudioNode('gain'),
  createChannelSplitter: () => new AudioNode('splitter'),
  createChannelMerger: () => new AudioNode('merger'),
};

// The channels that arrive at a merger when `channels` enter a node; paths that meet add up.
function follow(node, channels, merger, sums, input = 0) {
  if (node === merger) {
    sums[input] += channels[0];
    return sums;
  }
  const scaled = channels.map((value) => value * node.gain.value);
  for (const {other, output, input: into} of node.to) {
    follow(other, node.kind === 'splitter' ? [scaled[output]] : scaled, merger, sums, into);
  }
  return sums;
}

const found = {};
// Omnitone looks for Safari and says its version.
Object.defineProperty(global, 'navigator', {value: {userAgent: 'Chrome/130.0'}});
global.window ??= {console: {log() {}}};
const radians = (degrees) => degrees * Math.PI / 180;

// JSAmbisonics 0.4 takes gains and rotations from this library (ambi-monoEncoder.js, ambi-sceneRotator.js).
const harmonics = load('spherical-harmonic-transform');
found.jsambisonics = harmonics.computeRealSH(1, [[radians(AZIMUTH_DEG), radians(ELEVATION_DEG)]]).map((row) => row[0]);
found.jsambisonicsYaw = harmonics.getSHrotMtx(harmonics.yawPitchRoll2Rzyx(radians(30), 0, 0), 1);

// A script for pages: it exports nothing.
const script = fs.readFileSync(path.join(modules, 'omnitone/build/omnitone.js'), 'utf8');
const Omnitone = vm.runInThisContext(`${script};Omnitone`);
const through = (block, channels) => follow(block.input, channels, block.output, [0, 0, 0, 0]);
found.omnitoneFuma = through(Omnitone.createFOARouter(context, [0, 3, 1, 2]), [1, 2, 3, 4]);
const rotator = Omnitone.createFOARotator(context);
// A camera that turns left by 30 degrees, in the columns of three.js, inverted.
const c = Math.cos(radians(30)), s = Math.sin(radians(30));
rotator.setRotationMatrix3([c, 0, s, 0, 1, 0, -s, 0, c]);
found.omnitoneTurned = through(rotator, [1, s, 0, c]);

const {ResonanceAudio} = load('resonance-audio/build/resonance-audio.js');
const encoder = new ResonanceAudio.Encoder(context, {ambisonicOrder: 1, sourceWidth: 0});
encoder.setDirection(AZIMUTH_DEG, ELEVATION_DEG);
found.resonance = follow(encoder.input, [1], encoder._merger, [0, 0, 0, 0]);

console.log(JSON.stringify(found));
