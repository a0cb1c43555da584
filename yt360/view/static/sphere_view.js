// The picture on the inside of a sphere, with the layers that cover it: the sound's energy and the panoptic map.
// Directions are worked out in each pixel, so neither the seam nor the poles depend on how the sphere is cut up.

import * as THREE from "./vendor/three.module.min.js";
import { DEG } from "./rotation.js";

const VERTEX = `
varying vec3 direction;
void main() {
  direction = position;
  gl_Position = projectionMatrix * viewMatrix * vec4(position, 1.0);
}`;

const FRAGMENT = `
precision highp float;
varying vec3 direction;
uniform sampler2D picture;
uniform sampler2D maps;
uniform sampler2D colours;
uniform mat4 products;
uniform float peak;
uniform float contrast;
uniform float opacity;
const float PI = 3.14159265358979;

void main() {
  vec3 d = normalize(direction);
  vec2 place = vec2(0.5 - atan(d.y, d.x) / (2.0 * PI), 0.5 - atan(d.z, length(d.xy)) / PI);
  vec3 seen = texture2D(picture, place).rgb;
#ifdef MAPPED
  vec4 segment = texture2D(maps, place);
  seen = mix(seen, segment.rgb, segment.a);
#endif
#ifdef HEATED
  vec4 gains = vec4(1.0, d.y, d.z, d.x);
  float power = max(dot(gains, products * gains) / 4.0, 0.0);
  float heat = pow(min(power / peak, 1.0), contrast);
  vec3 colour = texture2D(colours, vec2((floor(255.0 * heat + 0.5) + 0.5) / 256.0, 0.5)).rgb;
  seen = mix(seen, colour, opacity * heat);
#endif
  gl_FragColor = vec4(seen, 1.0);
}`;

const FINE = 4; // pixels that are drawn for each of the picture, along a line
const [LEAST, STEP, MOST] = [0.4, 0.1, 2]; // device pixels for each CSS pixel

export class SphereView {
  /** `canvas`: drawn on; `video`: the element whose frames are shown. Throws an Error where there is no WebGL. */
  constructor(canvas, video) {
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
    this.renderer.outputColorSpace = THREE.LinearSRGBColorSpace; // pixels pass as they are
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(90, 2, 0.1, 10);
    this.camera.matrixAutoUpdate = false;
    this.camera.userData.fov_deg = 90;
    this.size = [2, 1];
    this.picture = new THREE.VideoTexture(video);
    this.maps = dataTexture(new Uint8Array(4), 1, 1);
    this.colours = dataTexture(new Uint8Array(256 * 4), 256, 1);
    this.#prepare(this.picture, THREE.LinearFilter);
    this.#prepare(this.maps, THREE.NearestFilter);
    const uniforms = {
      picture: { value: this.picture },
      maps: { value: this.maps },
      colours: { value: this.colours },
      products: { value: new THREE.Matrix4() },
      peak: { value: 1 },
      contrast: { value: 1 },
      opacity: { value: 0 },
    };
    this.material = new THREE.ShaderMaterial({
      uniforms,
      defines: {},
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      side: THREE.BackSide,
      depthTest: false,
      depthWrite: false,
    });
    this.uniforms = uniforms;
    const sphere = new THREE.Mesh(new THREE.SphereGeometry(1, 32, 16), this.material);
    sphere.frustumCulled = false;
    this.scene.add(sphere);
  }

