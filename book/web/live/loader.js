"use strict";
// Loads the live denoiser when the reader scrolls to it, and says so if it cannot.
// A classic script, so that it also runs where modules do not: in a page that was
// opened as a file.
(() => {
  const here = document.currentScript.src;

  async function load(demo) {
    show(demo, "loading");
    try {
      if (location.protocol === "file:") throw new Error(demo.dataset.file);
      if (!globalThis.WebAssembly) throw new Error(demo.dataset.wasm);
      const { Explorer } = await import(new URL("explorer.js", here));
      await Explorer.start(demo, show);
      show(demo, "ready");
    } catch (error) {
      show(demo, "failed", error.message);
      console.warn("The live denoiser did not start:", error);
    }
  }

  function show(demo, state, detail = "") {
    demo.dataset.state = state;
    const broken = state === "failed" && demo.classList.contains("live-started");
    const words = demo.dataset[broken ? "broken" : state] ?? "";
    demo.querySelector(".live-state").textContent = words;
    demo.querySelector(".live-detail").textContent = detail;
  }

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        load(target.querySelector(".live-denoiser"));
      }
    },
    { rootMargin: "200px" },
  );
  for (const demo of document.querySelectorAll(".live-denoiser:not([data-state])")) {
    demo.dataset.state = "waiting";
    seen.observe(demo.closest(".cell")); // the demo itself has no place yet
  }
})();
