// @ts-check
// Lists of buttons: poses to choose, and missing joints to place.

import { words } from "./elements.js";
import { limb, shape } from "./shapes.js";

/** @import { Pose, Skeleton } from "./skeleton.js" */

/**
 * A pose of the list: of each joint y, x in heights of a picture, from its top and its middle.
 * @typedef {{name: string, points: ([number, number] | null)[]}} Listed
 */

/** @param {Listed} listed @returns {Pose} */
export const posed = ({ points }) => points.map((point) => point && { y: point[0], x: point[1] });

/** @param {() => void} chosen @param {(string | Node)[]} content */
function button(chosen, ...content) {
  const made = document.createElement("button");
  made.type = "button";
  made.append(...content);
  made.addEventListener("click", chosen);
  return made;
}

/**
 * @param {Skeleton} skeleton
 * @param {Listed[]} poses
 * @param {(number: number) => void} choose
 */
export const poseButtons = (skeleton, poses, choose) =>
  poses.map((pose, number) =>
    button(() => choose(number), thumbnail(skeleton, posed(pose)), pose.name),
  );

/**
 * @param {Skeleton} skeleton
 * @param {Pose} pose
 * @param {(joint: number) => void} place
 */
export const missingButtons = (skeleton, pose, place) =>
  skeleton.joints.flatMap((name, joint) =>
    pose[joint] ? [] : [button(() => place(joint), `Place: ${words(name)}`)],
  );

/**
 * A skeleton, as large as its button lets it be.
 * @param {Skeleton} skeleton
 * @param {Pose} pose
 */
function thumbnail(skeleton, pose) {
  const points = pose.filter((point) => !!point);
  const [xs, ys] = [points.map((p) => p.x), points.map((p) => p.y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const edge = 0.08 * height;
  const box = [left - edge, top - edge, width + 2 * edge, height + 2 * edge].join(" ");
  const svg = shape("svg", { viewBox: box, "aria-hidden": "true" });
  for (const [a, b] of skeleton.tree) {
    const [start, end] = [pose[a], pose[b]];
    if (start && end) svg.append(limb(start, end, skeleton.joints[b] ?? ""));
  }
  return svg;
}
