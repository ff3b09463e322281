// Static pictures become live charts as they come near.
"use strict";
(() => {
  let config;
  let vega;

  //= how Vega gets into the page: packed.js or linked.js

  // The page has datasets by column, values that come again only once; charts want rows.
  function rows(columns) {
    const names = Object.keys(columns);
    const lists = Object.values(columns).map((column) =>
      Array.isArray(column) ? column : column.at.map((place) => column.values[place]));
    return (lists[0] ?? []).map((_, row) =>
      Object.fromEntries(names.map((name, column) => [name, lists[column][row]])));
  }

  function specOf(frame) {
    const spec = JSON.parse(frame.querySelector("script").textContent);
    for (const name in spec.datasets) spec.datasets[name] = rows(spec.datasets[name]);
    return spec;
  }

  // A live chart takes the exact height of its picture, so nothing below it moves.
  async function draw(frame) {
    config ??= JSON.parse(document.getElementById("chart-config").textContent);
    const picture = frame.querySelector("svg");
    const spec = specOf(frame);
    if ("mark" in spec || "layer" in spec) { // panels keep their size
      spec.width = "container";
      spec.height = picture.height.baseVal.value;
      spec.autosize = { type: "fit", contains: "padding" };
    }
    const live = document.createElement("div");
    live.className = spec.usermeta?.reflows ? "live drawing" : "live wide drawing";
    frame.style.minHeight = `${frame.offsetHeight}px`;
    frame.append(live);
    try {
      await (vega ??= unpack());
      const { view } = await vegaEmbed(live, spec, {
        actions: false, config, ast: true, renderer: "svg", defaultStyle: false,
        tooltip: { disableDefaultStyle: true },
      });
      picture.remove();
      live.classList.remove("drawing");
      // Marks of which there are none have no name.
      live.querySelectorAll("[role=graphics-symbol]:empty").forEach((none) => { none.ariaHidden = "true"; });
      live.dispatchEvent(new Event("live", { bubbles: true }));
      if (spec.params?.some((param) => param.bind === "legend")) legend(live);
      controls(live);
      return view;
    } catch (error) {
      live.remove();
      console.error(error);
    }
  }

  // The view of a frame's live chart, which is drawn now if it was not yet.
  const views = new Map();
  function viewOf(frame) {
    if (!views.has(frame)) views.set(frame, draw(frame));
    return views.get(frame);
  }

  // The entries of a legend that selects are buttons for the keyboard too.
  function legend(live) {
    const entries = [...live.querySelectorAll(".role-legend-label text")];
    live.querySelector(".role-legend").setAttribute("role", "group");
    for (const text of entries) {
      text.setAttribute("tabindex", "0");
      text.setAttribute("role", "button");
      text.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        const click = { bubbles: true, shiftKey: event.shiftKey };
        text.dispatchEvent(new MouseEvent("click", click));
      });
    }
  }

  // Sliders that run in powers of two say the number and not its exponent.
  function controls(live) {
    for (const slider of live.querySelectorAll("input[name^=log_]")) {
      const say = () => {
        slider.ariaValueText = slider.nextSibling.textContent = (2 ** slider.value).toLocaleString("en");
      };
      for (const moved of ["input", "change"]) slider.addEventListener(moved, say);
      say();
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        near.unobserve(entry.target);
        viewOf(entry.target);
      }
    }, { rootMargin: "600px" });
    document.querySelectorAll(".chart").forEach((frame) => near.observe(frame));
  });

  window.charts = { specOf, viewOf };
})();
