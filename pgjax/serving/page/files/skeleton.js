// @ts-check
// Poses: what hangs on what, limbs that keep their lengths, and another person's limb lengths.

/** @import { Point, Size } from "./placement.js" */

/**
 * Joints in the order of pgjax.pose.skeleton.JOINTS, null where missing; never changed, only replaced.
 * @typedef {readonly (Point | null)[]} Pose
 */

/**
 * What pgjax knows of skeletons, by joints' numbers (pgjax.pose.skeleton, pgjax.keypoints.limbs).
 * @typedef {object} Skeleton
 * @property {string[]} joints
 * @property {[number, number][]} tree limbs from the neck outward, parents first
 * @property {[number, number][][]} groups limbs that have one length together
 * @property {number[]} torso
 * @property {number[]} face
 * @property {number} most how far a group's ratio may lie from the whole body's
 */

const NOSE = 0;
const NECK = 1;
const SHOULDERS = /** @type {[number, number]} */ ([2, 5]);

/** @param {Point} a @param {Point} b */
export const distance = (a, b) => Math.hypot(a.y - b.y, a.x - b.x);

/** To a thousandth of a pixel, as files of poses have it. @param {Point} point @returns {Point} */
export const fine = ({ y, x }) => ({ y: Math.round(1000 * y) / 1000, x: Math.round(1000 * x) / 1000 });

/** @param {Pose} pose @param {(point: Point) => Point} move @returns {Pose} */
export const moved = (pose, move) => pose.map((point) => point && fine(move(point)));

/** @param {Pose} pose */
export const count = (pose) => pose.filter(Boolean).length;

/** @param {Pose} pose @param {number} joint @param {Point | null} point @returns {Pose} */
export const replaced = (pose, joint, point) =>
  pose.map((old, index) => (index === joint ? point && fine(point) : old));

/** Without the joints that lie on no pixel. @param {Pose} pose @param {Size} size @returns {Pose} */
export const inside = (pose, [height, width]) =>
  pose.map((p) =>
    p && p.y >= -0.5 && p.y < height - 0.5 && p.x >= -0.5 && p.x < width - 0.5 ? p : null,
  );

/** The nearest point on a picture's pixels. @param {Point} point @param {Size} size @returns {Point} */
export const within = ({ y, x }, [height, width]) => ({
  y: Math.min(Math.max(y, 0), height - 1),
  x: Math.min(Math.max(x, 0), width - 1),
});

/** @param {Skeleton} skeleton @returns {Map<number, number>} */
const parents = ({ tree }) => new Map(tree.map(([above, below]) => [below, above]));

/**
 * The nearest joint above that is there.
 * @param {Skeleton} skeleton
 * @param {Pose} pose
 * @param {number} joint
 * @returns {Point | null}
 */
export function above(skeleton, pose, joint) {
  const parent = parents(skeleton);
  for (let at = parent.get(joint); at !== undefined; at = parent.get(at)) {
    const point = pose[at];
    if (point) return point;
  }
  return null;
}

/**
 * A pose of which a joint was moved to a point. With `keep` the limb above it keeps its length, and what
 * hangs on the joint comes along.
 * @param {Skeleton} skeleton
 * @param {Pose} pose
 * @param {number} joint
 * @param {Point} to
 * @param {boolean} keep
 * @returns {Pose}
 */
export function dragged(skeleton, pose, joint, to, keep) {
  const from = pose[joint];
  if (!keep || !from) return replaced(pose, joint, to);
  const root = above(skeleton, pose, joint);
  let end = to;
  if (root) {
    const length = distance(from, root);
    const far = distance(to, root);
    if (far === 0) return pose;
    const share = length / far;
    end = { y: root.y + share * (to.y - root.y), x: root.x + share * (to.x - root.x) };
  }
  const hanging = new Set([joint]);
  for (const [above, below] of skeleton.tree) if (hanging.has(above)) hanging.add(below);
  const [dy, dx] = [end.y - from.y, end.x - from.x];
  return pose.map((p, index) =>
    p && hanging.has(index) ? fine({ y: p.y + dy, x: p.x + dx }) : p,
  );
}

