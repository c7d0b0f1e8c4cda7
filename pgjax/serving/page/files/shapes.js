// @ts-check
// What skeletons are drawn with: SVG elements, coloured as pgjax.pose.drawing colours them.

/** @import { Point } from "./placement.js" */

const NAMESPACE = "http://www.w3.org/2000/svg";

/** @param {string} joint @returns {string} class of its colour */
export function colour(joint) {
  const [side, kind] = joint.split("_");
  const part = ["hip", "knee", "ankle"].includes(kind ?? "") ? "leg" : "arm";
  return side === "right" || side === "left" ? `${side}-${part}` : "centre";
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} kind
 * @param {Record<string, string>} attributes
 * @returns {SVGElementTagNameMap[K]}
 */
export function shape(kind, attributes) {
  const made = document.createElementNS(NAMESPACE, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** @param {Point} start @param {Point} end @param {string} joint */
export function limb(start, end, joint) {
  const ends = { x1: start.x, y1: start.y, x2: end.x, y2: end.y };
  const texts = Object.entries(ends).map(([name, value]) => [name, String(value)]);
  return shape("line", { ...Object.fromEntries(texts), class: `limb ${colour(joint)}` });
}
