// Search over all pages of the site and the sections of the report. Its index is made of the
// documents as a reader first asks for it; they come as scripts, since a page opened from a disk may
// not fetch data.
"use strict";
(() => {
  const SHOWN = 30;
  const AROUND = 70; // characters on each side of what was found
  const FUZZY = 5; // letters, from which on a word may be misspelt
  const PAIR = 0.55; // of the weight of others: there are thousands of pairs
  const EXHIBITS = ["Figure", "Table"]; // whose further words are their section
  const FIELDS = ["title", "about", "further"];

  const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  function load(address) {
    const script = document.createElement("script");
    script.src = address;
    return new Promise((done, failed) => {
      script.addEventListener("load", done);
      script.addEventListener("error", () => failed(new Error(`${address} is not there`)));
      document.head.append(script);
    });
  }

  async function index({ root, engine, documents }) {
    await Promise.all([load(engine), load(documents)]);
    await load(root + searchPath);
    const found = new MiniSearch({
      fields: FIELDS,
      storeFields: ["kind", "path", "title", "about", "section"],
      searchOptions: {
        boost: { title: 6, further: 2 },
        prefix: (word) => word.length > 1,
        fuzzy: (word) => word.length >= FUZZY && !/\d/.test(word) ? 0.2 : false,
        boostDocument: (_, __, { kind }) => kind === "Pair" ? PAIR : kind === "Chip" || kind === "Model" ? 1.4 : 1,
      },
    });
    found.addAll(searchDocuments.map(([kind, path, title, about, further], id) =>
      ({ id, kind, path, title, about, further, section: EXHIBITS.includes(kind) ? further : "" })));
    return found;
  }

  // The parts of a text that are one of the words, marked, and those between.
  function marked(text, words) {
    if (!words.length) return [text];
    const pattern = new RegExp(`((?<![\\p{L}\\d])(?:${words.map(escaped).join("|")}))`, "iu");
    return text.split(pattern).map((part, number) => {
      if (number % 2 === 0) return part;
      const mark = document.createElement("mark");
      mark.textContent = part;
      return mark;
    });
  }

  // What is around the first of the words, from a space to a space.
  function snippet(text, words) {
    const at = Math.max(0, words.length ? text.search(new RegExp(words.map(escaped).join("|"), "i")) : 0);
    const from = at > AROUND ? text.indexOf(" ", at - AROUND) : 0;
    const until = at + 2 * AROUND < text.length ? text.lastIndexOf(" ", at + 2 * AROUND) : text.length;
    return `${from ? "… " : ""}${text.slice(from, Math.max(until, from + AROUND))}${until < text.length ? " …" : ""}`;
  }

  function element(tag, name, ...content) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...content);
    return made;
  }

  document.addEventListener("DOMContentLoaded", () => {
    const dialog = document.getElementById("search");
    const input = dialog.querySelector("input");
    const status = dialog.querySelector("[role=status]");
    const list = dialog.querySelector("ol");
    let ready;
    let asked = "";

    function open() {
      if (!dialog.open) dialog.showModal();
      input.select();
      ready ??= index(dialog.dataset).catch((error) => {
        ready = undefined;
        status.textContent = "Search could not be loaded.";
        throw error;
      });
      search();
    }

    function result({ kind, path, title, about, section, terms }) {
      const link = element("a", "",
        element("span", "place", section ? `${kind} in “${section}”` : kind),
        element("strong", "", ...marked(title, terms)),
        element("span", "about", ...marked(snippet(about, terms), terms)));
      link.href = dialog.dataset.root + path;
      return element("li", "", link);
    }

    async function search() {
      const words = input.value.trim();
      asked = words;
      const engine = await ready;
      if (asked !== words) return; // the reader went on typing
      let found = words ? engine.search(words, { combineWith: "AND" }) : [];
      if (words && !found.length) found = engine.search(words);
      list.replaceChildren(...found.slice(0, SHOWN).map(result));
      list.scrollTop = 0;
      const more = found.length > SHOWN ? `, the first ${SHOWN} shown` : "";
      status.textContent = words ? `${found.length} ${found.length === 1 ? "result" : "results"}${more}` : "";
    }

    // Up and down go through the results; the field comes before the first.
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const stops = [input, ...list.querySelectorAll("a")];
      const at = stops.indexOf(document.activeElement);
      if (step && at >= 0) {
        event.preventDefault();
        stops[at + step]?.focus();
      } else if (event.key === "Enter" && event.target === input) {
        stops[1]?.click();
      }
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest(".close, a")) dialog.close();
    });
    input.addEventListener("input", search);
    document.querySelector(".open-search").addEventListener("click", open);
    addEventListener("keydown", (event) => {
      const typing = event.target.closest("input:not([type=range], [type=radio]), textarea, select");
      const control = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
      if (control || (event.key === "/" && !typing && !dialog.open)) {
        event.preventDefault();
        open();
      }
    });
  });
})();
