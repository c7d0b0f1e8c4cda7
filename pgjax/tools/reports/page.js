// @ts-check
// A point of a chart opens the picture that it links to; without this script it goes there.

const BY = new Map([["ArrowLeft", -1], ["ArrowUp", -1], ["ArrowRight", 1], ["ArrowDown", 1]]);
const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("shown"));
/** @type {Element[]} The points of the chart that was used last. */
let points = [];
let current = 0;

/**
 * The point that Tab goes to.
 * @param {number} index
 */
function choose(index) {
  points[current]?.setAttribute("tabindex", "-1");
  current = Math.min(Math.max(index, 0), points.length - 1);
  points[current]?.setAttribute("tabindex", "0");
}

function focus() {
  const point = points[current];
  if (point instanceof SVGElement) point.focus();
}

function show() {
  const link = points[current]?.getAttribute("href") ?? "#";
  const pair = /** @type {Element | undefined} */ (
    document.getElementById(link.slice(1))?.cloneNode(true)
  );
  if (pair === undefined) return;
  pair.removeAttribute("id");
  dialog.querySelector("div")?.replaceChildren(pair);
  if (!dialog.open) dialog.showModal();
}

/**
 * Whether a key went to another point.
 * @param {KeyboardEvent} event
 */
function stepped(event) {
  const by = BY.get(event.key);
  if (by === undefined) return false;
  event.preventDefault();
  choose(current + by);
  return true;
}

/**
 * The point of an event; it becomes the current one.
 * @param {Event} event
 * @param {Element[]} links of its chart
 */
function pointed(event, links) {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null) return false;
  points = links;
  current = links.findIndex((one) => one.getAttribute("tabindex") === "0");
  choose(links.indexOf(link));
  return true;
}

for (const chart of document.querySelectorAll(".scatter svg")) {
  const links = [...chart.querySelectorAll("a")];
  links.forEach((link, i) => link.setAttribute("tabindex", i ? "-1" : "0"));
  chart.addEventListener("click", (event) => {
    if (!pointed(event, links)) return;
    event.preventDefault();
    show();
  });
  chart.addEventListener("keydown", (event) => {
    if (event instanceof KeyboardEvent && pointed(event, links) && stepped(event)) focus();
  });
}

// The event "close" comes later, perhaps after the next key, which is to go on from this point.
function close() {
  dialog.close();
  focus();
}

dialog.addEventListener("keydown", (event) => {
  if (stepped(event)) {
    show();
  } else if (event.key === "Escape") {
    event.preventDefault();
    close();
  }
});
dialog.addEventListener("close", focus);
dialog.querySelector("button")?.addEventListener("click", close);
