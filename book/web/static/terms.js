"use strict";
// What a term means, beside it: on hover, on focus, and on the first tap; the second
// follows the link to the glossary. Escape closes it.
{
  const card = document.createElement("div");
  const GAP = 6; // px between the term and the card
  const LEAVE = 200; // ms to get from the term to the card
  let term;
  let leaving;

  card.className = "book-card";
  card.popover = "manual";
  document.body.append(card);

  function meaning(link) {
    return document.getElementById(`meaning-${link.hash.slice(1)}`);
  }

  function show(link) {
    clearTimeout(leaving);
    if (term === link) return;
    term = link;
    card.replaceChildren(...meaning(link).cloneNode(true).childNodes);
    card.showPopover();
    const [at, box] = [link.getBoundingClientRect(), card.getBoundingClientRect()];
    const fits = at.bottom + GAP + box.height < innerHeight;
    card.style.top = `${fits ? at.bottom + GAP : at.top - GAP - box.height}px`;
    card.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.width - 8))}px`;
  }

  function hide() {
    clearTimeout(leaving);
    term = undefined;
    card.hidePopover();
  }

  const leave = () => { leaving = setTimeout(hide, LEAVE); };

  for (const link of document.querySelectorAll("a.book-term")) {
    if (!meaning(link)) continue;
    link.setAttribute("aria-describedby", meaning(link).id);
    let tapped = false;
    link.addEventListener("pointerenter", ({ pointerType }) => {
      if (pointerType === "mouse") show(link);
    });
    link.addEventListener("pointerdown", ({ pointerType }) => {
      tapped = pointerType !== "mouse" && term !== link;
    });
    link.addEventListener("click", (event) => {
      if (!tapped) return;
      tapped = false;
      event.preventDefault();
      show(link);
    });
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) show(link); });
    link.addEventListener("pointerleave", leave);
    link.addEventListener("blur", hide);
  }
  card.addEventListener("pointerenter", () => clearTimeout(leaving));
  card.addEventListener("pointerleave", leave);
  addEventListener("scroll", () => { if (term) hide(); }, { passive: true });
  addEventListener("pointerdown", ({ target }) => {
    if (term && target !== term && !card.contains(target)) hide();
  });
  addEventListener("keydown", ({ key }) => { if (key === "Escape" && term) hide(); });
}
