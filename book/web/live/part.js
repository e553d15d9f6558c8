// What every live part of a page has: its place, its controls, and whom it tells.
export class LivePart {
  // page: the Demo of loader.js, which fetches files and tells the reader what happens.
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.form = root.querySelector("form");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.controls = this.form.elements;
  }

  find(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  // Whatever fails is said, and the next attempt may succeed.
  async attempt(what) {
    try {
      await what();
      this.page.show("ready");
    } catch (error) {
      this.page.show("failed", error);
    }
  }

  // For a screen reader.
  announce(words) {
    this.root.querySelector(".live-announce").textContent = words;
  }

  // What the keyboard has done with the pen; see Pad.
  tellPen = (what, place) => this.announce(this.page.say(what, place));
}
