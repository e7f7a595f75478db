// Keys, filters of an export, and keeping a page up to date. Pages are complete without it.
"use strict";
(() => {
  const body = document.body;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const go = (selector) => {
    const link = document.querySelector(selector);
    if (link) link.click();
    return Boolean(link);
  };
  const typing = (target) => target.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");

  // --- lists: j/k and the arrows move the focus from link to link ---
  function moveInList(by) {
    const items = all("[data-list] [data-item]").filter((item) => item.offsetParent !== null);
    if (!items.length) return false;
    const at = items.indexOf(document.activeElement);
    const next = items[Math.min(Math.max(at < 0 ? (by > 0 ? 0 : items.length - 1) : at + by, 0), items.length - 1)];
    next.focus({ preventScroll: true });
    next.closest("tr").scrollIntoView({ block: "nearest" });
    return true;
  }

  // --- grid: the arrows go from cell to cell ---
  function moveInGrid(down, right) {
    const table = document.querySelector("[data-gridtable]");
    if (!table) return false;
    const rows = all("tbody tr", table).map((row) => all(".cell .mark", row));
    const here = rows.map((row) => row.indexOf(document.activeElement));
    let y = here.findIndex((x) => x >= 0);
    let x = y < 0 ? 0 : here[y];
    const start = y < 0;
    if (start) y = 0;
    for (let tries = 0; tries < 500; tries++) {
      if (!start || tries) { y += down; x += right; }
      if (y < 0 || y >= rows.length || x < 0 || x >= rows[y].length) return true;
      if (rows[y][x].href) { rows[y][x].focus(); return true; }
      if (start && !down && !right) return true;
    }
    return true;
  }

  // --- an episode: one step is the current one ---
  const steps = () => all("section.step");
  function current() {
    const found = steps();
    const marked = found.findIndex((step) => step.classList.contains("current"));
    return marked < 0 ? 0 : marked;
  }
  function mark(step, { scroll = false, state = true } = {}) {
    for (const other of steps()) other.classList.toggle("current", other === step);
    const number = step.id.replace("step-", "");
    for (const link of all("[data-step]")) {
      if (link.dataset.step === number) {
        link.setAttribute("aria-current", "step");
        const strip = link.closest("ol");
        const item = link.parentElement;
        strip.scrollLeft = item.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + item.clientWidth / 2;
      } else link.removeAttribute("aria-current");
    }
    if (state) history.replaceState(null, "", `#${step.id}`);
    if (scroll) { step.scrollIntoView({ block: "start" }); step.focus({ preventScroll: true }); }
    showActed(step);
  }
  function showActed(step) {
    const line = step.querySelector(".line.acted");
    const box = line && line.closest(".page-text");
    if (box) box.scrollTop = line.offsetTop - box.offsetTop - box.clientHeight / 2;
  }
  function moveInEpisode(by) {
    const found = steps();
    if (!found.length) return false;
    const marked = found.some((step) => step.classList.contains("current"));
    const next = marked ? current() + by : 0;
    if (next < 0) return go("a[rel=prev]");
    if (next >= found.length) return go("a[rel=next]");
    mark(found[next], { scroll: true });
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const dialog = document.querySelector("dialog.keys");
    if (dialog.open) return;
    if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
    if (typing(event.target)) return;
    const page = body.dataset.page;
    const episode = page === "episode";
    const inBox = event.target.closest(".page-text, .json") !== null;
    let done = false;
    switch (event.key) {
      case "j": done = episode ? moveInEpisode(1) : moveInList(1); break;
      case "k": done = episode ? moveInEpisode(-1) : moveInList(-1); break;
      case "ArrowDown": done = !episode && (page === "grid" ? moveInGrid(1, 0) : moveInList(1)); break;
      case "ArrowUp": done = !episode && (page === "grid" ? moveInGrid(-1, 0) : moveInList(-1)); break;
      case "ArrowRight": done = !inBox && (episode ? moveInEpisode(1) : page === "grid" ? moveInGrid(0, 1) : go("a[rel=next]")); break;
      case "ArrowLeft": done = !inBox && (episode ? moveInEpisode(-1) : page === "grid" ? moveInGrid(0, -1) : go("a[rel=prev]")); break;
      case "n": done = go("[data-after]"); break;
      case "p": done = go("[data-before]"); break;
      case "u": done = go("[data-up]") || go(".brand"); break;
      case "g": done = go("[data-grid]"); break;
      case "/": {
        const search = document.querySelector("[data-search]");
        if (search) { search.focus(); search.select(); } else go("[data-up]");
        done = true;
        break;
      }
      case "?": dialog.showModal(); done = true; break;
    }
    if (done) event.preventDefault();
  });
  document.querySelector("button.help").addEventListener("click", () => document.querySelector("dialog.keys").showModal());

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-step]");
    const step = link && document.getElementById(`step-${link.dataset.step}`);
    if (step) { event.preventDefault(); mark(step, { scroll: true }); }
  });
  function fromAddress(scroll) {
    const named = /^#step-\d+$/.test(location.hash) && document.querySelector(location.hash);
    if (named) mark(named, { scroll, state: false });
  }
  if (body.dataset.page === "episode") {
    fromAddress(true);
    addEventListener("hashchange", () => fromAddress(true));
    for (const step of steps().slice(0, 12)) showActed(step);
  }

  // --- filters: a choice applies at once; empty fields stay out of the address ---
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-filter], [data-autosubmit]");
    if (form && event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-filter]")) return;
    for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
  });
  addEventListener("pageshow", () => { for (const field of all("[data-filter] :disabled")) field.disabled = false; });

  // --- an export has no server: the list filters itself by its address ---
  function filterHere() {
    const form = document.querySelector("[data-filter]");
    const query = new URLSearchParams(location.search);
    for (const field of form.elements) if (field.name && query.has(field.name)) field.value = query.get(field.name);
    const text = (query.get("text") || "").toLowerCase();
    let shown = 0;
    const rows = all("[data-list] tbody tr");
    for (const row of rows) {
      const outcome = query.get("outcome");
      const source = query.get("source");
      row.hidden = Boolean(
        (query.get("task") && row.dataset.task !== query.get("task")) ||
        (outcome && row.dataset.outcome !== outcome && row.dataset.status !== outcome) ||
        (source && !row.dataset.sources.split("\n").includes(source)) ||
        (text && !row.textContent.toLowerCase().includes(text)));
      shown += !row.hidden;
    }
    if (location.search) document.querySelector("[data-count]").textContent = `${shown} of ${rows.length} episodes`;
  }
  if (body.dataset.live === "no" && document.querySelector("[data-filter]")) filterHere();

  // --- live: when there is more on disk, the page is fetched again and its content replaced ---
  async function update() {
    const version = await (await fetch("/version", { cache: "no-store" })).text();
    if (version === body.dataset.version) return;
    const html = await (await fetch(location.href.split("#")[0], { cache: "no-store" })).text();
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const main = fresh.querySelector("main");
    if (!main || typing(document.activeElement)) return;
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    const open = all("details").map((details) => details.open);
    const left = all(".scroll").map((box) => box.scrollLeft);
    document.querySelector("main").replaceWith(document.adoptNode(main));
    body.dataset.version = fresh.body.dataset.version;
    all("details").forEach((details, i) => { details.open = Boolean(open[i]); });
    all(".scroll").forEach((box, i) => { box.scrollLeft = left[i] || 0; });
    const again = focused && all("main a").find((link) => link.getAttribute("href") === focused);
    if (again) again.focus({ preventScroll: true });
    const note = document.querySelector(".live");
    note.hidden = false;
    setTimeout(() => { note.hidden = true; }, 1500);
  }
  if (body.dataset.live === "yes" && ["overview", "grid", "episodes"].includes(body.dataset.page)) {
    const again = () => {
      const soon = document.querySelector("[data-reading]") ? 200 : 2000;
      setTimeout(() => (document.hidden ? Promise.resolve() : update()).catch(() => {}).finally(again), soon);
    };
    again();
  }
})();
