// The root of the site is what is before the first folder of ours in the address.
"use strict";
(() => {
  const links = [...document.querySelectorAll("a")];
  const folders = links.map((link) => link.getAttribute("href").split("/")).filter((way) => way.length > 1);
  const ours = new Set([...folders.map(([folder]) => folder), "assets", "social"]);
  const steps = location.pathname.split("/");
  const first = steps.findIndex((step) => ours.has(step));
  const root = steps.slice(0, first < 0 ? -1 : first).join("/");
  for (const link of links) link.href = `${root}/${link.getAttribute("href")}`;
})();
