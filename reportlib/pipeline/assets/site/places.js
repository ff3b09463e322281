// Whose link leads to something in the report is taken to the page that has it.
"use strict";
(() => {
  function follow() {
    const name = decodeURIComponent(location.hash.slice(1));
    const [page] = Object.entries(places).find(([, names]) => names.includes(name)) ?? [];
    if (page && !document.getElementById(name)) location.replace(page + location.hash);
  }

  follow();
  addEventListener("hashchange", follow);
})();
