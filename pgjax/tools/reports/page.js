"use strict";
// A point of a chart opens the picture that it links to; without this script it goes there.
const dialog = document.getElementById("shown");
const place = dialog.querySelector("div");
let points = [];
let current = 0;

function focusOn(index) {
  points[current].setAttribute("tabindex", "-1");
  current = Math.min(Math.max(index, 0), points.length - 1);
  points[current].setAttribute("tabindex", "0");
}

function show() {
  const link = points[current].getAttribute("href");
  const pair = document.getElementById(link.slice(1)).cloneNode(true);
  pair.removeAttribute("id");
  place.replaceChildren(pair);
  if (!dialog.open) dialog.showModal();
}

function step(event) {
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (by === undefined || points.length === 0) return false;
  event.preventDefault();
  focusOn(current + by);
  return true;
}

for (const chart of document.querySelectorAll(".scatter")) {
  const links = [...chart.querySelectorAll("a")];
  links.forEach((link, i) => link.setAttribute("tabindex", i ? "-1" : "0"));
  const begin = (link) => {
    points = links;
    current = Math.max(0, links.findIndex((one) => one.getAttribute("tabindex") === "0"));
    focusOn(links.indexOf(link));
  };
  chart.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    begin(link);
    show();
  });
  chart.addEventListener("keydown", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    begin(link);
    if (step(event)) points[current].focus();
  });
}

dialog.addEventListener("keydown", (event) => {
  if (step(event)) show();
});
dialog.addEventListener("close", () => points[current].focus());
dialog.querySelector("button").addEventListener("click", () => dialog.close());
