// A long page is there sooner if what is far down is laid out only as the reader comes near it. Until
// then heights are guesses, and so are places: who jumps, or prints, has all of it laid out first.
"use strict";
(() => {
  const LATER = "main.long > :not(h1, h2, h3), .long .csl-entry";

  function all() {
    for (const element of document.querySelectorAll(LATER)) element.style.contentVisibility = "visible";
  }

  function jump() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    all();
    target.scrollIntoView({ behavior: "instant" });
  }

  document.addEventListener("DOMContentLoaded", jump);
  addEventListener("hashchange", jump);
  addEventListener("beforeprint", all);
  document.addEventListener("click", (event) => { if (event.target.closest('a[href*="#"]')) all(); }, true);

  // Whether a table scrolls sideways is asked anew as it is laid out.
  addEventListener("contentvisibilityautostatechange", ({ skipped, target }) => {
    if (!skipped && target.matches(".table-frame")) target.dispatchEvent(new Event("live", { bubbles: true }));
  });
})();
