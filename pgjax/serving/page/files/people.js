// @ts-check
// The most prominent person in the maps of the estimator's network, as pgjax.frozen.estimators finds it.

import { rounded } from "./placement.js";

/** @import { Point, Size } from "./placement.js" */
/** @import { Pose } from "./skeleton.js" */

/**
 * What the network gives for a photo, an eighth of its size: each row after row, pixel after pixel.
 * @typedef {object} Maps
 * @property {number} height
 * @property {number} width
 * @property {Float32Array} joints (height, width, 18): about 1 where a joint is
 * @property {Float32Array} fields (height, width, limbs, 2): along a limb its direction y, x
 */

/**
 * What the page is told of the estimator (pgjax.frozen.estimators.openpose and .people).
 * @typedef {object} Estimator
 * @property {string} file
 * @property {[number, number][]} limbs that have a field
 * @property {number} tree how many of the limbs, the first ones, begin a person
 * @property {number} stride pixels of the photo to one of the maps
 * @property {{height: number, widest: number, enlarged: number, multiple: number}} sizes
 * @property {number} threshold
 * @property {number} most candidates of a joint
 * @property {number} samples along a limb
 * @property {number} along that a field points along a limb, at
 * @property {number} share of the samples
 * @property {number} fewest joints of a person
 * @property {number} rival share of the fullest person's confidence
 */

/** @typedef {Point & {score: number}} Candidate */
/** Of each joint the number of its candidate, -1 where there is none. @typedef {number[]} Person */

/**
 * The size at which the network sees a photo.
 * @param {Estimator} estimator
 * @param {Size} size
 * @returns {Size}
 */
export function networkSize({ sizes }, [height, width]) {
  const scale = Math.min(sizes.height / height, sizes.widest / width, sizes.enlarged);
  const side = (/** @type {number} */ pixels) =>
    Math.max(1, rounded((scale * pixels) / sizes.multiple)) * sizes.multiple;
  return [side(height), side(width)];
}

/**
 * The most prominent person's joints, in pixels of the photo that the network has seen.
 * @param {Estimator} estimator
 * @param {Maps} maps
 * @param {number} joints how many there are
 * @returns {Pose}
 */
export function found(estimator, maps, joints) {
  const candidates = Array.from({ length: joints }, (_, joint) => peaks(estimator, maps, joint, joints));
  const people = grouped(estimator, maps, candidates);
  const all = byProminence(estimator, candidates, people);
  const person = all[0]?.slice() ?? new Array(joints).fill(-1);
  // What is nobody's is the person's: limbs of small people are often too faint to be matched.
  candidates.forEach((of, joint) => {
    if (person[joint] < 0) person[joint] = of.findIndex((_, n) => all.every((p) => p[joint] !== n));
  });
  const { stride } = estimator;
  return candidates.map((of, joint) => {
    const one = of[person[joint]];
    return one ? { y: (one.y + 0.5) * stride - 0.5, x: (one.x + 0.5) * stride - 0.5 } : null;
  });
}

/**
 * The highest local maxima of a joint's map, the highest first, between its pixels.
 * @param {Estimator} estimator
 * @param {Maps} maps
 * @param {number} joint
 * @param {number} joints
 * @returns {Candidate[]}
 */
function peaks({ threshold, most }, { height, width, joints: maps }, joint, joints) {
  const clamped = (/** @type {number} */ n, /** @type {number} */ size) => Math.min(Math.max(n, 0), size - 1);
  const at = (/** @type {number} */ y, /** @type {number} */ x) =>
    /** @type {number} */ (maps[(clamped(y, height) * width + clamped(x, width)) * joints + joint]);
  const made = [];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const score = at(y, x);
      if (score <= threshold) continue;
      const around = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => at(y + dy, x + dx)));
      if (around.some((other) => other > score)) continue;
      made.push({
        y: y + summit(at(y - 1, x), score, at(y + 1, x)),
        x: x + summit(at(y, x - 1), score, at(y, x + 1)),
        score,
      });
    }
  }
  return made.sort((a, b) => b.score - a.score).slice(0, most);
}

/**
 * Where the parabola through three neighbours is highest, from the middle one.
 * @param {number} before
 * @param {number} top
 * @param {number} after
 */
function summit(before, top, after) {
  const curve = 2 * top - before - after;
  return curve > 1e-6 ? Math.min(Math.max((after - before) / (2 * curve), -0.5), 0.5) : 0;
}

