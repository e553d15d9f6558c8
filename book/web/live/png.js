// A picture with a file inside: PNG allows chunks that programs which show it pass over.
// Source: the PNG specification (third edition, W3C 2025), sections 5 and 11.
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const KIND = "unEt"; // not critical, private, and worth keeping by who edits the picture
const END = 12; // bytes of the last chunk

const CHECK = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CHECK[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

// png, inside: ArrayBuffers. Returns another png.
export function hide(png, inside) {
  const chunk = new Uint8Array(12 + inside.byteLength);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, inside.byteLength);
  chunk.set(new TextEncoder().encode(KIND), 4);
  chunk.set(new Uint8Array(inside), 8);
  view.setUint32(8 + inside.byteLength, checksum(chunk.subarray(4, -4)));
  const before = png.byteLength - END;
  return new Blob([png.slice(0, before), chunk, png.slice(before)], { type: "image/png" });
}

// What is hidden in a picture; `file` itself where it is none; undefined where nothing is
// hidden, or not all of it is there.
export function reveal(file) {
  const bytes = new Uint8Array(file);
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) return file;
  const view = new DataView(file);
  for (let at = SIGNATURE.length; at + END <= bytes.length;) {
    const length = view.getUint32(at);
    const kind = new TextDecoder().decode(bytes.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (kind === KIND && end + 4 <= bytes.length) {
      const whole = checksum(bytes.subarray(at + 4, end)) === view.getUint32(end);
      return whole ? file.slice(at + 8, end) : undefined;
    }
    at = end + 4;
  }
  return undefined;
}
