"use strict";
// Stands in for the theme's script of 80 KB, of which the book would use tooltips, where
// the browser shows a button's title anyway, and the button that leads back to the top.
document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("pst-back-to-top");
  let last = 0;
  addEventListener("scroll", () => {
    const goesUp = scrollY < last && scrollY > innerHeight;
    button.style.display = goesUp ? "block" : "none";
    last = scrollY;
  }, { passive: true });
  button.addEventListener("click", () => scrollTo({ top: 0 }));
});
