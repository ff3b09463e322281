// Static pictures become live charts as they come near; without this script they stay as they are.
"use strict";
(() => {
  const config = JSON.parse(document.getElementById("chart-config").textContent);
  const wide = (spec) => "mark" in spec || "layer" in spec;

  function draw(frame) {
    const spec = JSON.parse(frame.querySelector("script").textContent);
    if (wide(spec)) spec.width = "container";
    const live = document.createElement("div");
    live.className = "chart live";
    live.style.minHeight = `${frame.offsetHeight}px`;
    live.style.visibility = "hidden";
    live.style.position = "absolute";
    live.style.width = `${frame.offsetWidth}px`;
    frame.after(live);
    vegaEmbed(live, spec, {
      actions: false, config, ast: true, renderer: "svg", defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    }).then(() => {
      frame.remove();
      live.removeAttribute("style");
      window.dispatchEvent(new Event("resize"));
    }).catch((error) => { live.remove(); console.error(error); });
  }

  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); }
    }
  }, { rootMargin: "600px" });
  document.querySelectorAll(".chart").forEach((frame) => near.observe(frame));

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const reading = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting)) {
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -70% 0px" });
  document.querySelectorAll("main h1[id], main h2[id]").forEach((head) => reading.observe(head));

  const contents = document.querySelector("nav details");
  if (contents && matchMedia("(max-width: 60rem)").matches) contents.open = false;
})();
