// Directions and rotations, as yt360/sphere.py has them: x front, y left, z up; azimuth counter-clockwise from the
// front, elevation up. A rotation is nine numbers, row by row, and takes the world to the view: its rows are the
// view's front, left and up in the world.

export const DEG = Math.PI / 180;

/** Unit vector [x, y, z] of a direction in degrees. */
export function unitVector(azDeg, elDeg) {
  const az = azDeg * DEG;
  const el = elDeg * DEG;
  return [Math.cos(el) * Math.cos(az), Math.cos(el) * Math.sin(az), Math.sin(el)];
}

/** {az_deg, el_deg} of a vector of any length. */
export function directionOf([x, y, z]) {
  return { az_deg: Math.atan2(y, x) / DEG, el_deg: Math.atan2(z, Math.hypot(x, y)) / DEG };
}

/** World-to-view rotation of a look to (az, el); `rollDeg` lifts the left. */
export function viewRotation(azDeg, elDeg, rollDeg = 0) {
  const az = azDeg * DEG;
  const el = elDeg * DEG;
  const roll = rollDeg * DEG;
  const front = unitVector(azDeg, elDeg);
  const left = [-Math.sin(az), Math.cos(az), 0];
  const up = [-Math.sin(el) * Math.cos(az), -Math.sin(el) * Math.sin(az), Math.cos(el)];
  const [c, s] = [Math.cos(roll), Math.sin(roll)];
  return [
    ...front,
    ...left.map((value, axis) => c * value + s * up[axis]),
    ...up.map((value, axis) => c * value - s * left[axis]),
  ];
}

/** R v. */
export function turn(rotation, [x, y, z]) {
  const r = rotation;
  return [r[0] * x + r[1] * y + r[2] * z, r[3] * x + r[4] * y + r[5] * z, r[6] * x + r[7] * y + r[8] * z];
}

/** The transposed rotation applied: from the view back to the world. */
export function turnBack(rotation, [x, y, z]) {
  const r = rotation;
  return [r[0] * x + r[3] * y + r[6] * z, r[1] * x + r[4] * y + r[7] * z, r[2] * x + r[5] * y + r[8] * z];
}

/** Azimuth, elevation and roll in degrees of a view whose front, left and up are these vectors. */
export function anglesOf(front, left) {
  const { az_deg, el_deg } = directionOf(front);
  const level = viewRotation(az_deg, el_deg);
  const across = left[0] * level[3] + left[1] * level[4] + left[2] * level[5];
  const lifted = left[0] * level[6] + left[1] * level[7] + left[2] * level[8];
  return { az_deg, el_deg, roll_deg: Math.atan2(lifted, across) / DEG };
}

/** The same angle in [-180, 180). */
export function wrapDeg(angle) {
  return ((((angle + 180) % 360) + 360) % 360) - 180;
}

/** A direction for people, in the words of yt360.direction_words. */
export function directionWords(azDeg, elDeg) {
  const az = Math.round(azDeg);
  const el = Math.round(elDeg);
  if (az === 0 && el === 0) return "the front";
  const turned = Math.abs(az);
  const across = turned === 0 ? "straight ahead" : turned === 180 ? "behind" : `${turned}° ${az > 0 ? "left" : "right"}`;
  return el === 0 ? across : `${across}, ${Math.abs(el)}° ${el > 0 ? "up" : "down"}`;
}

/** Where a view's picture of `width` x `height` shows a direction of the world: [x, y] in pixels, or null behind it. */
export function project(rotation, fovDeg, width, height, vector) {
  const [front, left, up] = turn(rotation, vector);
  if (front <= 1e-3) return null;
  const scale = width / 2 / Math.tan((fovDeg / 2) * DEG);
  return [width / 2 - (left / front) * scale, height / 2 - (up / front) * scale];
}

/** The direction in the world of a place in a view's picture. */
export function unproject(rotation, fovDeg, width, height, x, y) {
  const scale = width / 2 / Math.tan((fovDeg / 2) * DEG);
  return turnBack(rotation, [1, (width / 2 - x) / scale, (height / 2 - y) / scale]);
}
