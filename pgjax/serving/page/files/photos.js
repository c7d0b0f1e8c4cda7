// @ts-check
// Photos: decoded as pgjax decodes them (upright, colours as stored, transparent is white), and saved.

import { sizeOf } from "./placement.js";
import { FileError } from "./pose_files.js";

/** @import { Box, Picture, Placement, Size } from "./placement.js" */

const MOST_SHOWN = 1024; // pixels of the longer side of a picture on the screen

/** @param {number} height @param {number} width */
function canvasOf(height, width) {
  const canvas = document.createElement("canvas");
  canvas.height = height;
  canvas.width = width;
  return canvas;
}

/** @param {HTMLCanvasElement} canvas */
function pen(canvas) {
  const found = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  if (!found) throw new FileError("This browser has no room for a picture of that size.");
  return found;
}

/**
 * Copies the three colours of all pixels, of which each takes `step` values.
 * @param {Uint8Array | Uint8ClampedArray} from
 * @param {number} step
 * @param {Uint8Array | Uint8ClampedArray} to
 * @param {number} newStep
 */
function copy(from, step, to, newStep) {
  for (let i = 0, j = 0; i < from.length; i += step, j += newStep) {
    for (let c = 0; c < 3; c += 1) to[j + c] = /** @type {number} */ (from[i + c]);
  }
}

/**
 * Decodes a photo.
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<Picture>}
 */
export async function decode(file, name) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new FileError(`${name} is no photo that this browser can read.`);
  }
  const { height, width } = bitmap;
  const brush = pen(canvasOf(height, width));
  brush.fillStyle = "white";
  brush.fillRect(0, 0, width, height);
  brush.drawImage(bitmap, 0, 0);
  bitmap.close();
  let rgba;
  try {
    rgba = brush.getImageData(0, 0, width, height).data;
  } catch {
    throw new FileError(`${name} is too large for this browser: ${width} by ${height} pixels.`);
  }
  const data = new Uint8Array(3 * height * width);
  copy(rgba, 4, data, 3);
  return { height, width, data };
}

/**
 * Puts a picture on a canvas, which gets its size.
 * @param {Picture} picture
 * @param {HTMLCanvasElement} canvas
 */
export function show({ height, width, data }, canvas) {
  canvas.height = height;
  canvas.width = width;
  const rgba = new Uint8ClampedArray(4 * height * width).fill(255);
  copy(data, 3, rgba, 4);
  pen(canvas).putImageData(new ImageData(rgba, width, height), 0, 0);
}

/**
 * Gives a canvas the size that a photo has on the screen.
 * @param {HTMLCanvasElement} canvas
 * @param {Size} size of the photo
 * @returns {number} its pixels to one of the photo
 */
function resize(canvas, [height, width]) {
  const share = Math.min(1, MOST_SHOWN / Math.max(height, width));
  const [rows, columns] = [Math.round(height * share), Math.round(width * share)];
  if (canvas.height !== rows) canvas.height = rows;
  if (canvas.width !== columns) canvas.width = columns;
  return share;
}

/**
 * Shows a picture in a box of a photo's place on the screen.
 * @param {Box} box
 * @param {Picture} picture
 * @param {Size} size of the photo
 * @param {HTMLCanvasElement} canvas
 */
export function showIn(box, picture, size, canvas) {
  const whole = document.createElement("canvas");
  show(picture, whole);
  const share = resize(canvas, size);
  const brush = pen(canvas);
  brush.fillStyle = "grey";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  const [high, wide] = sizeOf(box);
  brush.drawImage(whole, share * box.left, share * box.top, share * wide, share * high);
}

/**
 * Shows the photo that a picture of the model gives, scaled by the browser.
 * @param {Placement} placement
 * @param {Picture} picture
 * @param {HTMLCanvasElement} around the photo, which stays where the picture does not cover it
 * @param {HTMLCanvasElement} canvas
 */
export function showTaken({ size, box, region }, picture, around, canvas) {
  const made = document.createElement("canvas");
  show(picture, made);
  const share = resize(canvas, size);
  const brush = pen(canvas);
  brush.drawImage(around, 0, 0, canvas.width, canvas.height);
  const [high, wide] = sizeOf(region);
  const [height, width] = sizeOf(box);
  const [left, top] = [share * box.left, share * box.top];
  const [across, down] = [share * width, share * height];
  brush.drawImage(made, region.left, region.top, wide, high, left, top, across, down);
}

/**
 * A picture as a file, without loss.
 * @param {Picture} picture
 * @param {"image/png" | "image/webp"} type
 * @returns {Promise<Blob>}
 */
export async function encode(picture, type) {
  const canvas = canvasOf(picture.height, picture.width);
  show(picture, canvas);
  const blob = await new Promise((/** @type {BlobCallback} */ done) => canvas.toBlob(done, type, 1));
  // A browser that does not know the type writes PNG.
  if (blob?.type !== type) throw new FileError(`This browser cannot write ${type}.`);
  return blob;
}

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 20_000);
}
