"use strict";
// What test_reading.py asks of a page, from within it.

// Nothing is folded here: test_guess.py looks at what asks for a guess.
try {
  localStorage.setItem("book-answers", "open");
} catch {
  // A page without an origin has no storage.
}

const titleOf = (e) => `${e.tagName} .${e.className} ${e.textContent.slice(0, 60)}`;
const isShown = (e) => e.checkVisibility({ visibilityProperty: true });

// A browser may draw no frame of a window that another one covers.
const frame = () => new Promise((go) => { requestAnimationFrame(go); setTimeout(go, 200); });

// Down the page, as a reader goes: pictures load, and so does the live denoiser.
async function readThrough() {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
    scrollTo({ top: y, behavior: "instant" });
    await frame();
  }
  scrollTo({ top: 0, behavior: "instant" });
}

function isSettled() {
  const busy = document.querySelector("[data-state='waiting'], [data-state='loading']");
  return !busy && [...document.images].every((image) => image.complete);
}

// What makes the page scroll sideways, and what begins left of the box that scrolls it.
function tooWide() {
  const width = innerWidth;
  const wide = document.documentElement.scrollWidth > width;
  const left = (e) => e.getBoundingClientRect().left;
  return [...document.querySelectorAll("body *")].filter((e) => {
    if (!isShown(e)) return false;
    const box = e.parentElement;
    const scrolls = box.closest("article") && getComputedStyle(box).overflowX === "auto";
    const cut = scrolls && left(e) + box.scrollLeft < left(box) - 1;
    return cut || (wide && e.getBoundingClientRect().right > width);
  }).map(titleOf);
}

async function violations(rules) {
  const { theme } = document.documentElement.dataset;
  const found = await axe.run({ resultTypes: ["violations"], ...rules });
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map((n) => `${theme}: ${id} ${n.target} ${n.failureSummary}`));
}

// The keyboard's round: everything that Tab should reach, less what it has reached. The
// radio buttons of a group are one stop; what the table of contents unfolds only while
// one reads it may be none.
const round = { left: new Set(), unseen: new Set(), done: false };

function startRound() {
  const stops = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const unfolded = ".page-toc ul:not(.pst-show_toc_level) > li > a";
  const arrows = "[data-part=blocks] [tabindex='-1']"; // which lead along a row of maps
  const reachable = (e) => isShown(e) && !e.disabled && !e.matches(`${unfolded}, ${arrows}`) &&
    (e.type !== "radio" || e.checked);
  round.left = new Set([...document.querySelectorAll(stops)].filter(reachable));
  const all = round.left.size;
  // A stop is looked at on the way to the next: by then the page has scrolled to it.
  addEventListener("keydown", () => {
    const e = document.activeElement;
    if (e === document.body) round.done = round.left.size < all;
    else visitStop(e);
  }, { capture: true });
  document.activeElement.blur();
  return all;
}

function visitStop(e) {
  round.left.delete(e);
  // A radio button may hide, and what stands beside it show the focus.
  if (![e, e.nextElementSibling].some((shown) => shown && showsFocus(shown)))
    round.unseen.add(e);
}

function showsFocus(e) {
  const style = getComputedStyle(e), { top, bottom } = e.getBoundingClientRect();
  const inView = bottom > 0 && top < innerHeight && style.opacity > 0;
  return inView && style.outlineStyle !== "none";
}

// What did not show is focused once more: the table of contents folds and unfolds while
// one goes through it, and may carry a link out of the window a moment after.
function endRound() {
  const unseen = [...round.unseen];
  round.unseen.clear();
  for (const e of unseen) {
    e.focus();
    visitStop(e);
  }
  return [
    ...[...round.left].map((e) => `unreached: ${titleOf(e)}`),
    ...[...round.unseen].map((e) => `focus does not show: ${titleOf(e)}`),
  ];
}

// Addresses of the last part of the page and of one in the middle; not of the first,
// which is all of it. A page scrolls only so far: what it cannot carry to the top of the
// window is no place to be in, and where there is none, as on a short page, that leaves
// the last, which the address names.
function places() {
  const all = [...document.querySelectorAll("article :is(section, dt)[id]")].slice(1);
  const furthest = document.documentElement.scrollHeight - innerHeight;
  const within = all.filter((e) => e.getBoundingClientRect().top + scrollY < furthest);
  const middle = within[within.length >> 1] ?? all.at(-1);
  return [all.at(-1), middle].map((e) => (e ? `#${e.id}` : ""));
}

function scrollToPlace(place) {
  if (place) document.getElementById(place.slice(1)).scrollIntoView();
}

// What the address names starts in the window.
function hasArrived() {
  const place = document.getElementById(location.hash.slice(1));
  const top = place?.getBoundingClientRect().top ?? scrollY;
  return top >= 0 && top < innerHeight;
}

// What is for the screen alone.
const ASIDE = "details, .live-part, .book-guessed, .book-meanings, .book-progress";

function wrongOnPaper() {
  const tools = "nav, dialog, .skip-link, .bd-sidebar, .bd-header-article, " +
    ".prev-next-footer, #pst-back-to-top, .copybtn, .headerlink";
  const all = (selector) => [...document.querySelectorAll(selector)];
  const printed = all(tools).filter(isShown);
  const missing = all("article :is(h1, h2, h3, p, pre, img)")
    .filter((e) => !isShown(e) && !e.closest(ASIDE));
  const cut = all("article :is(div, dl, pre)").filter((e) =>
    e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible");
  const paper = getComputedStyle(document.body).backgroundColor;
  return [
    ...printed.map((e) => `printed: ${titleOf(e)}`),
    ...missing.map((e) => `not printed: ${titleOf(e)}`),
    ...cut.map((e) => `cut off: ${titleOf(e)}`),
    ...(paper === "rgb(255, 255, 255)" ? [] : [`on ${paper}`]),
  ];
}

// Each result of the search page, once all of them quote their place.
function results() {
  const items = [...document.querySelectorAll("ul.search li")];
  const summary = document.querySelector(".search-summary")?.textContent;
  if (!summary || items.some((item) => item.children.length < 2)) return null;
  return items.map((item) => item.querySelector("a").href);
}

globalThis.reading = {
  readThrough, isSettled, tooWide, violations, round, startRound, endRound, places,
  scrollToPlace, hasArrived, wrongOnPaper, results,
};
