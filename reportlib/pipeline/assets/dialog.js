// How readers search: what opens and closes the dialog, its keys, and what it shows of a result.
"use strict";
const searching = {
  escaped: (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),

  // The text around what begins at a place in it, from a space to a space.
  around(text, at) {
    const room = 70; // characters on each side
    const from = at > room ? text.indexOf(" ", at - room) : 0;
    const until = at + 2 * room < text.length ? text.lastIndexOf(" ", at + 2 * room) : text.length;
    return `${from ? "… " : ""}${text.slice(from, Math.max(until, at + room))}${until < text.length ? " …" : ""}`;
  },

  // Texts whose odd parts are what was looked for.
  marked: (parts) => parts.map((part, number) => {
    if (number % 2 === 0) return part;
    const mark = document.createElement("mark");
    mark.textContent = part;
    return mark;
  }),

  // *open* is called before the dialog shows, *search* as a reader types; results are *stops*.
  equip(dialog, { open, search, stops, escape = () => {} }) {
    const input = dialog.querySelector("input");
    const list = dialog.querySelector("ol");

    function show() {
      open();
      if (!dialog.open) dialog.showModal();
      input.select();
    }

    // Up and down go through the results; the field comes before the first.
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const all = [input, ...list.querySelectorAll(stops)];
      const at = all.indexOf(document.activeElement);
      if (step && at >= 0) {
        event.preventDefault();
        all[at + step]?.focus();
      } else if (event.key === "Enter" && event.target === input) {
        all[1]?.click();
      }
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest(".close, a")) dialog.close();
    });
    input.addEventListener("input", search);
    document.querySelector(".open-search").addEventListener("click", show);
    addEventListener("keydown", (event) => {
      const typing = event.target.closest("input:not([type=range], [type=radio]), textarea, select");
      const control = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
      if (control || (event.key === "/" && !typing && !dialog.open)) {
        event.preventDefault();
        show();
      } else if (event.key === "Escape" && !dialog.open) {
        escape();
      }
    });
  },

  // How many results there are, of which so many are shown at most.
  count(found, most) {
    const more = found > most ? `, the first ${most} shown` : "";
    return `${found} ${found === 1 ? "result" : "results"}${more}`;
  },
};
