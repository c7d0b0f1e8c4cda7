// @ts-check
// The page: a photo with its joints on the left, the person in the pose of other joints on the right.

import { Drawer } from "./drawer.js";
import { Editor } from "./editor.js";
import { button, canvas, element, place, words } from "./elements.js";
import { ofPhoto, opened, receive, several, sought } from "./given.js";
import { missingButtons, posed, poseButtons } from "./lists.js";
import { decode, encode, save, show, showIn, showTaken } from "./photos.js";
import { fit, laid, sizeOf, taken, toPicture } from "./placement.js";
import { FileError, readPose, writePose } from "./pose_files.js";
import {
  count,
  dragged,
  guessed,
  inside,
  moved,
  overPerson,
  refitted,
  replaced,
  within,
} from "./skeleton.js";

/** @import { Drawn, Model, Wanted } from "./drawer.js" */
/** @import { Listed } from "./lists.js" */
/** @import { Estimator } from "./people.js" */
/** @import { Mode, Picture, Placement, Size } from "./placement.js" */
/** @import { Pose, Skeleton } from "./skeleton.js" */

/**
 * What pgjax page writes into the page.
 * @typedef {object} Settings
 * @property {Model} model
 * @property {Skeleton} skeleton
 * @property {Estimator | null} estimator
 * @property {Listed[]} poses
 */

/** @typedef {{source: Pose, target: Pose}} Poses in pixels of the photo */

const MOST_UNDO = 200;
const MIB = 2 ** 20;

/** @type {Settings} */
const { model, skeleton, estimator, poses } = JSON.parse(element("settings", HTMLScriptElement).text);
const NOBODY = /** @type {Pose} */ (skeleton.joints.map(() => null));
/** @type {Picture} */
let photo = { height: 1, width: 1, data: new Uint8Array(3) };
let photoName = "photo";
/** @type {Picture} as the model gets it */
let input = photo;
/** @type {Placement} */
let placement = fit([1, 1], model.size, "letterbox");
/** @type {Poses} */
let now = { source: NOBODY, target: NOBODY };
/** @type {Poses[]} */
let before = [];
/** @type {Picture | null} */
let picture = null;
let chosen = -1;
/** @type {Wanted | null} of the latest picture that was asked for */
let last = null;

/** @param {string} text */
function tell(text) {
  place("message").textContent = text;
}

/** @returns {Size} */
const size = () => [photo.height, photo.width];
const mode = () => /** @type {Mode} */ (element("mode", HTMLSelectElement).value);
const keeps = () => element("keep", HTMLInputElement).checked;

// ---- What changes

/** Remembers the poses, to which Undo returns; a joint that is only touched changes nothing. */
function mark() {
  if (before.at(-1) === now) return;
  before.push(now);
  if (before.length > MOST_UNDO) before.shift();
}

/** @param {Partial<Poses>} poses */
function change(poses) {
  now = { ...now, ...poses };
  render();
}

/** @param {"source" | "target"} which */
const wishes = (which) => ({
  begin: mark,
  move: (/** @type {number} */ joint, /** @type {import("./placement.js").Point} */ to) =>
    change({
      [which]: dragged(skeleton, now[which], joint, to, which === "target" && keeps()),
    }),
  remove: (/** @type {number} */ joint) => leaveOut(which, joint),
  choose: (/** @type {number} */ joint) => {
    if (which === edited()) chosen = joint;
    label();
  },
});

const editors = {
  source: new Editor(element("source_svg", SVGSVGElement), skeleton, wishes("source")),
  target: new Editor(element("target_svg", SVGSVGElement), skeleton, wishes("target")),
};

const pressed = (/** @type {string} */ id) => button(id).getAttribute("aria-pressed") === "true";
/** Whose joints are left out and placed below the pictures. @returns {"source" | "target"} */
const edited = () => (pressed("correct") ? "source" : "target");

/** @param {"source" | "target"} which @param {number} joint */
function leaveOut(which, joint) {
  change({ [which]: replaced(now[which], joint, null) });
  const later = now[which].findIndex((point, index) => point && index > joint);
  chosen = later < 0 ? now[which].findIndex(Boolean) : later;
  editors[which].focus(chosen);
  label();
}

/** @param {number} joint */
function putBack(joint) {
  const which = edited();
  const other = which === "target" && now.source[joint] ? now.source : preset();
  mark();
  const point = within(guessed(skeleton, now[which], joint, other), size());
  change({ [which]: replaced(now[which], joint, point) });
  editors[which].focus(joint);
}

