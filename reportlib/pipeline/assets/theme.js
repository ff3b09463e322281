// What must happen before the first paint: the theme that the reader chose, and the fonts.
"use strict";
(() => {
  const root = document.documentElement;
  const KEY = "hbm-panorama-theme";

  // They are inside the page: asked for now, they move no text later.
  for (const face of document.fonts) face.load();

  function choose(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
  }

  let kept;
  try { kept = localStorage.getItem(KEY); } catch { /* a reader may forbid it */ }
  if (kept === "light" || kept === "dark") choose(kept);

  document.addEventListener("DOMContentLoaded", () => {
    const choices = document.querySelector(".theme");
    choices.querySelector(`[value=${root.dataset.theme ?? "system"}]`).checked = true;
    choices.addEventListener("change", (event) => {
      choose(event.target.value);
      try { localStorage.setItem(KEY, event.target.value); } catch { /* kept for this visit only */ }
    });
  });
})();
