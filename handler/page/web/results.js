// Fetches a state of the page and puts it in place: the latest request wins, however the answers arrive.

const view = document.getElementById("view");
const box = document.getElementById("q");
const SKELETON_MS = 150, SLOW_MS = 4000, LIMIT_MS = 35000, TELL_MS = 700, KEPT = 30;

const kept = new Map(); // what was shown, by address: the way back needs no request
let pending = null, retryTimer = 0, tellTimer = 0;

/** Show the page at `url`. While somebody types, leave the search box alone; `focus` moves on to the results.
 *  `live`: the last word may be half of one. */
export async function show(url, { typing = false, focus = false, live = false } = {}) {
  cancel();
  const request = pending = new AbortController();
  const timers = [
    setTimeout(loading, SKELETON_MS),
    setTimeout(slow, SLOW_MS),
    setTimeout(() => request.abort(), LIMIT_MS),
  ];
  const again = () => show(url, { typing, focus, live });
  try {
    const half = live && new URL(url).searchParams.has("q") ? "&typing=true" : "";
    const answer = await fetch(url + half, { signal: request.signal, headers: { Accept: "text/html" } });
    const text = await answer.text();
    if (request !== pending) return;
    if (answer.redirected) history.replaceState(null, "", answer.url);
    const page = parse(text);
    if (answer.ok && !half) keep(location.href, text);
    put(page, { typing, focus });
    const seconds = Number(view.dataset.retry);
    if (seconds) retryTimer = setTimeout(again, 1000 * seconds);
  } catch {
    if (request === pending) fail(again);
  } finally {
    timers.forEach(clearTimeout);
    if (request === pending) pending = null;
  }
}

/** Show a state that was shown before, from memory if it is still there. */
export async function revisit(scrollTop) {
  cancel();
  const text = kept.get(location.href);
  if (text) put(parse(text), { old: true });
  else await show(location.href);
  window.scrollTo(0, scrollTop);
}

/** Give up the request that is under way. */
export function cancel() {
  pending?.abort();
  pending = null;
  clearTimeout(retryTimer);
}

/** Remember the page as the server sent it. */
export function remember() {
  keep(location.href, document.documentElement.outerHTML);
  if (Number(view.dataset.retry)) retryTimer = setTimeout(() => show(location.href), 1000 * view.dataset.retry);
}

function keep(url, text) {
  kept.delete(url);
  kept.set(url, text);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
}

function parse(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  if (!page.getElementById("view")) throw new Error("not a page of ours");
  return page;
}

function put(page, { typing = false, focus = false, old = false }) {
  const fresh = page.getElementById("view");
  const versions = [view.dataset.version, fresh.dataset.version];
  const open = [...view.querySelectorAll("details[open][id]")].map((element) => element.id);
  const active = document.activeElement?.id;
  view.replaceChildren(...fresh.childNodes);
  Object.assign(view.dataset, fresh.dataset);
  view.removeAttribute("aria-busy");
  document.body.dataset.kind = page.body.dataset.kind;
  document.getElementById("foot").replaceChildren(...page.getElementById("foot").childNodes);
  document.title = page.title;
  for (const link of ["h1 a", ".lucky"]) document.querySelector(link).setAttribute("href", page.querySelector(link).getAttribute("href"));
  const index = document.getElementById("index");
  if (index && !typing) index.value = page.getElementById("index").value;
  if (!typing) {
    box.value = view.dataset.query;
    document.dispatchEvent(new Event("shown"));
    document.querySelector(`input[name=mode][value=${view.dataset.mode}]`).checked = true;
  }
  measure();
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  if (active && active !== document.activeElement?.id) document.getElementById(active)?.focus({ preventScroll: true });
  if (focus) {
    window.scrollTo(0, 0);
    document.getElementById("heading")?.focus({ preventScroll: true });
  }
  const swapped = !old && versions[0] && versions[1] && versions[0] !== versions[1];
  notice(swapped ? "The collection was updated while you were here. These results are from its new version." : "");
  tell(view.dataset.status);
}

/** Offer "more" only where the first lines of a passage are not all of it. */
export function measure() {
  for (const passage of view.querySelectorAll(".passage")) {
    const hidden = passage.scrollHeight > passage.clientHeight + 2 || passage.querySelector(".lead");
    passage.closest("li").toggleAttribute("data-short", !hidden && !passage.parentElement.querySelector(".rest[open]"));
  }
}

function loading() {
  if (document.body.dataset.kind === "home") document.body.dataset.kind = "results";
  (view.querySelector(".results") ?? view).replaceChildren(template("loading"));
  view.setAttribute("aria-busy", "true");
}

function slow() {
  const text = view.querySelector(".slow");
  if (!text) return;
  text.hidden = false;
  tell(text.textContent);
}

function fail(again) {
  const offline = !navigator.onLine;
  view.removeAttribute("aria-busy");
  (view.querySelector(".results") ?? view).replaceChildren(template(offline ? "offline" : "failed"));
  const button = view.querySelector("[data-retry]");
  button.addEventListener("click", again);
  if (offline) window.addEventListener("online", () => button.isConnected && again(), { once: true });
  tell(view.querySelector("h2").textContent);
}

function template(id) {
  return document.getElementById(id).content.cloneNode(true);
}

function notice(text) {
  document.getElementById("notice").textContent = text;
}

function tell(text) {
  clearTimeout(tellTimer); // screen readers hear the outcome, not every letter's
  tellTimer = setTimeout(() => { document.getElementById("status").textContent = text; }, TELL_MS);
}
