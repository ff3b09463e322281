// Search over all pages of the site and the sections of the report. Its index is made of the
// documents as a reader first asks for it; they come as scripts, since a page opened from a disk may
// not fetch data.
"use strict";
(() => {
  const SHOWN = 30;
  const FUZZY = 5; // letters, from which on a word may be misspelt
  const PAIR = 0.55; // of the weight of others: there are thousands of pairs
  const EXHIBITS = ["Figure", "Table"]; // whose further words are their section
  const FIELDS = ["title", "about", "further"];

  const { escaped } = searching;

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
    return searching.marked(text.split(pattern));
  }

  function snippet(text, words) {
    const first = words.length ? text.search(new RegExp(words.map(escaped).join("|"), "i")) : 0;
    return searching.around(text, Math.max(0, first));
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
      status.textContent = words ? searching.count(found.length, SHOWN) : "";
    }

    searching.equip(dialog, { open, search, stops: "a" });
  });
})();