  #prepare(texture, filter) {
    texture.flipY = false; // row 0 of a picture is the top
    texture.colorSpace = THREE.NoColorSpace;
    texture.minFilter = texture.magFilter = filter;
    texture.generateMipmaps = false;
    texture.wrapS = THREE.RepeatWrapping; // over the seam
    texture.wrapT = THREE.ClampToEdgeWrapping;
  }

  /** Size on the page in CSS pixels. */
  setSize(width, height) {
    this.size = [width, height];
    this.camera.aspect = width / height;
    this.#ratio = null;
    this.#sharpen();
  }

  #ratio = null;

  /** As many pixels as the picture is worth: four to each of its own, which is cheap for small pictures. */
  #sharpen() {
    const columns = this.picture.image.videoWidth || 0;
    const wanted = (FINE * columns * this.camera.userData.fov_deg) / 360 / this.size[0];
    const steps = Math.ceil(Math.max(wanted, LEAST) / STEP) * STEP;
    const ratio = Math.min(steps, globalThis.devicePixelRatio || 1, MOST);
    if (ratio === this.#ratio) return;
    this.#ratio = ratio;
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(...this.size, false);
  }

  /** Look along a world-to-view rotation, `fovDeg` wide. */
  setView(rotation, fovDeg) {
    const [front, left, up] = [0, 1, 2].map((row) => rotation.slice(3 * row, 3 * row + 3));
    const columns = [left.map((v) => -v), up, front.map((v) => -v)]; // a camera of three.js looks along -z, y is up
    const m = columns.map((column) => [...column, 0]);
    this.camera.matrix.fromArray([...m[0], ...m[1], ...m[2], 0, 0, 0, 1]);
    this.camera.matrixWorldNeedsUpdate = true;
    this.camera.fov = (2 * Math.atan(Math.tan((fovDeg / 2) * DEG) / this.camera.aspect)) / DEG;
    this.camera.updateProjectionMatrix();
    this.camera.userData.fov_deg = fovDeg;
    this.#sharpen();
  }

  /** The colours of heat, 256 times [r, g, b]. */
  setColours(colours) {
    this.colours.image.data.set(colours.flatMap((colour) => [...colour, 255]));
    this.colours.needsUpdate = true;
  }

  /** The energy map of a moment: ten products of W Y Z X, its peak, contrast and opacity; null for none. */
  setEnergy(moment) {
    this.#cover("HEATED", moment !== null);
    if (moment === null) return;
    const [ww, wy, wz, wx, yy, yz, yx, zz, zx, xx] = moment.products;
    this.uniforms.products.value.set(ww, wy, wz, wx, wy, yy, yz, yx, wz, yz, zz, zx, wx, yx, zx, xx);
    this.uniforms.peak.value = moment.peak;
    this.uniforms.contrast.value = moment.contrast;
    this.uniforms.opacity.value = moment.opacity;
  }

  /** The panoptic map: {pixels, width, height} with RGBA of each pixel, A being how far it covers; null for none. */
  setMap(map) {
    this.#cover("MAPPED", map !== null);
    if (map === null || map === this.shownMap) return;
    this.shownMap = map;
    this.maps.dispose();
    this.maps = dataTexture(map.pixels, map.width, map.height);
    this.#prepare(this.maps, THREE.NearestFilter);
    this.maps.needsUpdate = true;
    this.uniforms.maps.value = this.maps;
  }

  /** Compile a layer in or out: what a branch skips still costs where there is no GPU. */
  #cover(name, on) {
    if (on === name in this.material.defines) return;
    if (on) this.material.defines[name] = "";
    else delete this.material.defines[name];
    this.material.needsUpdate = true;
  }

  /** The video has another frame (or another size). */
  pictureChanged() {
    this.picture.needsUpdate = true;
  }

  /** The video is another one, of another size perhaps. */
  pictureReplaced() {
    this.picture.dispose();
    this.picture.needsUpdate = true;
    this.#sharpen();
  }

  render() {
    this.renderer.render(this.scene, this.camera);
  }

  dispose() {
    for (const texture of [this.picture, this.maps, this.colours]) texture.dispose();
    this.material.dispose();
    this.renderer.dispose();
  }
}

function dataTexture(pixels, width, height) {
  const texture = new THREE.DataTexture(pixels, width, height, THREE.RGBAFormat, THREE.UnsignedByteType);
  texture.colorSpace = THREE.NoColorSpace;
  texture.needsUpdate = true;
  return texture;
}
