// A card beside a citation or a term says what stands at its end: a reference, a definition.
"use strict";
(() => {
  const LINKS = 'main a:is([href^="#ref-"], [href^="#term-"])';
  const WAIT = 200; // ms, before a pointer that passes by opens a card, and to reach the card

  // What a link leads to, in the words of the page.
  function content(link) {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const term = target.closest("dt");
    if (!term) return [...target.querySelector(".csl-right-inline").childNodes];
    const name = document.createElement("strong");
    name.textContent = term.textContent;
    return [name, " ", ...term.nextElementSibling.childNodes];
  }

  document.addEventListener("DOMContentLoaded", () => {
    const card = document.createElement("div");
    card.id = "card";
    card.hidden = true;
    document.body.append(card);
    let owner;
    let timer;

    function show(link) {
      clearTimeout(timer);
      if (owner === link) return;
      hide();
      owner = link;
      card.replaceChildren(...content(link).map((node) => node.cloneNode?.(true) ?? node));
      card.querySelectorAll("a, [id]").forEach((part) => { part.tabIndex = -1; part.removeAttribute("id"); });
      card.hidden = false;
      link.setAttribute("aria-describedby", "card");
      place(link.getClientRects()[0]);
    }

    function place(at) {
      const below = at.bottom + card.offsetHeight + 8 < innerHeight;
      const left = Math.min(at.left, document.documentElement.clientWidth - card.offsetWidth - 12);
      card.style.left = `${Math.max(12, left)}px`;
      card.style.top = `${below ? at.bottom : at.top - card.offsetHeight}px`;
    }

    function hide() {
      clearTimeout(timer);
      owner?.removeAttribute("aria-describedby");
      owner = undefined;
      card.hidden = true;
    }

    function later(act) {
      clearTimeout(timer);
      timer = setTimeout(act, WAIT);
    }

    document.addEventListener("pointerover", (event) => {
      if (event.pointerType === "touch") return;
      const link = event.target.closest?.(LINKS);
      if (link) later(() => show(link));
      else if (event.target.closest?.("#card")) clearTimeout(timer);
      else if (owner === document.activeElement) clearTimeout(timer); // opened by the keyboard
      else later(hide);
    });
    document.addEventListener("focusin", (event) => {
      if (event.target.matches(LINKS) && event.target.matches(":focus-visible")) show(event.target);
      else if (!card.contains(event.target)) hide();
    });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    addEventListener("scroll", () => {
      if (owner) place(owner.getClientRects()[0]);
    }, { passive: true, capture: true });
    document.addEventListener("click", (event) => { if (event.target.closest(LINKS)) hide(); });
  });
})();
