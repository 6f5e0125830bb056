// What a page does beyond its forms and links: lists that go on by themselves, and
// copying. Nothing here is needed to use the console.
"use strict";

// A list with data-live takes what its stream sends, the newest first, as long as
// the page is looked at: a browser opens few connections to one server.
for (const list of document.querySelectorAll("[data-live]")) {
  const bar = list.closest("section, main").querySelector(".live");
  const state = bar?.querySelector(".live-state");
  const pause = bar?.querySelector(".pause");
  const limit = Number(list.dataset.limit) || 200;
  const oldestFirst = list.dataset.order === "oldest";
  let source, last, held = [], paused = false, retry;

  const say = (text, kind) => {
    if (state && state.textContent !== text) state.textContent = text;
    if (bar) bar.dataset.state = kind;
  };
  const show = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = html; // rendered and escaped by the server
    const row = holder.content.firstElementChild;
    if (!row) return;
    row.classList.add("new");
    for (const button of row.querySelectorAll("[data-copy]")) button.hidden = false;
    if (oldestFirst) list.append(row); else list.prepend(row);
    while (list.children.length > limit) (oldestFirst ? list.firstElementChild : list.lastElementChild).remove();
  };
  const told = () => say(paused ? (held.length ? `paused, ${held.length}${held.length >= limit ? " or more" : ""} new` : "paused") : "live", paused ? "paused" : "live");
  const open = () => {
    clearTimeout(retry);
    if (source || document.hidden) return;
    const address = new URL(list.dataset.live, location.href);
    if (last) address.searchParams.set("after", last);
    source = new EventSource(address);
    source.onopen = told;
    source.onmessage = (event) => {
      last = event.lastEventId || last;
      if (!paused) return show(event.data);
      held.push(event.data);
      if (held.length > limit) held.shift();
      told();
    };
    source.onerror = () => {
      say("not live: the stage does not answer", "off");
      if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again
      close();
      retry = setTimeout(open, 5000);
    };
  };
  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  pause?.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Resume" : "Pause";
    if (!paused) for (const html of held.splice(0)) show(html);
    told();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  if (bar) bar.hidden = false;
  open();
}

// A button with data-copy copies the text of what it names.
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  button.dataset.label ??= button.textContent;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select the text and copy it";
  }
  setTimeout(() => { button.textContent = button.dataset.label; }, 2000);
});

// A filter is used as soon as something is chosen.
for (const form of document.querySelectorAll("form.filter")) {
  form.addEventListener("change", () => form.requestSubmit());
}
