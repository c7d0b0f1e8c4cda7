// @ts-check
// Files of poses: OpenPose's JSON is read and written, COCO's keypoints are read. Written by pgjax keypoints too.

import { count, withNeck } from "./skeleton.js";

/** @import { Size } from "./placement.js" */
/** @import { Pose } from "./skeleton.js" */

/** @typedef {{pose: Pose, size: Size | null, people: number}} Read the person with the most joints */

const THRESHOLD = 0.1; // a joint is there whose confidence is larger, as in pgjax.keypoints
// By how many joints a file has, where those of the 18 stand in it; -1: not in it.
const ORDERS = new Map([
  [18, Array.from({ length: 18 }, (_, joint) => joint)],
  // OpenPose's BODY-25 has the middle of the hips at 8.
  [25, [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]],
  // COCO's 17: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, left before right.
  [17, [0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]],
]);

/** What a person can do something about; its message is shown. */
export class FileError extends Error {}

/**
 * Reads a file's text.
 * @param {string} text
 * @param {string} name of the file
 * @returns {Read}
 */
export function readPose(text, name) {
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    throw new FileError(`${name} is not JSON.`);
  }
  const frames = Array.isArray(content) ? content : [content];
  const sized = frames.find(isObject) ?? {};
  const poses = frames
    .flatMap((frame) => (isObject(frame) ? tables(frame) : []))
    .map((table) => posed(table, name))
    .filter((pose) => count(pose) > 0);
  const [best] = [...poses].sort((a, b) => count(b) - count(a));
  if (!best) {
    throw new FileError(
      `${name} holds no pose that this page reads: it reads OpenPose's JSON and COCO's keypoints. ` +
        "The command pgjax keypoints --format=openpose converts other formats.",
    );
  }
  if (best.every((point) => !point || (point.y < 2 && point.x < 2))) {
    throw new FileError(`${name} has shares of a photo's size; this page reads pixels.`);
  }
  const [height, width] = [sized["canvas_height"], sized["canvas_width"]];
  const size = isLength(height) && isLength(width) ? /** @type {Size} */ ([height, width]) : null;
  return { pose: best, size, people: poses.length };
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is number} */
const isLength = (value) => typeof value === "number" && value >= 1 && value < 1e6;

/** The lists of numbers that may be people. @param {Record<string, unknown>} frame @returns {unknown[]} */
function tables(frame) {
  const found = [frame["keypoints"], frame["pose_keypoints_2d"]];
  for (const key of ["people", "annotations"]) {
    const list = frame[key];
    if (Array.isArray(list)) found.push(...list.flatMap((one) => (isObject(one) ? tables(one) : [])));
  }
  return found.filter((table) => Array.isArray(table) && table.length > 0);
}

/** @param {unknown} table @param {string} name @returns {Pose} */
function posed(table, name) {
  const flat = /** @type {unknown[]} */ (table).flat();
  const order = ORDERS.get(flat.length / 3);
  if (!order) {
    throw new FileError(
      `${name}: a person has ${flat.length} numbers; expected x, y and confidence of 18, 25 or 17 joints.`,
    );
  }
  const numbers = flat.map((value) => (typeof value === "number" ? value : NaN));
  const pose = order.map((row) => {
    const [x, y, confidence] = numbers.slice(3 * row, 3 * row + 3);
    if (row < 0 || !(Number(confidence) > THRESHOLD)) return null;
    return Number.isFinite(x) && Number.isFinite(y) ? { y: Number(y), x: Number(x) } : null;
  });
  return order.includes(-1) ? withNeck(pose) : pose;
}

/**
 * OpenPose's JSON of one person.
 * @param {Pose} pose
 * @param {Size} size of the photo whose pixels the pose is in
 */
export function writePose(pose, [height, width]) {
  const table = pose.flatMap((point) => (point ? [point.x, point.y, 1] : [0, 0, 0]));
  const parts = ["face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d"];
  const empty = [...parts, ...["pose", "face", "hand_left", "hand_right"].map((p) => `${p}_keypoints_3d`)];
  const person = {
    person_id: [-1],
    pose_keypoints_2d: table,
    ...Object.fromEntries(empty.map((key) => [key, []])),
  };
  const frame = { version: 1.3, people: [person], canvas_height: height, canvas_width: width };
  return `${JSON.stringify(frame)}\n`;
}
