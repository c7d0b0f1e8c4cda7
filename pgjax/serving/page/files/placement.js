// @ts-check
// How a photo lies in the model's picture, as pgjax/images/photo.py lays it there, and Pillow's bicubic resizing.

/**
 * An RGB picture: `data` holds height x width x 3 values.
 * @typedef {object} Picture
 * @property {number} height
 * @property {number} width
 * @property {Uint8Array} data
 */

/** @typedef {{y: number, x: number}} Point in pixels; the first pixel's centre is 0, 0 */
/** @typedef {[number, number]} Size height, width */
/** @typedef {{top: number, left: number, bottom: number, right: number}} Box in whole pixels, ends exclusive */
/** @typedef {"letterbox" | "crop" | "stretch"} Mode */

/**
 * The box of the photo fills the region of the picture.
 * @typedef {object} Placement
 * @property {Size} size of the photo
 * @property {Size} into of the picture
 * @property {Box} box
 * @property {Box} region
 */

const BITS = 22; // of Pillow's coefficients
const SUPPORT = 2; // pixels that the cubic curve reaches from its middle
const CUBIC = -0.5;

/**
 * Lays a photo into the middle of a picture.
 * @param {Size} size
 * @param {Size} into
 * @param {Mode} mode
 * @returns {Placement}
 */
export function fit(size, into, mode) {
  const ratios = /** @type {Size} */ ([into[0] / size[0], into[1] / size[1]]);
  let box = size;
  let region = into;
  if (mode === "letterbox") region = scaled(size, Math.min(...ratios), into);
  if (mode === "crop") box = scaled(into, 1 / Math.max(...ratios), size);
  return { size, into, box: middle(box, size), region: middle(region, into) };
}

/**
 * @param {Size} size
 * @param {number} ratio
 * @param {Size} most
 * @returns {Size}
 */
function scaled(size, ratio, most) {
  const side = (/** @type {0 | 1} */ axis) =>
    Math.min(Math.max(rounded(size[axis] * ratio), 1), most[axis]);
  return [side(0), side(1)];
}

/**
 * To the nearest whole number, halves to the even one, as Python does.
 * @param {number} value
 */
export function rounded(value) {
  const below = Math.floor(value);
  const part = value - below;
  if (part === 0.5) return below % 2 ? below + 1 : below;
  return part < 0.5 ? below : below + 1;
}

/**
 * @param {Size} inner
 * @param {Size} outer
 * @returns {Box}
 */
function middle(inner, outer) {
  const top = Math.floor((outer[0] - inner[0]) / 2);
  const left = Math.floor((outer[1] - inner[1]) / 2);
  return { top, left, bottom: top + inner[0], right: left + inner[1] };
}

/** @param {Box} box @returns {Size} */
export const sizeOf = (box) => [box.bottom - box.top, box.right - box.left];

/**
 * Where a point of the photo lies in the picture, in float32 as NumPy computes it.
 * @param {Placement} placement
 * @param {Point} point
 */
export const toPicture = ({ box, region }, point) => mapped(point, box, region);

/**
 * Where a point of the picture lies in the photo.
 * @param {Placement} placement
 * @param {Point} point
 */
export const toPhoto = ({ box, region }, point) => mapped(point, region, box);

/**
 * @param {Point} point
 * @param {Box} box
 * @param {Box} region
 * @returns {Point}
 */
function mapped(point, box, region) {
  const along = (
    /** @type {number} */ value,
    /** @type {number} */ start,
    /** @type {number} */ length,
    /** @type {number} */ newStart,
    /** @type {number} */ newLength,
  ) => {
    const scale = newLength / length;
    const offset = newStart - 0.5 - (start - 0.5) * scale;
    const f = Math.fround;
    return f(f(f(value) * f(scale)) + f(offset));
  };
  const [height, width] = sizeOf(box);
  const [newHeight, newWidth] = sizeOf(region);
  return {
    y: along(point.y, box.top, height, region.top, newHeight),
    x: along(point.x, box.left, width, region.left, newWidth),
  };
}

/**
 * The model's picture of a photo; what the photo does not cover repeats its edge.
 * @param {Placement} placement
 * @param {Picture} photo
 */
export const laid = ({ box, region, into }, photo) => placed(photo, box, region, into);

/**
 * The photo that a picture of the model gives; around it (mode "crop") the photo stays as it was.
 * @param {Placement} placement
 * @param {Picture} picture
 * @param {Picture} around
 * @returns {Picture}
 */