/** A pose of the list in the middle of the photo; the first one stands. */
function preset(number = 0) {
  const [height, width] = size();
  const shape = poses[number];
  if (!shape) return NOBODY;
  return moved(posed(shape), ({ y, x }) => ({ y: y * height, x: x * height + width / 2 - 0.5 }));
}

/** @param {Pose} pose @param {string} [more] a sentence before what is told of joints outside */
function take(pose, more = "") {
  const person = now.source;
  const fitted = keeps() && count(person) ? refitted(skeleton, person, pose) : pose;
  const kept = inside(fitted, size());
  mark();
  change({ target: kept });
  const lost = count(fitted) - count(kept);
  const end = "outside of the photo.";
  const told = lost === 1 ? `One joint is missing: it lies ${end}` : `${lost} joints are missing: they lie ${end}`;
  tell(`${more} ${lost ? told : ""}`.trim());
}

/** @param {number} number */
function choosePose(number) {
  const pose = preset(number);
  take(count(now.source) ? overPerson(skeleton, now.source, pose) : pose);
}

// ---- What is seen

function label() {
  const which = edited();
  const joint = now[which][chosen] ? skeleton.joints[chosen] : undefined;
  const remove = button("remove");
  remove.disabled = !joint;
  remove.textContent = joint ? `Leave out: ${words(joint)}` : "Leave out a joint";
  place("missing").replaceChildren(...missingButtons(skeleton, now[which], putBack));
}

function render() {
  const step = photo.height / sizeOf(placement.region)[0];
  editors.source.show(now.source, size(), step);
  editors.target.show(now.target, size(), step);
  button("undo").disabled = !before.length;
  label();
  const wanted = {
    photo: input,
    source: inside(put(now.source), model.size),
    target: inside(put(now.target), model.size),
  };
  if (!count(wanted.source) || !count(wanted.target)) return;
  last = wanted;
  busy(true);
  drawer.draw(wanted);
}

/** Says whether a newer picture is on its way. @param {boolean} [on] */
function busy(on) {
  const area = place("target_drop");
  if (on !== undefined) area.setAttribute("aria-busy", String(on));
  return area.getAttribute("aria-busy") === "true";
}

/** The joints in the model's picture, not rounded. @param {Pose} pose @returns {Pose} */
const put = (pose) => pose.map((point) => point && toPicture(placement, point));

/** @param {Drawn} drawn */
function arrived(drawn) {
  if (drawn.wanted.photo !== input) return; // of the photo before
  busy(drawn.wanted !== last);
  picture = drawn.picture;
  showTaken(placement, picture, canvas("source_canvas"), canvas("target_canvas"));
  place("speed").textContent = `The last picture took ${Math.round(drawn.ms)} ms.`;
}

const drawer = new Drawer(model, {
  loading: (loaded, total) => {
    const bar = element("bar", HTMLProgressElement);
    if (total) [bar.max, bar.value] = [total, loaded];
    bar.title = `${Math.round(loaded / MIB)} MiB`;
  },
  ready: () => {
    place("loading").hidden = true;
  },
  drawn: arrived,
  failed: (text) => {
    busy(false);
    tell(`The model could not draw: ${text}`);
  },
});

// ---- Photos and poses that are given

/** The photo in the model's picture; `pose` in its pixels. @param {Pose} pose */
function lay(pose) {
  placement = fit(size(), model.size, mode());
  input = laid(placement, photo);
  picture = null;
  change({ source: pose });
}

/** @param {Picture} given @param {string} name @param {Pose | null} pose */
function begin(given, name, pose) {
  [photo, photoName, before] = [given, name.replace(/\.[^.]*$/, ""), []];
  const ratio = String(photo.width / photo.height);
  for (const id of ["source_drop", "target_drop"]) place(id).style.setProperty("--ratio", ratio);
  place("stages").classList.toggle("wide", photo.width > 0.7 * photo.height);
  show(photo, canvas("source_canvas"));
  const source = pose ?? preset();
  press("correct", !pose);
  now = { source, target: source };
  hideTrace();
  lay(source);
}

/** @param {Picture} given @returns {Promise<Pose | null>} */
async function look(given) {
  if (!estimator) return null;
  tell("Looking for the person's joints ...");
  const seen = await sought(drawer, estimator, skeleton.joints.length, given);
  return count(seen) ? seen : null;
}

