// Two chips to choose from; the second list offers only those that have a page with the first. What
// pairs there are, the links of the page tell.
"use strict";
(() => {
  const PAIR = /^(.+)-vs-(.+)\.html$/;

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector(".chooser");
    if (!form) return;
    const { first, second } = form.elements;
    const partners = new Map();
    const pages = new Map();
    for (const link of document.querySelectorAll("main a")) {
      const [file, one, other] = link.getAttribute("href").match(PAIR) ?? [];
      if (!file) continue;
      for (const [mine, yours] of [[one, other], [other, one]]) {
        if (!partners.has(mine)) partners.set(mine, new Set());
        partners.get(mine).add(yours);
        pages.set(`${mine} ${yours}`, file);
      }
    }
    const options = [...second.options];
    function offer() {
      const chosen = second.value;
      second.replaceChildren(...options.filter((option) => partners.get(first.value)?.has(option.value)));
      second.value = chosen;
      if (!second.value) second.selectedIndex = 0;
    }
    first.addEventListener("change", offer);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.href = pages.get(`${first.value} ${second.value}`);
    });
    offer();
    form.hidden = false;
  });
})();
