// @ts-check
// Asks the worker for pictures: one at a time, and of those that wait the latest alone.

/** @import { Estimator } from "./people.js" */
/** @import { Picture, Size } from "./placement.js" */
/** @import { Pose } from "./skeleton.js" */

/** Of the model's picture and in its pixels. @typedef {{photo: Picture, source: Pose, target: Pose}} Wanted */
/** @typedef {{wanted: Wanted, picture: Picture, ms: number}} Drawn */

/**
 * What the page knows of the model.
 * @typedef {object} Model
 * @property {string} file
 * @property {Size} size of its pictures
 * @property {string} title
 */

/**
 * What the worker says.
 * @typedef {{loaded: number, total: number} | {ready: true} | {data: Uint8Array, ms: number} | {failed: string}
 *   | {found: Pose} | {lost: string}} Said
 */

/**
 * @typedef {object} Listener
 * @property {(loaded: number, total: number) => void} loading bytes; `total` is 0 where it is not known
 * @property {() => void} ready
 * @property {(drawn: Drawn) => void} drawn
 * @property {(text: string) => void} failed
 */

export class Drawer {
  /** @type {Wanted | null} */
  #running = null;
  /** @type {Wanted | null} */
  #waiting = null;
  #ready = false;
  /** @type {{done: (pose: Pose) => void, failed: (error: Error) => void}[]} */
  #searches = [];

  /** @param {Model} model @param {Listener} listener */
  constructor(model, listener) {
    this.model = model;
    this.listener = listener;
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.#hear(data));
    this.worker.addEventListener("error", (event) => {
      listener.failed(event.message || "The program that draws could not be loaded.");
    });
    this.worker.postMessage({ model });
  }

  /** @param {Wanted} wanted */
  draw(wanted) {
    this.#waiting = wanted;
    this.#next();
  }

  /**
   * The most prominent person's joints, in pixels of the picture.
   * @param {Estimator} estimator
   * @param {Picture} picture of the size that its network sees
   * @param {number} joints how many there are
   * @returns {Promise<Pose>}
   */
  find(estimator, picture, joints) {
    this.worker.postMessage({ search: { estimator, picture, joints } });
    return new Promise((done, failed) => this.#searches.push({ done, failed }));
  }

  #next() {
    if (!this.#ready || this.#running || !this.#waiting) return;
    const wanted = (this.#running = this.#waiting);
    this.#waiting = null;
    this.worker.postMessage({ wanted });
  }

  /** @param {Said} said */
  #hear(said) {
    if ("loaded" in said) return this.listener.loading(said.loaded, said.total);
    if ("found" in said) return this.#searches.shift()?.done(said.found);
    if ("lost" in said) return this.#searches.shift()?.failed(new Error(said.lost));
    if ("failed" in said) {
      this.#running = null;
      return this.listener.failed(said.failed);
    }
    if ("ready" in said) {
      this.#ready = true;
      this.listener.ready();
    } else {
      const wanted = /** @type {Wanted} */ (this.#running);
      const [height, width] = this.model.size;
      this.#running = null;
      this.listener.drawn({ wanted, picture: { height, width, data: said.data }, ms: said.ms });
    }
    this.#next();
  }
}