/**
 * How well two candidates of a limb belong together, 0 where not at all.
 * @param {Estimator} estimator
 * @param {Maps} maps
 * @param {number} limb
 * @param {Point} start
 * @param {Point} end
 */
function together({ limbs, samples, along, share }, { height, width, fields }, limb, start, end) {
  const [dy, dx] = [end.y - start.y, end.x - start.x];
  const length = Math.max(Math.hypot(dy, dx), 1e-6);
  const values = Array.from({ length: samples }, (_, n) => {
    const part = n / (samples - 1);
    const y = Math.min(Math.max(rounded(start.y + part * dy), 0), height - 1);
    const x = Math.min(Math.max(rounded(start.x + part * dx), 0), width - 1);
    const place = ((y * width + x) * limbs.length + limb) * 2;
    const [down, right] = fields.subarray(place, place + 2);
    return (Number(down) * dy + Number(right) * dx) / length;
  });
  const fits = values.filter((value) => value > along).length / samples >= share;
  return fits ? values.reduce((sum, value) => sum + value, 0) / samples : 0;
}

/**
 * Pairs of candidates by falling value, none twice.
 * @param {Estimator} estimator
 * @param {Maps} maps
 * @param {number} limb
 * @param {Candidate[]} starts
 * @param {Candidate[]} ends
 * @returns {[number, number][]}
 */
function matched(estimator, maps, limb, starts, ends) {
  const all = starts.flatMap((start, i) =>
    ends.map((end, j) => ({ i, j, value: together(estimator, maps, limb, start, end) })),
  );
  const pairs = /** @type {[number, number][]} */ ([]);
  for (const { i, j, value } of all.sort((a, b) => b.value - a.value)) {
    if (value > 0 && pairs.every(([a, b]) => a !== i && b !== j)) pairs.push([i, j]);
  }
  return pairs;
}

/**
 * The people: limb by limb the best pairs, and pairs that share a candidate are one person.
 * @param {Estimator} estimator
 * @param {Maps} maps
 * @param {Candidate[][]} candidates
 * @returns {Person[]}
 */
function grouped(estimator, maps, candidates) {
  /** @type {Person[]} */
  const people = [];
  estimator.limbs.forEach(([a, b], limb) => {
    const [starts, ends] = [candidates[a] ?? [], candidates[b] ?? []];
    for (const [i, j] of matched(estimator, maps, limb, starts, ends)) {
      const [one, other] = people.filter((person) => person[a] === i || person[b] === j);
      if (!one) {
        if (limb >= estimator.tree) continue;
        const person = new Array(candidates.length).fill(-1);
        [person[a], person[b]] = [i, j];
        people.push(person);
      } else if (!other) {
        if (/** @type {number} */ (one[a]) < 0) one[a] = i;
        if (/** @type {number} */ (one[b]) < 0) one[b] = j;
      } else if (one.every((n, joint) => n < 0 || /** @type {number} */ (other[joint]) < 0)) {
        other.forEach((n, joint) => (one[joint] = Math.max(/** @type {number} */ (one[joint]), n)));
        people.splice(people.indexOf(other), 1);
      }
    }
  });
  return people.filter((person) => person.filter((n) => n >= 0).length >= estimator.fewest);
}

/**
 * The fullest person and its rivals first; of them, who takes most room.
 * @param {Estimator} estimator
 * @param {Candidate[][]} candidates
 * @param {Person[]} people
 * @returns {Person[]}
 */
function byProminence(estimator, candidates, people) {
  const ranked = people.map((person) => {
    const points = person.flatMap((n, joint) => candidates[joint]?.[n] ?? []);
    const full = points.reduce((sum, { score }) => sum + score, 0);
    const side = (/** @type {number[]} */ values) =>
      (Math.max(...values) - Math.min(...values)) * estimator.stride + 1;
    return { person, full, room: side(points.map((p) => p.y)) * side(points.map((p) => p.x)) };
  });
  const fullest = Math.max(0, ...ranked.map(({ full }) => full));
  const rank = (/** @type {{full: number, room: number}} */ { full, room }) =>
    full >= estimator.rival * fullest ? [1, room, full] : [0, 0, full];
  return ranked
    .sort((a, b) => {
      const [before, after] = [rank(a), rank(b)];
      const place = before.findIndex((value, n) => value !== after[n]);
      return place < 0 ? 0 : Number(after[place]) - Number(before[place]);
    })
    .map(({ person }) => person);
}
