// What makes the archive a little quicker; everything works without it.
(() => {
  "use strict";
  const $ = (selector) => document.querySelector(selector);

  // The order of the messages, as it was chosen last.
  const flat = $("#flat");
  if (flat) {
    const remember = () => { try { localStorage.setItem("view", flat.checked ? "flat" : "nested"); } catch { /* private mode */ } };
    try { if (localStorage.getItem("view") === "flat") flat.checked = true; } catch { /* private mode */ }
    document.querySelectorAll(".view input").forEach((one) => one.addEventListener("change", remember));
  }

  // Keys: j and k go from message to message, o folds and unfolds its quotations, u goes up, / searches.
  const stops = () => {
    const found = [...document.querySelectorAll(".message, .rows li")];
    return flat && flat.checked ? found.sort((a, b) => getComputedStyle(a).order - getComputedStyle(b).order) : found;
  };
  let at = null;
  const go = (step) => {
    const all = stops();
    if (!all.length) return;
    const now = all.indexOf(at ?? document.activeElement.closest?.(".message, .rows li"));
    at = all[Math.min(all.length - 1, Math.max(0, now + step))];
    const link = at.matches(".message") ? at : at.querySelector("a");
    link.focus({ preventScroll: true });
    at.scrollIntoView({ block: "start" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const act = {
      j: () => go(1),
      k: () => go(-1),
      o: () => at?.querySelectorAll("details").forEach((one) => { one.open = !one.open; }),
      u: () => $(".crumbs a:last-of-type")?.click(),
      "/": () => ($("#query") ?? $("#find")).focus(),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // Results while typing.
  const query = $("#query"), results = $("#results");
  if (query && results) {
    const form = query.form;
    let waiting = 0, running = null;
    const ask = async () => {
      running?.abort();
      running = new AbortController();
      const words = new URLSearchParams(new FormData(form));
      const address = `${form.action.split("?")[0]}?${words}`;
      try {
        const answer = await fetch(`${address}&part=1`, { signal: running.signal, credentials: "same-origin" });
        if (!answer.ok || !answer.headers.get("X-Part")) return;
        results.innerHTML = await answer.text();
        history.replaceState(null, "", address);
      } catch { /* a newer question, or no network: the button still works */ }
    };
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 180); });
  }
})();
