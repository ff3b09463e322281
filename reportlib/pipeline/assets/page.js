// The contents follow the reader; numbers are links to themselves; what scrolls can be reached.
"use strict";
(() => {
  const narrow = matchMedia("(max-width: 60rem)");

  // The contents mark the section under the eye: the last heading that has reached the top.
  function follow(contents) {
    const head = (link) => document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const links = [...contents.querySelectorAll("a")].filter(head);
    const heads = links.map(head);
    const here = contents.querySelector(".here");
    let current;
    const progress = document.querySelector(".progress");
    function mark() {
      const whole = document.documentElement;
      const read = whole.scrollTop / (whole.scrollHeight - whole.clientHeight);
      progress.style.transform = `scaleX(${read})`;
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
  const frames = ".chart, .table-frame, .equation, pre";
  const sized = new ResizeObserver((entries) => { // of frames, and of charts as they become live
    for (const frame of entries.map((entry) => entry.target.closest(frames))) {
      if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
      else frame.removeAttribute("tabindex");
    }
  });
  addEventListener("live", (event) => sized.observe(event.target));

  document.addEventListener("DOMContentLoaded", () => {
    follow(document.querySelector("nav details"));
    document.documentElement.classList.add("ready");
    document.querySelectorAll(".exhibit-number, .header-section-number").forEach(link);
    for (const frame of document.querySelectorAll(frames)) sized.observe(frame);
  });
})();
