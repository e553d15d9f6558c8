// The network that the reader trained last, kept in the browser for all live parts.
export const OWN = "own"; // as a choice among networks
const PLACE = "book-network";

// trained: {network, psnr, weights}, the last a Float32Array. Where nothing may be
// kept, it is not.
export function keepOwn({ weights, ...about }) {
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  try {
    localStorage.setItem(PLACE, JSON.stringify({ ...about, weights: btoa(text) }));
  } catch {
    // private windows, and a store that is full
  }
}

// As above; undefined where there is none.
export function own() {
  try {
    const { weights, ...about } = JSON.parse(localStorage.getItem(PLACE));
    const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
    const trained = { ...about, weights: new Float32Array(bytes.buffer) };
    return Number.isFinite(trained.psnr) ? trained : undefined;
  } catch {
    return undefined;
  }
}

// Add it to a choice of networks. page: the Demo of loader.js.
export function offerOwn(select, page) {
  const trained = own();
  if (!trained) return;
  const label = page.say("own", { psnr: trained.psnr.toFixed(1) });
  select.add(new Option(label, OWN));
}
