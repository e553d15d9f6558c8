"use strict";
// Loads a live part when the reader scrolls to it: shows how much has come, lets the
// reader cancel and try again, and says why where it cannot start. What it loads stands in
// the part's data: data-module, whose open() makes it, and data-needs, names of files and
// folders; {name} is what the control of that name is set to.
// A classic script, so that it also runs where modules do not: in a page that was
// opened as a file.
(() => {
  const here = document.currentScript.src;
  const LIST = "files.json"; // {name: bytes} of all that may be loaded; build_site.py
  const PATIENCE = 200; // ms that may pass without a word
  const ACTIONS = { asking: "load", loading: "cancel", failed: "again" }; // the button's
  const FINAL = ["file", "wasm", "simd"]; // reasons that trying again does not mend
  // The smallest WebAssembly program that needs SIMD: i32.const 0, i8x16.splat.
  const SIMD = Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0,
    253, 15, 11,
  );

  // reason: which of the page's words say it.
  class Failure extends Error {
    constructor(reason, values) {
      super(`${reason} ${JSON.stringify(values ?? {})}`);
      Object.assign(this, { reason, values });
    }
  }

  class Demo {
    constructor(root) {
      this.root = root;
      this.words = JSON.parse(root.dataset.words);
      this.sizes = {};
      this.came = new Map(); // name of a file that is wanted → bytes that have come
      this.button = root.querySelector(".live-go");
      this.button.addEventListener("click", () => {
        if (root.dataset.state === "loading") this.cancel();
        else this.start();
      });
    }

    // The reader is near. Who saves data is asked first; others where a part has data-ask.
    async meet() {
      const ask = navigator.connection?.saveData || "ask" in this.root.dataset;
      if (!ask) return this.start();
      try {
        this.check();
        await this.plan();
        this.show("asking");
      } catch (error) {
        this.show("failed", error);
      }
    }

    // Also after a failure: it goes on where it stopped.
    async start() {
      this.show("loading");
      try {
        this.part ??= await this.open();
        await this.part.tryAgain();
        this.root.classList.add("live-started");
        this.show("ready");
      } catch (error) {
        this.show("failed", error);
        console.warn("The live version did not start:", error);
      }
    }

    check() {
      if (location.protocol === "file:") throw new Failure("file");
      if (!globalThis.WebAssembly) throw new Failure("wasm");
      if (!WebAssembly.validate(SIMD)) throw new Failure("simd");
    }

    // Learns what has to come, and how much that is.
    async plan() {
      const { [LIST]: bytes } = await this.fetch([LIST]);
      try {
        this.sizes = JSON.parse(new TextDecoder().decode(bytes));
      } catch {
        throw new Failure("page", { file: LIST });
      }
      const { elements } = this.root.querySelector("form");
      const needs = this.root.dataset.needs
        .replace(/\{(\w+)\}/g, (_, name) => elements[name].value)
        .split(" ");
      for (const name of Object.keys(this.sizes)) {
        const wanted = needs.some((need) => need === name || name.startsWith(`${need}/`));
        if (wanted) this.came.set(name, 0);
      }
    }

    async open() {
      this.check();
      await this.plan();
      // Browsers remember that a module failed to load, and do not try again. So this
      // sees first that each can be had; they are then imported from the cache.
      await this.fetch([...this.came.keys()].filter((name) => name.endsWith(".js")));
      const { open } = await import(new URL(this.root.dataset.module, here));
      return open(this.root, this);
    }

    // Resolves to {name: ArrayBuffer}.
    async fetch(names) {
      const stop = new AbortController();
      this.cancel = () => stop.abort();
      for (const name of names) this.came.set(name, 0);
      const late = setTimeout(() => this.show("loading"), PATIENCE);
      try {
        const files = names.map(async (name) => [name, await this.fetchFile(name, stop)]);
        return Object.fromEntries(await Promise.all(files));
      } catch (error) {
        const cancelled = stop.signal.aborted;
        stop.abort(); // the others are no longer wanted
        throw cancelled ? new Failure("cancelled") : error;
      } finally {
        clearTimeout(late);
      }
    }

    // Tries twice, the second time past the browser's cache: much that goes wrong passes.
    async fetchFile(name, { signal }) {
      const fresh = name === LIST ? "no-cache" : "default";
      try {
        return await this.receive(name, { signal, cache: fresh });
      } catch (error) {
        if (signal.aborted) throw error;
      }
      try {
        return await this.receive(name, { signal, cache: "reload" });
      } catch (error) {
        throw error instanceof Failure ? error : new Failure("offline", { file: name });
      }
    }

    async receive(name, options) {
      const response = await fetch(new URL(name, here), options);
      if (!response.ok) throw new Failure("status", { file: name, status: response.status });
      const type = response.headers.get("content-type") ?? "";
      let came = 0;
      const counter = new TransformStream({
        transform: (chunk, controller) => {
          came += chunk.length;
          this.came.set(name, came);
          this.showProgress();
          controller.enqueue(chunk);
        },
      });
      const bytes = await new Response(response.body.pipeThrough(counter)).arrayBuffer();
      const size = this.sizes[name] ?? came;
      if (came !== size) {
        const reason = type.startsWith("text/html") ? "page" : "cut";
        throw new Failure(reason, { file: name, came, size });
      }
      if (name.endsWith(".js") && !/(java|ecma)script/.test(type)) {
        throw new Failure("type", { file: name, type: type || "?" });
      }
      return bytes;
    }

    showProgress() {
      const sum = (numbers) => numbers.reduce((total, bytes) => total + bytes, 0);
      const size = sum([...this.came.keys()].map((name) => this.sizes[name] ?? 0));
      const came = Math.min(size, sum([...this.came.values()]));
      const bar = this.root.querySelector(".live-progress progress");
      if (size) bar.value = came / size;
      this.root.querySelector(".live-progress span").textContent =
        size ? this.say("came", { came: mega(came), size: mega(size) }) : "";
      return mega(size);
    }

    show(state, error) {
      const size = this.showProgress();
      const broken = state === "failed" && this.root.classList.contains("live-started");
      this.root.dataset.state = state;
      this.tell(".live-state", this.say(broken ? "broken" : state, { size }));
      this.tell(".live-detail", error ? this.reason(error) : "");
      const action = FINAL.includes(error?.reason) ? undefined : ACTIONS[state];
      this.button.hidden = !action;
      this.button.textContent = this.words[action] ?? "";
      this.root.querySelector(".live-progress").hidden = state !== "loading";
      if (state === "ready") this.came.clear();
    }

    reason(error) {
      return error.reason ? this.say(error.reason, error.values) : error.message;
    }

    // What is said again is not read out again.
    tell(where, words) {
      const place = this.root.querySelector(where);
      if (place.textContent !== words) place.textContent = words;
    }

    // One of the page's words, with its {gaps} filled.
    say(key, values = {}) {
      return (this.words[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name]);
    }
  }

  const mega = (bytes) =>
    (bytes / 1e6).toLocaleString(document.documentElement.lang, {
      minimumFractionDigits: 1, maximumFractionDigits: 1,
    });

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        new Demo(target.querySelector(".live-part")).meet();
      }
    },
    { rootMargin: "200px" },
  );
  for (const demo of document.querySelectorAll(".live-part:not([data-state])")) {
    demo.dataset.state = "waiting";
    seen.observe(demo.parentElement); // the demo itself has no place yet
  }
})();
