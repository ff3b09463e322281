// Search in the page: over headings, paragraphs, captions and rows, without a stored index.
"use strict";
(() => {
  const SEARCHED = "h1, h2, h3, p, li, dt, dd, figcaption, caption, tbody tr, pre, .csl-entry";
  const WEIGHTS = { H1: 5, H2: 4, H3: 4, DT: 4, FIGCAPTION: 2, CAPTION: 2, DIV: 0 }; // 1 for others
  const SHOWN = 40;

  const { escaped } = searching;
  const plain = (text) => text.replace(/\s+/g, " ").trim();

  // Without citations and their marks; a formula is read as it is set, not as it was written.
  function words(element) {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".citation, .citation + sup, annotation").forEach((part) => part.remove());
    return copy.textContent;
  }

  // Every piece of text once, with the section that it stands in.
  function gather() {
    const entries = [];
    let section = "";
    for (const element of document.querySelectorAll(`main :is(${SEARCHED})`)) {
      if (element.closest(".filter, .tools, details") || element.querySelector("p, li")) continue;
      const text = plain(words(element)).replace(/ (?=[,.;:])/g, "");
      if (/^H[123]$/.test(element.tagName)) section = text;
      if (text) entries.push({ element, text, section, folded: text.toLowerCase() });
    }
    return entries;
  }

  // Best first: what begins with the words, as a phrase or each; then by the kind of text.
  function find(entries, words) {
    const begins = words.map((word) => new RegExp(`(?<![\\w.,])${escaped(word)}`));
    const phrase = new RegExp(`(?<![\\w.,])${escaped(words.join(" "))}`);
    return entries
      .filter(({ folded }) => words.every((word) => folded.includes(word)))
      .map((entry) => {
        const exact = phrase.test(entry.folded) ? 5 : 0;
        const whole = begins.every((word) => word.test(entry.folded)) ? 3 : 0;
        return [(WEIGHTS[entry.element.tagName] ?? 1) + exact + whole, entry];
      })
      .sort(([a], [b]) => b - a) // equal ones keep the order of the page
      .map(([, entry]) => entry);
  }

  // The parts of a text that are one of the words, and those between.
  function parts(text, words) {
    return text.split(new RegExp(`(${words.map(escaped).join("|")})`, "i"));
  }

  function snippet({ text, folded }, words) {
    return searching.around(text, Math.min(...words.map((word) => folded.indexOf(word))));
  }

  let shown; // the element that was jumped to last
  function clear() {
    shown?.classList.remove("found");
    globalThis.CSS.highlights?.delete("found");
  }

  function highlight(element, words) {
    clear();
    shown = element;
    element.classList.add("found");
    if (!globalThis.CSS.highlights) return;
    const ranges = [];
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      let from = 0;
      parts(texts.currentNode.data, words).forEach((part, number) => {
        if (number % 2) {
          const range = new Range();
          range.setStart(texts.currentNode, from);
          range.setEnd(texts.currentNode, from + part.length);
          ranges.push(range);
        }
        from += part.length;
      });
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }

  document.addEventListener("DOMContentLoaded", () => {
    const dialog = document.getElementById("search");
    const input = dialog.querySelector("input");
    const status = dialog.querySelector("[role=status]");
    const list = dialog.querySelector("ol");
    let entries;
    let words = [];

    function jump(element) {
      dialog.close();
      if (element.hidden) element.closest("table").dispatchEvent(new Event("unfilter"));
      highlight(element, words);
      element.scrollIntoView({ block: "center" });
      element.tabIndex = -1;
      element.focus({ preventScroll: true });
    }

    function result(entry) {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const place = document.createElement("span");
      const text = document.createElement("span");
      button.type = "button";
      place.className = "place";
      place.textContent = entry.section;
      const said = entry.text === entry.section ? entry.text : snippet(entry, words);
      text.append(...searching.marked(parts(said, words)));
      button.append(...(entry.text === entry.section ? [text] : [place, text]));
      button.addEventListener("click", () => jump(entry.element));
      item.append(button);
      return item;
    }

    function search() {
      words = plain(input.value.toLowerCase()).split(" ").filter(Boolean);
      const found = words.length ? find(entries, words) : [];
      list.replaceChildren(...found.slice(0, SHOWN).map(result));
      list.scrollTop = 0;
      status.textContent = words.length ? searching.count(found.length, SHOWN) : "";
    }

    searching.equip(dialog, { open: () => { entries ??= gather(); }, search, stops: "button", escape: clear });
  });
})();
