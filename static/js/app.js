// Keyboard and selection; every page works without it.
"use strict";

const rows = () => [...document.querySelectorAll("tr.is-row")];
const BOXES = "input[name=orders], input[name=links]";
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.classList.contains("is-current"));
  all.forEach((row) => row.classList.remove("is-current"));
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  next.classList.add("is-current");
  next.scrollIntoView({ block: "nearest" });
}

function countSelected() {
  const bar = document.getElementById("bulk");
  if (!bar) return;
  const boxes = [...document.querySelectorAll(BOXES)];
  const chosen = boxes.filter((box) => box.checked).length;
  bar.hidden = chosen === 0;
  bar.querySelector("[data-count]").textContent = chosen;
}

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "Escape") document.querySelectorAll("details.pop[open]").forEach((menu) => menu.removeAttribute("open"));
  if (typing(event.target)) return;
  const current = document.querySelector("tr.is-current");
  if (event.key === "/") {
    event.preventDefault();
    document.querySelector("input[type=search]")?.focus();
  } else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "Enter" && current) current.querySelector("a.order-link")?.click();
  else if (event.key === "x" && current) current.querySelector(BOXES)?.click();
  else if (/^[0-9a-z]$/.test(event.key)) document.querySelector(`[data-key="${event.key}"]`)?.click();
});

document.addEventListener("change", (event) => {
  if (event.target.id === "select-all") {
    document.querySelectorAll(BOXES).forEach((box) => { box.checked = event.target.checked && !box.disabled; });
  }
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  countSelected();
});

document.addEventListener("click", (event) => {
  document.querySelectorAll("details.pop[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
});

document.addEventListener("htmx:afterSwap", countSelected);

// A part of the page that is replaced takes the keyboard's place with it; htmx gives it back to what has an id alone.
const likeness = (e) => [e.tagName, e.getAttribute("href"), e.form?.getAttribute("action"), e.name, e.textContent.trim()].join("|");
let left = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const now = document.activeElement;
  left = now && !now.id && event.detail.target.contains(now) ? likeness(now) : "";
});
document.addEventListener("htmx:afterSettle", () => {
  if (!left || document.activeElement !== document.body) return;
  const all = [...document.querySelectorAll("#main :is(a[href], button, input, select, textarea, summary)")];
  all.find((each) => likeness(each) === left)?.focus({ preventScroll: true });
  left = "";
});

const offerCopying = () => document.querySelectorAll("[data-copy][hidden]").forEach((button) => {
  button.hidden = !navigator.clipboard;  // there is none on a page without https
});
offerCopying();
document.addEventListener("htmx:afterSwap", offerCopying);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it and copy it by hand";
  }
});

const showCurrentTabs = () => document.querySelectorAll(".subnav [aria-current], .tabs [aria-current]").forEach((tab) => {
  const bar = tab.parentElement;  // on a phone the current one may stand outside
  bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
});
showCurrentTabs();
document.addEventListener("htmx:oobAfterSwap", showCurrentTabs);