export function taken({ size, box, region }, picture, around) {
  const whole = placed(picture, region, box, size);
  const data = around.data.slice();
  for (let y = box.top; y < box.bottom; y += 1) {
    const start = 3 * (y * size[1] + box.left);
    const end = 3 * (y * size[1] + box.right);
    data.set(whole.data.subarray(start, end), start);
  }
  return { height: size[0], width: size[1], data };
}

/**
 * The box of a picture, resized to the region of a new one of that size.
 * @param {Picture} picture
 * @param {Box} box
 * @param {Box} region
 * @param {Size} size
 * @returns {Picture}
 */
function placed(picture, box, region, size) {
  const part = resized(cut(picture, box), sizeOf(region));
  const [height, width] = size;
  const data = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y += 1) {
    const row = Math.min(Math.max(y - region.top, 0), part.height - 1) * part.width;
    for (let x = 0; x < width; x += 1) {
      const from = 3 * (row + Math.min(Math.max(x - region.left, 0), part.width - 1));
      const to = 3 * (y * width + x);
      for (let c = 0; c < 3; c += 1) data[to + c] = /** @type {number} */ (part.data[from + c]);
    }
  }
  return { height, width, data };
}

/**
 * @param {Picture} picture
 * @param {Box} box
 * @returns {Picture}
 */
function cut(picture, box) {
  const [height, width] = sizeOf(box);
  const data = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y += 1) {
    const start = 3 * ((y + box.top) * picture.width + box.left);
    data.set(picture.data.subarray(start, start + 3 * width), 3 * y * width);
  }
  return { height, width, data };
}

/**
 * A picture of another size, value for value what Pillow's Image.resize(..., BICUBIC) gives.
 * @param {Picture} picture
 * @param {Size} size
 * @returns {Picture}
 */
export function resized(picture, [height, width]) {
  const { height: rows, width: columns } = picture;
  const across = (/** @type {Uint8Array} */ data, /** @type {number} */ lines) =>
    width === columns
      ? data
      : along(data, shares(columns, width), { lines, line: columns, step: 1 }, width, 1);
  const down = (/** @type {Uint8Array} */ data, /** @type {number} */ lines) =>
    height === rows
      ? data
      : along(data, shares(rows, height), { lines, line: 1, step: lines }, 1, lines);
  // Which pass comes first shows, because each is rounded to whole values: Pillow 13's choice, as measured.
  const rowsFirst = rows - height > 2 * Math.max(columns - width, 0);
  const data = rowsFirst
    ? across(down(picture.data, columns), height)
    : down(across(picture.data, rows), width);
  return { height, width, data };
}

/** @typedef {{first: number, weights: Int32Array}} Share of the pixels from `first` on, in a new pixel */

/**
 * Whole shares of BITS bits, as Pillow computes them (src/libImaging/Resample.c).
 * @param {number} before
 * @param {number} after
 * @returns {Share[]}
 */
function shares(before, after) {
  const scale = before / after;
  const wide = Math.max(scale, 1);
  const reach = SUPPORT * wide;
  return Array.from({ length: after }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(before, Math.trunc(centre + reach + 0.5));
    const curve = Array.from({ length: end - first }, (_, i) =>
      cubic((i + first - centre + 0.5) / wide),
    );
    const total = curve.reduce((sum, value) => sum + value, 0);
    const weights = curve.map((value) => {
      const share = (value / total) * 2 ** BITS;
      return Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
    return { first, weights: Int32Array.from(weights) };
  });
}

/** @param {number} value */
function cubic(value) {
  const x = Math.abs(value);
  const a = CUBIC;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * Resizes every line of a picture. Pixels of a line are `step` apart, and lines are `line` apart; of the
 * result `newStep` and `newLine`.
 * @param {Uint8Array} data
 * @param {Share[]} kept
 * @param {{lines: number, line: number, step: number}} layout
 * @param {number} newLine
 * @param {number} newStep
 */
function along(data, kept, { lines, line, step }, newLine, newStep) {
  const result = new Uint8ClampedArray(3 * lines * kept.length);
  for (let number = 0; number < lines; number += 1) {
    kept.forEach(({ first, weights }, place) => {
      for (let c = 0; c < 3; c += 1) {
        let sum = 2 ** (BITS - 1);
        let at = 3 * (number * line + first * step) + c;
        for (let i = 0; i < weights.length; i += 1) {
          sum += /** @type {number} */ (data[at]) * /** @type {number} */ (weights[i]);
          at += 3 * step;
        }
        result[3 * (number * newLine + place * newStep) + c] = sum >> BITS;
      }
    });
  }
  return new Uint8Array(result.buffer);
}
