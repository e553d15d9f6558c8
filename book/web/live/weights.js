// Weights as files: safetensors, whose header is JSON.

// Float32Arrays, one behind the other.
export function joined(rows) {
  const all = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

// shapes: [[key, shape]]; weights: all in one row. Returns an ArrayBuffer.
export function pack(shapes, weights) {
  let at = 0;
  const header = {};
  for (const [key, shape] of shapes) {
    const size = 4 * shape.reduce((a, b) => a * b, 1);
    header[key] = { dtype: "F32", shape, data_offsets: [at, at + size] };
    at += size;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = 8 * Math.ceil(text.length / 8); // the numbers begin at a multiple of 8
  const file = new Uint8Array(8 + padded + at).fill(32, 8, 8 + padded);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(text, 8);
  file.set(new Uint8Array(weights.buffer, weights.byteOffset, at), 8 + padded);
  return file.buffer;
}

// Which of `networks`, {name: shapes}, a file holds, and its weights; {} if none of them.
// Keys may begin with "model.", as in the checkpoints of unetlib.
export function unpack(file, networks) {
  const held = read(file);
  for (const [network, shapes] of Object.entries(networks)) {
    const found = shapes.map(([key]) => held[key] ?? held[`model.${key}`]);
    const fits = shapes.every(([, shape], i) =>
      found[i]?.dtype === "F32" && JSON.stringify(found[i].shape) === JSON.stringify(shape));
    if (!fits) continue;
    const rows = found.map(({ bytes }) => new Float32Array(bytes.slice().buffer));
    const weights = joined(rows);
    if (weights.every(Number.isFinite)) return { network, weights };
  }
  return {};
}

// {key: {dtype, shape, bytes}}; empty for what is no such file.
function read(file) {
  try {
    const length = Number(new DataView(file).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
    const start = 8 + length;
    return Object.fromEntries(
      Object.entries(header)
        .filter(([key]) => key !== "__metadata__")
        .map(([key, { dtype, shape, data_offsets: [from, to] }]) => [
          key, { dtype, shape, bytes: new Uint8Array(file, start + from, to - from) },
        ]),
    );
  } catch {
    return {};
  }
}