/** @param {File[]} files */
async function openSource(files) {
  const { read, picture: given, name } = await opened(files);
  const target = given ?? photo;
  const own = /** @type {Size} */ ([target.height, target.width]);
  const pose = read && inside(ofPhoto(read.pose, read.size, own), own);
  if (pose && !count(pose)) throw new FileError("All joints of the pose lie outside of the photo.");
  if (given) begin(given, name, pose);
  else mark();
  const source = pose ?? (await look(target));
  if (target !== photo) return; // another one was chosen meanwhile
  if (source) {
    press("correct", false);
    change({ source, target: source });
  }
  const joints = `${count(now.source)} of ${skeleton.joints.length} joints`;
  if (read) tell(`The pose of the photo has ${joints}.${several(read.people)}`);
  else if (source) tell(`${joints} were found. Correct those that are wrong.`);
  else {
    tell(
      "A standing skeleton was placed on the photo. Drag its joints to the person's, and leave out those " +
        "that are not seen. Or choose a file of the photo's pose.",
    );
  }
}

/** @param {File[]} files */
async function openTarget(files) {
  const { read, picture: other } = await opened(files);
  const own = /** @type {Size | null} */ (other && [other.height, other.width]);
  const before = photo;
  const seen = other && !read ? await look(other) : null;
  if (before !== photo) return;
  if (other && !read && !seen) return trace(other);
  const given = read ? (own ? ofPhoto(read.pose, read.size, own) : read.pose) : (seen ?? NOBODY);
  const there = fit(own ?? read?.size ?? size(), size(), "letterbox"); // the whole other photo in this one
  hideTrace();
  take(
    moved(given, (point) => toPicture(there, point)),
    `The pose has ${count(given)} of ${skeleton.joints.length} joints.${several(read?.people ?? 1)}`,
  );
}

/** Shows another photo, where its pose would be: one is placed on it by hand. @param {Picture} other */
function trace(other) {
  const { region } = fit([other.height, other.width], size(), "letterbox");
  const shown = canvas("trace_canvas");
  showIn(region, other, size(), shown);
  shown.hidden = button("untrace").hidden = false;
  tell("The other photo is shown in the place of the new pose. Drag the joints to its person's.");
}

function hideTrace() {
  canvas("trace_canvas").hidden = button("untrace").hidden = true;
}

/** @param {() => Promise<void>} work */
async function trying(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    tell(error.message);
  }
}

// ---- Buttons and keys

/** @param {string} id @param {boolean} [on] */
function press(id, on = !pressed(id)) {
  button(id).setAttribute("aria-pressed", String(on));
  if (id === "correct") {
    editors.source.allow(on);
    chosen = -1;
    label();
  } else {
    element("target_svg", SVGSVGElement).style.display = on ? "none" : "";
  }
}

/** @param {string} id @param {() => void} work */
const on = (id, work) => button(id).addEventListener("click", work);

function undo() {
  if (before.at(-1) === now) before.pop();
  const last = before.pop();
  if (last) now = last;
  render();
}

/** @param {"image/png" | "image/webp"} type */
async function savePicture(type) {
  while (busy()) await new Promise(requestAnimationFrame);
  if (!picture) throw new FileError("There is no picture yet.");
  const blob = await encode(taken(placement, picture, photo), type);
  save(blob, `${photoName}_posed.${type.slice(6)}`);
}

/** @param {Pose} pose @param {string} end */
function savePose(pose, end) {
  if (!count(pose)) return tell("The pose has no joint.");
  const text = writePose(pose, size());
  save(new Blob([text], { type: "application/json" }), `${photoName}_${end}_keypoints.json`);
}

on("undo", undo);
on("again", () => take(now.source));
on("correct", () => press("correct"));
on("bare", () => press("bare"));
on("untrace", hideTrace);
on("remove", () => {
  mark();
  leaveOut(edited(), chosen);
});
on("save_png", () => void trying(() => savePicture("image/png")));
on("save_webp", () => void trying(() => savePicture("image/webp")));
on("save_pose", () => savePose(now.target, "new"));
on("save_source", () => savePose(now.source, "photo"));
element("mode", HTMLSelectElement).addEventListener("change", () => lay(now.source));
document.addEventListener("keydown", (event) => {
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  undo();
});

receive("photo_file", "source_drop", (files) => void trying(() => openSource(files)));
receive("target_file", "target_drop", (files) => void trying(() => openTarget(files)));

place("poses").append(...poseButtons(skeleton, poses, choosePose));
place("about").textContent = model.title;

await trying(async () => {
  const [image, pose] = await Promise.all([fetch("example.png"), fetch("example.json")]);
  const read = readPose(await pose.text(), "example.json");
  begin(await decode(await image.blob(), "example.png"), "example.png", read.pose);
  tell("This person is made up. Choose a photo of your own, with a file of its pose where there is one.");
});
