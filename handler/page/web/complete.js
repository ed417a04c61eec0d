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

  function open(suggestions) {
    options = suggestions.map((suggestion) => suggestion.text);
    list.replaceChildren(...suggestions.map(item));
    list.hidden = false;
    choose(-1);
  }

  function item({ text, kind }, place) {
    const element = document.createElement("li");
    element.id = `completion-${place}`;
    element.setAttribute("role", "option");
    element.dir = "auto";
    element.append(marked(text));
    if (kind) element.append(Object.assign(document.createElement("small"), { textContent: kind }));
    return element;
  }

  /** Return the text with what was typed in bold. */
  function marked(text) {
    const span = document.createElement("span");
    const words = typedPart().toLowerCase().split(/\s+/).filter(Boolean);
    for (const piece of text.split(/(?<=[^\p{L}\p{N}])(?=[\p{L}\p{N}])/u)) {
      const lower = piece.toLowerCase();
      const length = Math.max(0, ...words.filter((word) => lower.startsWith(word)).map((word) => word.length));
      if (length) span.append(Object.assign(document.createElement("b"), { textContent: piece.slice(0, length) }));
      span.append(piece.slice(length));
    }
    return span;
  }

  /** Return what stands before the caret: in the middle of a sentence, that is completed. */
  function typedPart() {
    const caret = box.selectionEnd;
    return /^\S/.test(box.value.slice(caret)) ? "" : box.value.slice(0, caret).trim();
  }

  async function ask() {
    const typed = typedPart();
    request?.abort();
    const mine = request = new AbortController();
    try {
      const name = document.getElementById("index")?.value;
      const where = name ? `indexes/${encodeURIComponent(name)}/` : "";
      const answer = await fetch(`${where}suggest?${new URLSearchParams({ q: typed, k: MOST })}`, { signal: mine.signal });
      if (answer.status === 404) offered = false; // this deployment has none
      if (!answer.ok || mine !== request) return;
      const { suggestions } = await answer.json();
      if (mine !== request || typedPart() !== typed) return;
      const others = suggestions.slice(0, MOST).filter(({ text }) => text.toLowerCase() !== typed.toLowerCase());
      if (others.length && document.activeElement === box) open(others);
      else close();
    } catch {
      if (mine === request) close(); // completions are a courtesy: the search goes on without
    }
  }

  function takeAt(at) {
    const rest = box.value.slice(box.selectionEnd).trimStart();
    box.value = rest ? `${options[at]} ${rest}` : options[at];
    box.setSelectionRange(options[at].length, options[at].length);
    close();
    take();
  }

  box.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (typedPart().length < LEAST) close();
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
