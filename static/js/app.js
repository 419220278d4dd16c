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

const showCurrentTabs = () => document.querySelectorAll(".subnav [aria-current], .tabs [aria-current]").forEach((tab) => {
  const bar = tab.parentElement;  // on a phone the current one may stand outside
  bar.scrollLeft = tab.offsetLeft - bar.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
});
showCurrentTabs();
document.addEventListener("htmx:oobAfterSwap", showCurrentTabs);
