// @ts-check
// The page's elements by their ids, and texts of joints.

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${kind.name} called ${id}`);
  return found;
}

/** @param {string} id */
export const button = (id) => element(id, HTMLButtonElement);
/** @param {string} id */
export const canvas = (id) => element(id, HTMLCanvasElement);
/** @param {string} id */
export const place = (id) => element(id, HTMLElement);

/** @param {string} joint */
export const words = (joint) => joint.replace("_", " ");
