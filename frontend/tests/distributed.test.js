import assert from "node:assert/strict";
import test from "node:test";
import { asDistributed, SIDE } from "../src/pure/distributed.js";

test("a file of 24 bits, bottom row first, blue first, rows of whole words", () => {
  const pixels = new Uint8ClampedArray(4 * SIDE * SIDE);
  pixels.set([1, 2, 3, 255], 0); // upper left
  pixels.set([4, 5, 6, 255], 4 * (SIDE * SIDE - 1)); // lower right
  const file = asDistributed(pixels);
  const view = new DataView(file.buffer);
  assert.equal(String.fromCharCode(file[0], file[1]), "BM");
  assert.equal(view.getUint32(2, true), file.length);
  assert.deepEqual([view.getInt32(18, true), view.getInt32(22, true)], [SIDE, SIDE]);
  assert.equal(view.getUint16(28, true), 24);
  const row = (file.length - view.getUint32(10, true)) / SIDE;
  assert.equal(row, 1352);
  assert.deepEqual([...file.slice(54 + row * (SIDE - 1)).slice(0, 3)], [3, 2, 1]);
  assert.deepEqual([...file.slice(54 + 3 * (SIDE - 1), 54 + 3 * SIDE)], [6, 5, 4]);
});
