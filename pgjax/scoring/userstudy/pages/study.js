// @ts-check
// The page of a study: shows its trials, keeps the answers in this browser, sends them or saves them as a file.
// pgjax/scoring/userstudy/answers.py says what is sent.

/**
 * What study.json holds.
 * @typedef {object} Plan
 * @property {string} digest
 * @property {"real_or_generated" | "preference"} kind
 * @property {string} question
 * @property {[string, string]} choices
 * @property {number} practice
 * @property {number} seconds
 * @property {number} width
 * @property {number} height
 * @property {string[][]} trials
 */

/**
 * Times are milliseconds since the pictures appeared.
 * @typedef {object} Answer
 * @property {string[]} pictures
 * @property {string} answer
 * @property {number} shown
 * @property {number} taken
 * @property {number} views
 */

/**
 * What the browser keeps.
 * @typedef {object} State
 * @property {string} person
 * @property {number} began milliseconds since 1970; 0: not yet
 * @property {number} views how often the pictures of the next trial were shown already
 * @property {Answer[]} answers
 * @property {number} arrived how many answers a server has acknowledged
 * @property {number} saved how many were saved as a file
 */

const GAP = 300; // ms without a picture between two trials
const AHEAD = 4; // trials whose pictures are loaded before they are needed
const PATIENCE = 20_000; // ms that a server may take

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`no ${kind.name} called ${id}`);
  return found;
}

/** @param {string} id */
const button = (id) => element(id, HTMLButtonElement);
/** @param {string} id */
const place = (id) => element(id, HTMLElement);

/** @type {Plan} */
const plan = JSON.parse(element("study", HTMLScriptElement).text);
const total = plan.trials.length;
const names =
  plan.kind === "preference" ? ["Left", "Right"] : ["Real", "Generated"];
const choices = [button("first"), button("second")];
const stage = place("stage");
const KEY = `pgjax userstudy ${plan.digest}`;

/** @returns {State} */
function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const person = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { person, began: 0, views: 0, answers: [], arrived: 0, saved: 0 };
}

/** @returns {State} */
function load() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") ?? fresh();
  } catch {
    return fresh(); // the browser keeps nothing, or somebody has changed what it kept
  }
}

let state = load();
let kept = true;
let onset = 0;
let shown = 0;
let waiting = false; // for an answer
let turn = 0; // which call of `present` may go on

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
    kept = true;
  } catch {
    kept = false;
  }
}

/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const frame = () => new Promise((done) => requestAnimationFrame(done));

/** @param {"welcome" | "trial" | "end"} section */
function open(section) {
  for (const id of ["welcome", "trial", "end"]) place(id).hidden = id !== section;
}

/** @type {Map<string, Promise<HTMLImageElement>>} */
const loading = new Map();

/** @param {string} token */
function picture(token) {
  const begun = loading.get(token);
  if (begun) return begun;
  const image = new Image(plan.width, plan.height);
  image.alt = "A picture of the study";
  image.src = `pictures/${token}.png`;
  const loaded = image.decode().then(() => image);
  loading.set(token, loaded);
  loaded.catch(() => loading.delete(token)); // is tried again when it is needed
  return loaded;
}

/**
 * Loads the pictures of a trial, again and again where the network fails, and begins to load those after it.
 * @param {number} index
 */
async function pictures(index) {
  for (;;) {
    try {
      const found = await Promise.all((plan.trials[index] ?? []).map(picture));
      for (const trial of plan.trials.slice(index + 1, index + 1 + AHEAD)) trial.forEach(picture);
      return found;
    } catch {
      place("place").textContent = "A picture could not be loaded. It is tried again.";
      await pause(2000);
    }
  }
}

async function present() {
  const index = state.answers.length;
  if (index === total) return finish();
  turn += 1;
  const mine = turn;
  open("trial");
  waiting = false;
  for (const choice of choices) choice.setAttribute("aria-disabled", "true");
  const found = await pictures(index);
  await pause(GAP);
  if (mine !== turn) return; // stopped meanwhile
  place("place").textContent =
    index < plan.practice
      ? `Practice ${index + 1} of ${plan.practice}`
      : `${index + 1 - plan.practice} of ${total - plan.practice}`;
  element("bar", HTMLProgressElement).value = index;
  state.views += 1;
  keep();
  await frame();
  if (mine !== turn) return;
  stage.replaceChildren(...found);
  await frame(); // which shows them
  onset = performance.now();
  if (plan.seconds > 0) {
    await pause(1000 * plan.seconds);
    if (mine !== turn) return;
    stage.replaceChildren();
    shown = Math.round(performance.now() - onset);
  }
  if (mine !== turn) return;
  waiting = true;
  for (const choice of choices) choice.removeAttribute("aria-disabled");
}

/** @param {number} which */
function choose(which) {
  const trial = plan.trials[state.answers.length];
  const answer = plan.choices[which];
  if (!waiting || !trial || !answer) return;
  waiting = false;
  const taken = Math.round(performance.now() - onset);
  stage.replaceChildren();
  state.answers.push({
    pictures: trial,
    answer,
    shown: plan.seconds > 0 ? shown : taken,
    taken,
    views: state.views,
  });
  state.views = 0;
  keep();
  void present();
}

