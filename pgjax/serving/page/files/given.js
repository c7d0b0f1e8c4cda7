// @ts-check
// Files that are chosen or dropped: photos, poses, or one of each together.

import { element, place } from "./elements.js";
import { networkSize } from "./people.js";
import { decode } from "./photos.js";
import { fit, laid, toPhoto, toPicture } from "./placement.js";
import { FileError, readPose } from "./pose_files.js";
import { moved, within } from "./skeleton.js";

/** @import { Drawer } from "./drawer.js" */
/** @import { Estimator } from "./people.js" */
/** @import { Picture, Size } from "./placement.js" */
/** @import { Pose } from "./skeleton.js" */

const SAME_SHAPE = 0.02; // how far the ratios of the sides of a photo and of its pose's photo may differ

/** @param {Pose} pose @param {Size | null} from @param {Size} into of the photo whose copy that may be @returns {Pose} */
export function ofPhoto(pose, from, into) {
  if (!from) return pose;
  const ratio = (into[0] / from[0]) * (from[1] / into[1]);
  if (Math.abs(ratio - 1) > SAME_SHAPE) {
    throw new FileError(
      `The photo is ${into[1]} by ${into[0]} pixels, but the pose is of one of ${from[1]} by ${from[0]}.`,
    );
  }
  const copy = fit(from, into, "stretch");
  return moved(pose, (point) => toPicture(copy, point));
}

/**
 * The joints that the estimator finds in a photo.
 * @param {Drawer} drawer
 * @param {Estimator} estimator
 * @param {number} joints how many there are
 * @param {Picture} photo
 * @returns {Promise<Pose>}
 */
export async function sought(drawer, estimator, joints, photo) {
  const size = /** @type {Size} */ ([photo.height, photo.width]);
  const there = fit(size, networkSize(estimator, size), "stretch");
  try {
    const seen = await drawer.find(estimator, laid(there, photo), joints);
    return moved(seen, (point) => within(toPhoto(there, point), size));
  } catch (error) {
    throw new FileError(`The joints could not be looked for: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {number} people */
export const several = (people) =>
  people > 1 ? ` The file shows ${people} people; the one with the most joints was taken.` : "";

/** @param {File[]} files a photo, a pose, or both */
export async function opened(files) {
  const isPose = (/** @type {File} */ file) => file.name.toLowerCase().endsWith(".json");
  const [pose, image] = [files.find(isPose), files.find((file) => !isPose(file))];
  if (files.length > (pose ? 1 : 0) + (image ? 1 : 0)) {
    throw new FileError("Expected one photo, one file of a pose, or both together.");
  }
  return {
    read: pose ? readPose(await pose.text(), pose.name) : null,
    picture: image ? await decode(image, image.name) : null,
    name: image?.name ?? "",
  };
}

/**
 * Takes the files that are chosen by an input, or dropped on an element.
 * @param {string} id of the input
 * @param {string} drop of the element
 * @param {(files: File[]) => void} open
 */
export function receive(id, drop, open) {
  const input = element(id, HTMLInputElement);
  const area = place(drop);
  const take = (/** @type {FileList | null | undefined} */ list) => {
    const files = [...(list ?? [])];
    if (files.length) open(files);
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // the same file may be chosen again
  });
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    area.addEventListener(kind, () => area.classList.toggle("over", /enter|over/.test(kind)));
  }
  area.addEventListener("drop", (event) => take(event.dataTransfer?.files));
}

// Nor does a photo that misses them replace the page.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => event.preventDefault());
}
