// The pictures of a long page come after its text: one at a time as the browser has nothing else to do,
// and all before printing. Their room, and the words that tell them, are there from the first.
"use strict";
(() => {
  const soon = window.requestIdleCallback ?? setTimeout; // Safari has no idle times

  function put([picture, content]) {
    if (picture.isConnected) picture.innerHTML = content; // else a live chart has its place
  }

  const waiting = Object.entries(figures).map(([id, [content, spec]]) => {
    const frame = document.querySelector(`#${id} .chart`);
    frame.querySelector("script").textContent = spec;
    return [frame.querySelector("svg"), content];
  });

  function next() {
    if (!waiting.length) return;
    put(waiting.shift());
    soon(next);
  }
  addEventListener("load", () => soon(next));
  addEventListener("beforeprint", () => waiting.splice(0).forEach(put));
})();
