// Where the viewer looks: by mouse, finger, keys, wheel, or by turning the device.

import { DEG, anglesOf, turn, viewRotation, wrapDeg } from "./rotation.js";

const FOV_DEG = [30, 130];
const STEP_DEG = 5;

export class Look {
  /** `element`: what is dragged; `changed()` is called after each turn. */
  constructor(element, changed) {
    Object.assign(this, { element, changed, az_deg: 0, el_deg: 0, roll_deg: 0, fov_deg: 90 });
    this.#listen();
  }

  #fingers = new Map();
  #stopFollowing = null;

  get rotation() {
    return viewRotation(this.az_deg, this.el_deg, this.roll_deg);
  }

  get followsDevice() {
    return this.#stopFollowing !== null;
  }

  /** Angles in degrees; those that are not given stay. */
  set({ az_deg = this.az_deg, el_deg = this.el_deg, fov_deg = this.fov_deg, roll_deg = this.roll_deg }) {
    if (![az_deg, el_deg, fov_deg, roll_deg].every(Number.isFinite)) return;
    this.az_deg = wrapDeg(az_deg);
    this.el_deg = Math.min(Math.max(el_deg, -90), 90);
    this.fov_deg = Math.min(Math.max(fov_deg, FOV_DEG[0]), FOV_DEG[1]);
    this.roll_deg = wrapDeg(roll_deg);
    this.changed();
  }

  /** Turn by degrees: to the left, up. */
  turnBy(left_deg, up_deg) {
    this.set({ az_deg: this.az_deg + left_deg, el_deg: this.el_deg + up_deg });
  }

  zoomBy(factor) {
    this.set({ fov_deg: this.fov_deg * factor });
  }

  /** Handles a key that turns or zooms; says whether it was one. */
  key(event) {
    const step = event.shiftKey ? 3 * STEP_DEG : STEP_DEG;
    const actions = {
      ArrowLeft: () => this.turnBy(step, 0),
      ArrowRight: () => this.turnBy(-step, 0),
      ArrowUp: () => this.turnBy(0, step),
      ArrowDown: () => this.turnBy(0, -step),
      Home: () => this.set({ az_deg: 0, el_deg: 0, roll_deg: 0, fov_deg: 90 }),
      "+": () => this.zoomBy(1 / 1.1),
      "=": () => this.zoomBy(1 / 1.1),
      "-": () => this.zoomBy(1.1),
    };
    if (!Object.hasOwn(actions, event.key)) return false;
    actions[event.key]();
    return true;
  }

  #listen() {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      this.#fingers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    element.addEventListener("pointermove", (event) => this.#drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      element.addEventListener(name, (event) => this.#fingers.delete(event.pointerId));
    }
    element.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoomBy(Math.exp(Math.min(Math.max(event.deltaY, -200), 200) * 0.001));
      },
      { passive: false },
    );
  }

  #drag(event) {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.#fingers.size === 2) {
      const [other] = [...this.#fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const apart = (place) => Math.max(Math.hypot(place[0] - other[0], place[1] - other[1]), 1);
      this.zoomBy(apart(before) / apart(now));
    } else if (!this.followsDevice) {
      const degrees = this.fov_deg / Math.max(this.element.clientWidth, 1); // what is touched stays under the finger
      this.turnBy((now[0] - before[0]) * degrees, (now[1] - before[1]) * degrees);
    }
    this.#fingers.set(event.pointerId, now);
  }

  /** Follow the device's orientation, or stop. Throws an Error where that is refused. */
  async followDevice(follow) {
    this.#stopFollowing?.();
    this.#stopFollowing = null;
    if (!follow) {
      this.set({ roll_deg: 0 });
      return;
    }
    const asked = await globalThis.DeviceOrientationEvent?.requestPermission?.();
    if (asked && asked !== "granted") throw new Error("the browser does not tell this page how the device is turned");
    let offset_deg = null; // the device's own north is not the picture's front
    const told = (event) => {
      if (event.alpha === null) return;
      const angles = deviceAngles(event, globalThis.screen?.orientation?.angle ?? 0);
      offset_deg ??= this.az_deg - angles.az_deg;
      this.set({ ...angles, az_deg: angles.az_deg + offset_deg });
    };
    globalThis.addEventListener("deviceorientation", told);
    this.#stopFollowing = () => globalThis.removeEventListener("deviceorientation", told);
  }

  dispose() {
    this.#stopFollowing?.();
  }
}

/** Azimuth, elevation and roll of what lies behind a device's screen. Angles as W3C defines them: Rz(a) Rx(b) Ry(g). */
export function deviceAngles({ alpha, beta, gamma }, screen_deg) {
  const [a, b, g] = [alpha, beta, gamma].map((angle) => (angle ?? 0) * DEG);
  const [ca, sa, cb, sb, cg, sg] = [a, b, g].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
  const device = [
    ca * cg - sa * sb * sg, -sa * cb, ca * sg + sa * sb * cg,
    sa * cg + ca * sb * sg, ca * cb, sa * sg - ca * sb * cg,
    -cb * sg, sb, cb * cg,
  ]; // device to world: x right, y up along the screen, z out of it; in the world z is up
  const turned = screen_deg * DEG;
  const left = turn(device, [-Math.cos(turned), Math.sin(turned), 0]);
  return anglesOf(turn(device, [0, 0, -1]), left);
}
