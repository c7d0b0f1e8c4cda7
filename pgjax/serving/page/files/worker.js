// @ts-check
// Loads the model and draws with it, by ONNX Runtime's WebAssembly, beside the page so that this stays smooth.

import { env, InferenceSession, Tensor } from "./ort/ort.wasm.bundle.min.mjs";

import { found } from "./people.js";

/** @import { Model, Said, Wanted } from "./drawer.js" */
/** @import { Estimator } from "./people.js" */
/** @import { Picture } from "./placement.js" */
/** @import { Pose } from "./skeleton.js" */

const MOST_THREADS = 4;
const UNKNOWN = -1; // a view: it follows from the pose

const OPTIONS = { executionProviders: ["wasm"], logSeverityLevel: 3 }; // errors
env.logLevel = "error";
env.wasm.wasmPaths = { wasm: new URL("ort/ort-wasm-simd-threaded.wasm", import.meta.url) };
// Threads share memory, which browsers allow only where the server sends two headers (server.py).
env.wasm.numThreads = self.crossOriginIsolated
  ? Math.min(navigator.hardwareConcurrency, MOST_THREADS)
  : 1;

/** @param {Said} said @param {Transferable[]} [transfer] */
const say = (said, transfer = []) => self.postMessage(said, { transfer });

/**
 * @param {string} file
 * @param {(loaded: number, total: number) => void} [progress]
 * @returns {Promise<Uint8Array>}
 */
async function fetched(file, progress) {
  const reply = await fetch(file);
  if (!reply.ok || !reply.body) throw new Error(`${file}: ${reply.status} ${reply.statusText}`);
  const total = Number(reply.headers.get("content-length") ?? 0);
  const parts = [];
  let loaded = 0;
  const reader = reply.body.getReader();
  for (let part = await reader.read(); part.value; part = await reader.read()) {
    parts.push(part.value);
    loaded += part.value.length;
    progress?.(loaded, total);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** @param {Pose} pose @returns {[Tensor, Tensor]} joints (1, 18, 2), and which are there (1, 18) */
function joints(pose) {
  const points = pose.flatMap((point) => (point ? [point.y, point.x] : [0, 0]));
  const seen = pose.map((point) => (point ? 1 : 0));
  return [
    new Tensor("float32", Float32Array.from(points), [1, pose.length, 2]),
    new Tensor("bool", Uint8Array.from(seen), [1, pose.length]),
  ];
}

/** @param {InferenceSession} session @param {Wanted} wanted */
async function draw(session, { photo, source, target }) {
  const began = performance.now();
  const picture = new Tensor("uint8", photo.data, [1, photo.height, photo.width, 3]);
  const [from, seen] = joints(source);
  const [to, shown] = joints(target);
  const given = {
    photo: picture,
    source_keypoints: from,
    source_visible: seen,
    target_keypoints: to,
    target_visible: shown,
    background: picture,
    background_told: new Tensor("bool", Uint8Array.of(0), [1]), // the photo without the person
    view: new Tensor("int8", Int8Array.of(UNKNOWN), [1]),
  };
  const known = Object.entries(given).filter(([name]) => session.inputNames.includes(name));
  const made = await session.run(Object.fromEntries(known));
  const [data, finite] = [made["picture"]?.data, made["finite"]?.data];
  if (!(data instanceof Uint8Array) || !(finite instanceof Uint8Array)) {
    throw new Error("the model gives no picture");
  }
  if (!finite[0]) throw new Error("what the model draws is not finite");
  const copy = data.slice();
  say({ data: copy, ms: performance.now() - began }, [copy.buffer]);
}

/**
 * The most prominent person's joints, in pixels of the picture.
 * @param {Estimator} estimator
 * @param {Picture} picture of the size that the network sees
 * @param {number} joints
 */
async function find(estimator, { height, width, data }, joints) {
  finder ??= await InferenceSession.create(await fetched(estimator.file), OPTIONS);
  const made = await finder.run({ image: new Tensor("uint8", data, [1, height, width, 3]) });
  const [map, fields] = [made["joints"], made["fields"]];
  if (!(map?.data instanceof Float32Array) || !(fields?.data instanceof Float32Array)) {
    throw new Error("the estimator gives no maps");
  }
  const [, rows = 0, columns = 0] = map.dims;
  const maps = { height: rows, width: columns, joints: map.data, fields: fields.data };
  say({ found: found(estimator, maps, joints) });
}

/** @type {InferenceSession | undefined} */
let drawer;
/** @type {InferenceSession | undefined} */
let finder;

/** @typedef {{estimator: Estimator, picture: Picture, joints: number}} Search */

self.addEventListener("message", async (event) => {
  /** @type {{model?: Model, wanted?: Wanted, search?: Search}} */
  const { model, wanted, search } = event.data;
  try {
    if (model) {
      const bytes = await fetched(model.file, (loaded, total) => say({ loaded, total }));
      drawer = await InferenceSession.create(bytes, OPTIONS);
      say({ ready: true });
    }
    if (wanted && drawer) await draw(drawer, wanted);
    if (search) await find(search.estimator, search.picture, search.joints);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    say(search ? { lost: text } : { failed: text });
  }
});
