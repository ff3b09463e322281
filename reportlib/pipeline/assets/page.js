// Static pictures become live charts as they come near. Without this script the page is whole:
// the pictures stay, the contents stay open, only the conveniences below are missing.
"use strict";
(() => {
  // The fonts are inside the page: asked for before the first paint, they move no text later.
  for (const face of document.fonts) face.load();

  const narrow = matchMedia("(max-width: 60rem)");

  // The page has datasets by column, values that come again only once; charts want rows.
  function rows(columns) {
    const names = Object.keys(columns);
    const lists = Object.values(columns).map((column) =>
      Array.isArray(column) ? column : column.at.map((place) => column.values[place]));
    return (lists[0] ?? []).map((_, row) =>
      Object.fromEntries(names.map((name, column) => [name, lists[column][row]])));
  }

  // A live chart takes the exact height of its picture, so nothing below it moves.
  async function draw(frame, config) {
    const picture = frame.querySelector("svg");
    const spec = JSON.parse(frame.querySelector("script").textContent);
    for (const name in spec.datasets) spec.datasets[name] = rows(spec.datasets[name]);
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
      await vegaEmbed(live, spec, {
        actions: false, config, ast: true, renderer: "svg", defaultStyle: false,
        tooltip: { disableDefaultStyle: true },
      });
      picture.remove();
      live.classList.remove("drawing");
      sized.observe(live);
      if (live.querySelector(".role-legend") && spec.params) legend(live);
      controls(live);
    } catch (error) {
      live.remove();
      console.error(error);
    }
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

  function watchCharts() {
    const config = JSON.parse(document.getElementById("chart-config").textContent);
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        near.unobserve(entry.target);
        draw(entry.target, config);
      }
    }, { rootMargin: "600px" });
    document.querySelectorAll(".chart").forEach((frame) => near.observe(frame));
  }

  // The contents mark the section under the eye: the last heading that has reached the top.
  function follow(contents) {
    const links = [...contents.querySelectorAll("a")];
    const heads = links.map((link) => document.getElementById(link.hash.slice(1)));
    const here = contents.querySelector(".here");
    let current;
    function mark() {
      const passed = heads.filter((h) => h.getBoundingClientRect().top < 100);
      const link = links[passed.length - 1];
      if (link === current) return;
      current?.removeAttribute("aria-current");
      link?.setAttribute("aria-current", "true");
      current = link;
      here.textContent = link ? link.textContent : "";
      if (!link || narrow.matches) return;
      const place = link.offsetTop - contents.clientHeight / 2;
      if (contents.scrollHeight > contents.clientHeight) contents.scrollTop = place;
    }
    let asked = false;
    addEventListener("scroll", () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => { asked = false; mark(); });
    }, { passive: true });
    mark();
    const fold = () => { contents.open = !narrow.matches; };
    fold();
    narrow.addEventListener("change", fold);
    contents.addEventListener("click", (event) => {
      if (narrow.matches && event.target.closest("a")) contents.open = false;
    });
    contents.addEventListener("keydown", (event) => {
      if (narrow.matches && event.key === "Escape") contents.open = false;
    });
  }

  // The numbers of sections, figures and tables become links to themselves, to copy or share.
  function link(number) {
    const home = number.closest("[id]");
    const anchor = document.createElement("a");
    anchor.href = `#${home.id}`;
    anchor.className = "anchor";
    anchor.append(...number.childNodes);
    number.append(anchor);
  }

  // What scrolls sideways can be reached, and so scrolled, with the keyboard; nothing else need be.
  function reachable(frame) {
    if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }

  const frames = ".chart, .table-frame, .equation, pre";
  const sized = new ResizeObserver((entries) => { // of frames, and of charts as they become live
    for (const entry of entries) reachable(entry.target.closest(frames));
  });

  document.addEventListener("DOMContentLoaded", () => {
    follow(document.querySelector("nav details"));
    document.documentElement.classList.add("ready");
    document.querySelectorAll(".exhibit-number, .header-section-number").forEach(link);
    for (const frame of document.querySelectorAll(frames)) sized.observe(frame);
    if (document.getElementById("chart-config")) watchCharts();
  });
})();
