"use strict";
// Notes what goes wrong on a page, in any browser: for engines.py.

const complaints = [];
globalThis.complaints = complaints;

for (const level of ["error", "warn"]) {
  const say = console[level];
  console[level] = (...said) => {
    complaints.push(said.join(" "));
    say.apply(console, said);
  };
}
// While it goes down: what does not load says so to nobody above it.
addEventListener("error", ({ message, target }) => {
  if (target.rel === "next") return; // Firefox fetches it ahead, or gives up
  complaints.push(message ?? `not loaded: ${target.src ?? target.href}`);
}, true);
addEventListener("unhandledrejection", ({ reason }) => complaints.push(`${reason}`));
addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
  complaints.push(`stopped: ${effectiveDirective}: ${blockedURI}`));
