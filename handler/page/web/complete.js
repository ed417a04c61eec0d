// Completions below the search box, as a list: arrows choose, enter takes, escape closes.

const LEAST = 2, MOST = 6, WAIT_MS = 90;

/** Offer completions for what is typed into `box`; `take` is called when one is taken. */
export function complete(box, list, take) {
  let options = [], chosen = -1, timer = 0, request = null, offered = true;

  // A textarea can't be a combobox: it says that it has a list, and which option is active.
  box.setAttribute("aria-haspopup", "listbox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  close();

  function close() {
    clearTimeout(timer);
    request?.abort();
    options = [];
    list.hidden = true;
    list.replaceChildren();
    choose(-1);
  }

  function choose(at) {
    chosen = at;
    [...list.children].forEach((item, place) => item.setAttribute("aria-selected", String(place === at)));
    if (at < 0) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", list.children[at].id);
  }

  function open(texts) {
    options = texts;
    list.replaceChildren(...texts.map(item));
    list.hidden = false;
    choose(-1);
  }

  function item(text, place) {
    const element = document.createElement("li");
    element.id = `completion-${place}`;
    element.setAttribute("role", "option");
    element.dir = "auto";
    element.textContent = text;
    return element;
  }

  async function ask() {
    const typed = box.value.trim();
    request?.abort();
    const mine = request = new AbortController();
    try {
      const answer = await fetch(`suggest?${new URLSearchParams({ q: typed, k: MOST })}`, { signal: mine.signal });
      if (answer.status === 404) offered = false; // this deployment has none
      if (!answer.ok || mine !== request) return;
      const texts = (await answer.json()).suggestions.map((suggestion) => suggestion.text).slice(0, MOST);
      if (mine !== request || box.value.trim() !== typed) return;
      const others = texts.filter((text) => text.toLowerCase() !== typed.toLowerCase());
      if (others.length && document.activeElement === box) open(others);
      else close();
    } catch {
      if (mine === request) close(); // completions are a courtesy: the search goes on without
    }
  }

  function takeAt(at) {
    box.value = options[at];
    close();
    take();
  }

  box.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (box.value.trim().length < LEAST) close();
    else if (offered && !event.isComposing) timer = setTimeout(ask, WAIT_MS);
  });

  box.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const places = options.length + 1; // one of them is the text as typed
    if (event.key === "ArrowDown") choose(((chosen + 2) % places) - 1);
    else if (event.key === "ArrowUp") choose(((chosen + places) % places) - 1);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && chosen >= 0) takeAt(chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  box.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
  list.addEventListener("click", (event) => {
    const at = [...list.children].indexOf(event.target.closest("li"));
    if (at >= 0) takeAt(at);
  });

  return close;
}
