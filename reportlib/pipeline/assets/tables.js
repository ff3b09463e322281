// Longer tables can be sorted by any column; the longest can be filtered.
"use strict";
(() => {
  const SORTED_FROM = 9; // rows
  const PREFIXES = { E: 1e18, P: 1e15, T: 1e12, G: 1e9, M: 1e6, k: 1e3, m: 1e-3, µ: 1e-6, μ: 1e-6, n: 1e-9, p: 1e-12 };
  const WORDS = { thousand: 1e3, million: 1e6, billion: 1e9, trillion: 1e12 };
  const QUANTITY = /([-−]?)(\d[\d,]*(?:\.\d+)?)\s*(?:([EPTGMkmµμnp])(?=(?:B|bit|s|FLOP|OP|W|J|V|USD|m)\b)|(thousand|[mb]illion|trillion)\b)?/;
  const letters = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function text(cell) {
    const bare = cell.cloneNode(true);
    bare.querySelectorAll(".citation, .citation + sup").forEach((part) => part.remove());
    return bare.textContent.trim();
  }

  // "3.35 TB/s" is 3.35e12; "none" is a limit that is not there; a dash is no value at all.
  function value(cell) {
    const shown = text(cell);
    if (shown === "–" || shown === "") return undefined;
    if (!cell.matches(".number")) return shown;
    if (shown === "none") return Infinity;
    const [, sign, digits, prefix, word] = shown.match(QUANTITY) ?? [];
    if (digits === undefined) return undefined;
    const size = Number(digits.replaceAll(",", "")) * (PREFIXES[prefix] ?? WORDS[word] ?? 1);
    return sign ? -size : size;
  }

  function compare(a, b) {
    return typeof a === "number" ? (a > b) - (a < b) : letters.compare(a, b);
  }

  // A click sorts upwards, the next downwards, a third restores the order of the report.
  function sortable(table) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { null: "ascending", ascending: "descending" }[head.ariaSort];
        for (const other of heads) other.ariaSort = null;
        head.ariaSort = next ?? null;
        body.append(...(next ? sorted(original, column, next) : original));
      });
    });
  }

  function sorted(rows, column, direction) {
    const keys = rows.map((row) => [value(row.cells[column]), row]);
    const known = keys.filter(([key]) => key !== undefined);
    const unknown = keys.filter(([key]) => key === undefined);
    const sign = direction === "ascending" ? 1 : -1;
    known.sort(([a], [b]) => sign * compare(a, b)); // equal ones keep their order
    return [...known, ...unknown].map(([, row]) => row);
  }

  const plain = (words) => words.toLowerCase().replace(/\s+/g, " ");

  function filterable(place) {
    const table = place.nextElementSibling.querySelector("table");
    const rows = [...table.tBodies[0].rows].map((row) => [row, plain(row.textContent)]);
    const label = document.createElement("label");
    const input = document.createElement("input");
    const count = document.createElement("output");
    input.type = "search";
    input.ariaLabel = `Filter the rows of ${place.nextElementSibling.ariaLabel}`;
    label.append("Filter ", input);
    place.append(label, count);
    function filter() {
      const words = plain(input.value).split(" ");
      for (const [row, content] of rows) row.hidden = !words.every((word) => content.includes(word));
      const left = rows.filter(([row]) => !row.hidden).length;
      count.value = left === rows.length ? `${left} rows` : `${left} of ${rows.length} rows`;
    }
    input.addEventListener("input", filter);
    table.addEventListener("unfilter", () => { input.value = ""; filter(); });
    filter();
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const table of document.querySelectorAll(".table-frame table")) {
      if (table.tHead && table.tBodies[0]?.rows.length >= SORTED_FROM) sortable(table);
    }
    document.querySelectorAll(".filter").forEach(filterable);
  });
})();
