// @ts-check
// A skeleton over a picture, whose joints are moved by mouse, touch and keyboard.

import { words } from "./elements.js";
import { colour, limb, shape } from "./shapes.js";
import { within } from "./skeleton.js";

/** @import { Point, Size } from "./placement.js" */
/** @import { Pose, Skeleton } from "./skeleton.js" */

/**
 * What a user does. A drag is one `begin`, many `move`s.
 * @typedef {object} Wishes
 * @property {() => void} begin
 * @property {(joint: number, to: Point) => void} move
 * @property {(joint: number) => void} remove
 * @property {(joint: number) => void} choose
 */

const NEAR = 28; // CSS pixels from a joint within which it is taken
const FAR = 5; // steps of an arrow key with Shift
const ARROWS = new Map([
  ["ArrowUp", [-1, 0]],
  ["ArrowDown", [1, 0]],
  ["ArrowLeft", [0, -1]],
  ["ArrowRight", [0, 1]],
]);

export class Editor {
  /** @type {Pose} */
  #pose = [];
  /** @type {Size} */
  #size = [1, 1];
  #step = 1;
  /** @type {number | null} joint that the pointer holds */
  #held = null;
  #open = true;
  #limbs = shape("g", {});
  /** @type {SVGGElement[]} */
  #joints = [];

  /**
   * @param {SVGSVGElement} svg over the picture, as large as it
   * @param {Skeleton} skeleton
   * @param {Wishes} wishes
   */
  constructor(svg, skeleton, wishes) {
    this.svg = svg;
    this.skeleton = skeleton;
    this.wishes = wishes;
    this.#joints = skeleton.joints.map((name, joint) => {
      const group = shape("g", { class: `joint ${colour(name)}`, role: "button", tabindex: "0" });
      group.append(shape("circle", { class: "ring" }), shape("circle", { class: "dot" }));
      group.addEventListener("focus", () => wishes.choose(joint));
      group.addEventListener("keydown", (event) => this.#key(joint, event));
      return group;
    });
    svg.append(this.#limbs, ...this.#joints);
    svg.addEventListener("pointerdown", (event) => this.#take(event));
    svg.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      svg.addEventListener(end, () => {
        this.#held = null;
      });
    }
    // A finger that takes a joint does not scroll the page; beside the joints it does.
    svg.addEventListener(
      "touchstart",
      (event) => {
        const [touch] = event.touches;
        if (touch && this.#nearest(touch) !== null) event.preventDefault();
      },
      { passive: false },
    );
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** Whether joints can be moved. @param {boolean} open */
  allow(open) {
    this.#open = open;
    this.svg.classList.toggle("fixed", !open);
    for (const group of this.#joints) {
      if (open) group.setAttribute("tabindex", "0");
      else group.removeAttribute("tabindex");
    }
  }

  /**
   * @param {Pose} pose in pixels of a picture of that size
   * @param {Size} size
   * @param {number} step pixels that an arrow key moves a joint
   */
  show(pose, size, step) {
    this.#pose = pose;
    this.#size = size;
    this.#step = step;
    this.svg.setAttribute("viewBox", `-0.5 -0.5 ${size[1]} ${size[0]}`);
    this.#draw();
  }

  /** @param {number} joint */
  focus(joint) {
    this.#joints[joint]?.focus();
  }

  #draw() {
    const scale = this.#size[1] / (this.svg.clientWidth || this.#size[1]); // pixels to a CSS pixel
    const pose = this.#pose;
    this.#limbs.replaceChildren(
      ...this.skeleton.tree.flatMap(([a, b]) => {
        const [start, end] = [pose[a], pose[b]];
        return start && end ? [limb(start, end, this.skeleton.joints[b] ?? "")] : [];
      }),
    );
    this.#joints.forEach((group, joint) => {
      const point = pose[joint];
      group.style.display = point ? "" : "none";
      if (!point) return;
      const name = words(this.skeleton.joints[joint] ?? "");
      const place = `${Math.round(point.x)} across, ${Math.round(point.y)} down`;
      group.setAttribute("aria-label", `${name}, ${place}`);
      const radius = this.skeleton.face.includes(joint) ? 3.5 : 5;
      [radius + 4, radius].forEach((r, index) => {
        const circle = /** @type {SVGCircleElement} */ (group.children[index]);
        circle.setAttribute("cx", String(point.x));
        circle.setAttribute("cy", String(point.y));
        circle.setAttribute("r", String(r * scale));
      });
    });
  }

  /** @param {{clientX: number, clientY: number}} at @returns {Point} in pixels of the picture */
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.svg.getBoundingClientRect();
    const [rows, columns] = this.#size;
    return {
      y: ((clientY - top) / height) * rows - 0.5,
      x: ((clientX - left) / width) * columns - 0.5,
    };
  }

  /** @param {{clientX: number, clientY: number}} at @returns {number | null} */
  #nearest(at) {
    if (!this.#open) return null;
    const { y, x } = this.#place(at);
    const scale = this.svg.clientWidth / this.#size[1];
    let [best, least] = [/** @type {number | null} */ (null), NEAR];
    this.#pose.forEach((point, joint) => {
      const far = point ? scale * Math.hypot(point.y - y, point.x - x) : Infinity;
      if (far < least) [best, least] = [joint, far];
    });
    return best;
  }

  /** @param {PointerEvent} event */
  #take(event) {
    const joint = event.button === 0 ? this.#nearest(event) : null;
    if (joint === null) return;
    event.preventDefault();
    this.#held = joint;
    this.svg.setPointerCapture(event.pointerId);
    this.focus(joint);
    this.wishes.begin();
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (this.#held !== null) this.wishes.move(this.#held, within(this.#place(event), this.#size));
  }

  /** @param {number} joint @param {KeyboardEvent} event */
  #key(joint, event) {
    const arrow = ARROWS.get(event.key);
    const point = this.#pose[joint];
    if (!point || event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) {
      const step = this.#step * (event.shiftKey ? FAR : 1);
      const [dy = 0, dx = 0] = arrow;
      event.preventDefault();
      if (!event.repeat) this.wishes.begin();
      const to = { y: point.y + step * dy, x: point.x + step * dx };
      this.wishes.move(joint, within(to, this.#size));
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.wishes.begin();
      this.wishes.remove(joint);
    }
  }
}
