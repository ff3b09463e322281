// Below every exhibit: its link, its data as CSV and, of a figure, the picture as SVG and PNG.
"use strict";
(() => {
  const PLACING = ["dx", "dy", "align", "place"];
  const SURE = { d: "derived", r: "reported", e: "estimated", a: "assumed", q: "quoted", m: "from memory" };

  // A cell that a spreadsheet would take for a formula becomes text; a number stays one.
  function cell(value) {
    const text = String(value ?? "").trim();
    const formula = /^[=+\-@\t]/.test(text) && Number.isNaN(Number(text));
    const safe = formula ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  // With the mark by which spreadsheets know UTF-8.
  function csv(lines) {
    return `\ufeff${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
  }

  // Numbers in SI units, as the chart has them, of what can be pointed at; not where names stand.
  function linesOfFigure(figure) {
    const frame = figure.querySelector(".chart");
    if (frame.matches(".controls")) return linesOfPanel(frame);
    const spec = charts.specOf(frame);
    const rows = spec.usermeta.data.flatMap((name) => spec.datasets[name]);
    const columns = [...new Set(rows.flatMap(Object.keys))].filter((name) => !PLACING.includes(name));
    return [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  }

  // Of a chart that readers set: the settings, and what it says of them.
  async function linesOfPanel(frame) {
    const view = await charts.viewOf(frame);
    const settings = [...frame.querySelectorAll(".vega-bind")].map((bind) => {
      const chosen = bind.querySelector("select")?.selectedOptions[0].text;
      const name = bind.querySelector(".vega-bind-name").textContent;
      return [name, chosen ?? bind.querySelector("input + span").textContent];
    });
    const { data } = view.getState({ data: () => true, signals: () => false });
    const said = Object.values(data).flat().filter((item) => item.text && item.datum);
    return [["name", "value"], ...settings, ...said.map(({ datum, text }) => [datum.row, text])];
  }

  // The rows as shown; sources in a column of their own.
  function linesOfTable(table) {
    const rows = [...table.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(split));
    const cited = rows[0].map((_, column) => rows.some((row) => row[column]?.source));
    return rows.map((row, number) => row.flatMap(({ text, source }, column) => {
      if (!cited[column]) return [text];
      return [text, number ? source : `${text}: source`];
    }));
  }

  function split(td) {
    const value = td.cloneNode(true);
    const sources = [];
    for (const citation of value.querySelectorAll(".citation")) {
      const marks = citation.nextElementSibling;
      const sure = marks?.matches("sup") ? [...marks.textContent].map((mark) => SURE[mark]) : [];
      const names = [...citation.querySelectorAll("a")].map((a) => reference(a.hash));
      sources.push(names.join("; ") + (sure.length ? ` (${sure.join(", ")})` : ""));
      if (sure.length) marks.remove();
      citation.remove();
    }
    return { text: value.textContent, source: sources.join("; ") };
  }

  function reference(hash) {
    return document.getElementById(hash.slice(1)).querySelector(".csl-right-inline").textContent;
  }

  // As drawn, in the colours of the light theme, on white.
  async function svg(figure) {
    const view = await charts.viewOf(figure.querySelector(".chart"));
    const drawn = await view.toSVG();
    return drawn.replace(/<svg[^>]*>/, '$&<rect width="100%" height="100%" fill="#fff"/>');
  }

  async function png(figure) {
    const view = await charts.viewOf(figure.querySelector(".chart"));
    const drawn = await view.toCanvas(2);
    const paper = Object.assign(document.createElement("canvas"), { width: drawn.width, height: drawn.height });
    const brush = paper.getContext("2d");
    brush.fillStyle = "#fff";
    brush.fillRect(0, 0, paper.width, paper.height);
    brush.drawImage(drawn, 0, 0);
    return new Promise((done) => { paper.toBlob(done, "image/png"); });
  }

  function save(content, name, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  async function copy(button, id) {
    const address = `${location.href.split("#")[0]}#${id}`;
    try {
      await navigator.clipboard.writeText(address);
      button.firstChild.data = "Copied";
      setTimeout(() => { button.firstChild.data = "Copy link"; }, 2000);
    } catch { // where that is not allowed, it stands in the address bar
      location.hash = id;
    }
  }

  // The name that assistive technology reads begins with the word that is seen.
  function button(text, more, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.ariaLabel = `${text} ${more}`;
    made.addEventListener("click", () => act(made));
    return made;
  }

  function equip(tools) {
    const id = tools.dataset.of;
    const exhibit = document.getElementById(id);
    const title = exhibit.querySelector(".exhibit-number").textContent; // "Figure 3"
    const [kind, name] = id.split(/-(.*)/);
    const report = document.title.split(":")[0].toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const file = `${report}-${kind}-${title.match(/\d+/)}-${name}`;
    const figure = kind === "fig";
    const lines = () => figure ? linesOfFigure(exhibit) : linesOfTable(exhibit);
    tools.querySelector("summary").ariaLabel = `Code behind ${title}`;
    tools.prepend(
      button("Copy link", `to ${title}`, (made) => copy(made, id)),
      button("CSV", `data of ${title}`, async () => save(csv(await lines()), `${file}.csv`, "text/csv")),
    );
    if (!figure) return;
    tools.lastChild.before(
      button("SVG", `picture of ${title}`, async () => save(await svg(exhibit), `${file}.svg`, "image/svg+xml")),
      button("PNG", `picture of ${title}`, async () => save(await png(exhibit), `${file}.png`, "image/png")),
    );
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".tools").forEach(equip);
  });
})();