function finish() {
  turn += 1;
  waiting = false;
  stage.replaceChildren();
  open("end");
  place("message").textContent = "";
  report();
  place("thanks").focus();
}

/** Says where the answers are, and offers what can be done with them. */
function report() {
  const count = state.answers.length;
  const arrived = state.arrived === count;
  const saved = state.saved === count;
  const all = count === total;
  const online = location.protocol !== "file:";
  place("thanks").textContent = all ? "That was the last one. Thank you!" : "Stopped for now";
  const answered = `You have given ${count} of ${total} answers.`;
  const where = arrived
    ? "They have arrived. You may close this page."
    : saved
      ? "They are saved in a file. Please give it to the person who asked you to take part."
      : kept
        ? "They are kept in this browser only. Please send them, or save them as a file."
        : "This browser keeps nothing. Please send them, or save them as a file, before you close this page.";
  place("state").textContent = count ? `${answered} ${where}` : answered;
  button("send").hidden = !online || arrived || !count;
  button("save").hidden = !count;
  button("save").classList.toggle("main", !online);
  button("go_on").hidden = all;
  button("another").hidden = !(all && (arrived || saved));
}

function parcel() {
  const { person, began, answers } = state;
  return JSON.stringify({ study: plan.digest, person, began, sent: Date.now(), answers });
}

async function send() {
  const count = state.answers.length;
  const message = place("message");
  button("send").disabled = true;
  message.textContent = "Sending ...";
  try {
    const reply = await fetch("answers", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: parcel(),
      signal: AbortSignal.timeout(PATIENCE),
    });
    const said = await reply.json();
    if (reply.ok && said.answers >= count) {
      state.arrived = count;
      keep();
      message.textContent = "";
    } else {
      message.textContent = `The answers were not taken: ${said.told}. Please save them as a file.`;
    }
  } catch {
    message.textContent =
      "The answers could not be sent. They are kept here. Please try again later, or save them as a file.";
  }
  button("send").disabled = false;
  report();
  (state.arrived === count ? place("thanks") : button("send")).focus();
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([parcel()], { type: "application/json" }));
  link.download = `answers_${state.person.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), PATIENCE);
  state.saved = state.answers.length;
  keep();
  report();
}

function welcome() {
  const pair = plan.kind === "preference";
  const what = pair ? "pairs of pictures" : "pictures";
  place("task").textContent = pair
    ? `You will see ${total} ${what}, one pair after the other. Each time, say which of the two you prefer.`
    : `You will see ${total} ${what}, one after the other. Some are real photos. The others were generated by a computer. Say which is which.`;
  const time =
    plan.seconds > 0
      ? `Each is shown for ${plan.seconds === 1 ? "one second" : `${plan.seconds} seconds`} only. Then take as long as you like to answer.`
      : "Take as long as you like.";
  const practice = `The first ${plan.practice} are for practice. They do not count.`;
  const rules = [time, ...(plan.practice ? [practice] : [])].map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  const item = document.createElement("li");
  item.append("Click the buttons, or use the keys ");
  for (const [key, name, end] of [["←", names[0], ", "], ["→", names[1], "."]]) {
    const cap = document.createElement("kbd");
    cap.textContent = key ?? "";
    item.append(cap, ` ${name}${end}`);
  }
  place("rules").replaceChildren(...rules, item);
  place("keeping").textContent =
    "Your answers stay in this browser until you send them or save them as a file. No name is asked for. You can stop at any time, and go on later.";
  button("begin").textContent = state.answers.length ? "Go on" : "Begin";
  open("welcome");
  button("begin").focus();
}

function begin() {
  if (!state.began) state.began = Date.now();
  keep();
  void present();
  place("question").focus(); // not a choice, which would look like the one to take
}

place("question").textContent = plan.question;
stage.style.minHeight = `calc(${plan.height}px + 1.5rem)`;
element("bar", HTMLProgressElement).max = total;
choices.forEach((choice, which) => {
  const arrow = which ? " →" : "← ";
  choice.textContent = which ? `${names[which]}${arrow}` : `${arrow}${names[which]}`;
  choice.addEventListener("click", () => choose(which));
});
button("begin").addEventListener("click", begin);
button("go_on").addEventListener("click", begin);
button("stop").addEventListener("click", finish);
button("send").addEventListener("click", () => void send());
button("save").addEventListener("click", save);
button("another").addEventListener("click", () => {
  state = fresh();
  keep();
  welcome();
});
document.addEventListener("keydown", (event) => {
  if (place("trial").hidden) return;
  const which = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
  const modified = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
  if (event.repeat && (which >= 0 || event.key === "Enter" || event.key === " ")) {
    event.preventDefault(); // a key that is held down answers once
  } else if (which >= 0 && !modified) {
    event.preventDefault();
    choose(which);
  }
});
// Another tab of this browser has gone on with the study.
addEventListener("storage", (event) => {
  if (event.key === KEY) location.reload();
});

if (state.answers.length === total) finish();
else welcome();