/** @param {Pose} pose @param {[number, number][]} limbs */
function longest(pose, limbs) {
  const lengths = limbs.map(([a, b]) => {
    const [start, end] = [pose[a], pose[b]];
    return start && end ? distance(start, end) : 0;
  });
  return Math.max(0, ...lengths);
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = /** @type {number} */ (sorted[half]);
  return sorted.length % 2 ? upper : (upper + /** @type {number} */ (sorted[half - 1])) / 2;
}

/**
 * By group the ratio of a person's limb length to a pose's, and that of the whole body.
 * @param {Skeleton} skeleton
 * @param {Pose} person
 * @param {Pose} pose
 */
function ratios(skeleton, person, pose) {
  const found = skeleton.groups.map((limbs) => {
    const [wanted, given] = [longest(person, limbs), longest(pose, limbs)];
    return wanted > 0 && given > 0 ? wanted / given : null;
  });
  const known = found.filter((ratio) => ratio !== null);
  return { found, whole: known.length ? median(known) : 1 };
}

/** @param {Skeleton} skeleton @param {Pose} pose @returns {Point} */
function centre(skeleton, pose) {
  const torso = skeleton.torso.map((joint) => pose[joint]).filter((point) => !!point);
  const points = torso.length ? torso : pose.filter((point) => !!point);
  const sum = points.reduce((a, b) => ({ y: a.y + b.y, x: a.x + b.x }), { y: 0, x: 0 });
  return { y: sum.y / points.length, x: sum.x / points.length };
}

/**
 * A pose in a person's place and size, its proportions as they are.
 * @param {Skeleton} skeleton
 * @param {Pose} person
 * @param {Pose} pose
 * @returns {Pose}
 */
export function overPerson(skeleton, person, pose) {
  const { whole } = ratios(skeleton, person, pose);
  const [here, there] = [centre(skeleton, pose), centre(skeleton, person)];
  return moved(pose, ({ y, x }) => ({
    y: there.y + whole * (y - here.y),
    x: there.x + whole * (x - here.x),
  }));
}

/**
 * A pose with a person's limb lengths, as pgjax.keypoints.limbs.refit gives it for one target.
 * @param {Skeleton} skeleton
 * @param {Pose} person
 * @param {Pose} pose
 * @returns {Pose}
 */
export function refitted(skeleton, person, pose) {
  const first = pose.findIndex(Boolean);
  if (first < 0) return pose;
  const { found, whole } = ratios(skeleton, person, pose);
  const scale = new Array(pose.length).fill(whole);
  skeleton.groups.forEach((limbs, group) => {
    const ratio = found[group];
    if (ratio == null) return;
    const held = Math.min(Math.max(ratio, whole / skeleton.most), whole * skeleton.most);
    for (const [, end] of limbs) scale[end] = held;
  });
  for (const joint of skeleton.face) scale[joint] = scale[NOSE];
  const root = pose[NECK] ? NECK : first;
  const parent = parents(skeleton);
  const points = pose.slice();
  for (const [, joint] of skeleton.tree) {
    const old = pose[joint];
    if (!old || joint === root) continue;
    let top = parent.get(joint);
    while (top !== undefined && !pose[top]) top = parent.get(top);
    const from = top === undefined ? root : top;
    const [before, now] = [pose[from], points[from]];
    if (!before || !now) continue;
    const ratio = scale[joint];
    points[joint] = { y: now.y + ratio * (old.y - before.y), x: now.x + ratio * (old.x - before.x) };
  }
  const [here, there] = [centre(skeleton, points), centre(skeleton, pose)];
  return moved(points, ({ y, x }) => ({ y: y + there.y - here.y, x: x + there.x - here.x }));
}

/**
 * A good place for a joint that is missing: where another pose has it, from the joint above it.
 * @param {Skeleton} skeleton
 * @param {Pose} pose
 * @param {number} joint
 * @param {Pose} other
 * @returns {Point}
 */
export function guessed(skeleton, pose, joint, other) {
  const like = count(pose) ? overPerson(skeleton, pose, other) : other;
  return like[joint] ?? above(skeleton, pose, joint) ?? { y: 0, x: 0 };
}

/** With the neck in the middle of the shoulders, where only these are there. @param {Pose} pose @returns {Pose} */
export function withNeck(pose) {
  const [right, left] = [pose[SHOULDERS[0]], pose[SHOULDERS[1]]];
  if (pose[NECK] || !right || !left) return pose;
  return replaced(pose, NECK, { y: (right.y + left.y) / 2, x: (right.x + left.x) / 2 });
}
