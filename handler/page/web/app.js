// The page's state is its form, and the address that the form makes. Every state is a page of the server's own.

import { complete } from "./complete.js";
import { cancel, measure, remember, revisit, show } from "./results.js";

const TYPING_MS = 140, SETTLED_MS = 1500;
const form = document.getElementById("search");
const box = document.getElementById("q");

let settled = true; // whether the address stands for a question asked, rather than for one half typed
let typingTimer = 0, settledTimer = 0;
let shown = location.search;

function go(url, { replace = false, ...how } = {}) {
  clearTimeout(typingTimer);
  clearTimeout(settledTimer);
  const address = new URL(url, location.href);
  address.hash = "";
  if (!address.search) address.search = ""; // takes a bare ? away
  if (address.href !== location.href) {
    history.replaceState({ top: window.scrollY }, "");
    history[replace ? "replaceState" : "pushState"](null, "", address);
  }
  shown = address.search;
  return show(address.href, how);
}

function address() {
  const all = [...new FormData(form)].map(([name, value]) => [name, value.trim()]);
  const given = all.filter(([name, value]) => value && !(name === "mode" && value === "hybrid"));
  return `?${new URLSearchParams(given)}`;
}

function typed() {
  go(address(), { replace: !settled, typing: true, live: true });
  settled = false;
  settledTimer = setTimeout(() => { settled = true; }, SETTLED_MS);
}

function ask(how) {
  const replace = !settled;
  settled = true;
  return go(address(), { replace, ...how });
}

box.addEventListener("input", (event) => {
  clearTimeout(typingTimer);
  cancel();
  if (!event.isComposing) typingTimer = setTimeout(typed, TYPING_MS);
});
box.addEventListener("compositionend", () => { typingTimer = setTimeout(typed, TYPING_MS); });

// A long question wraps and the box grows with it, also where CSS can't do that.
const clear = document.getElementById("clear");
const grows = CSS.supports("field-sizing", "content");
function fit() {
  clear.hidden = !box.value;
  if (grows) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}
box.addEventListener("input", fit);
document.addEventListener("shown", fit);
fit();

clear.addEventListener("click", () => {
  box.value = "";
  fit();
  box.focus();
});

const closeCompletions = complete(box, document.getElementById("completions"), () => ask({ typing: true }));

// After the list of completions, which may take the key.
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
  event.preventDefault();
  form.requestSubmit();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  closeCompletions();
  ask({ typing: true });
});

document.addEventListener("change", (event) => {
  if (event.target.form === form && event.target !== box) ask({ typing: true });
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='?']");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  settled = true;
  go(link.getAttribute("href"), { focus: true });
});

// Arrows lead from the box to the titles, and from title to title.
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const titles = [...document.querySelectorAll("#view h3 a")];
  const at = titles.indexOf(event.target);
  const leaves = event.target === box && step > 0 && box.selectionEnd === box.value.length;
  if (at < 0 && !leaves) return;
  const to = at + step < 0 ? box : titles[at + step];
  if (!to) return;
  event.preventDefault();
  to.focus();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
  box.select();
});

window.addEventListener("popstate", (event) => {
  if (location.search === shown) return; // only the fragment changed
  shown = location.search;
  settled = true;
  clearTimeout(typingTimer);
  revisit(event.state?.top ?? 0);
});

history.scrollRestoration = "manual";
remember();
measure();
window.addEventListener("resize", measure);
if (document.body.dataset.kind === "home" && matchMedia("(hover: hover)").matches) box.focus({ preventScroll: true });
