import assert from "node:assert/strict";
import test from "node:test";
import { whatItIs } from "../src/pure/header.js";
import { holdsIt, oddities, unlike } from "../src/pure/looks.js";
import { nearest } from "../src/pure/nearest.js";
import { resized } from "../src/pure/resize.js";

const GOLDEN = {
  smaller: [92, 84, 119, 103, 105, 150, 158, 140, 167, 97, 73, 97, 124, 143, 146, 168, 132, 141, 152, 109, 102, 140, 114, 133, 168, 111, 123],
  larger: [0, 35, 61, 69, 60, 26, 116, 160, 88, 136, 71, 57, 82, 89, 72, 84, 125, 181, 167, 137, 102, 83, 109, 111, 95, 108, 162],
};

/** 7 x 7 pixels without order, alpha 255. */
const pixels = Uint8Array.from({ length: 7 * 7 * 4 }, (_, i) =>
  i % 4 === 3 ? 255 : (i * i * 31 + i * 17) % 256,
);

test("an image gets smaller and larger as Pillow makes it", () => {
  // Image.frombytes("RGBA", (7, 7), pixels).convert("RGB").resize((n, n), Image.BILINEAR)
  assert.deepEqual([...resized(pixels, 7, 3)], GOLDEN.smaller);
  assert.deepEqual([...resized(pixels, 7, 9)].slice(0, 27), GOLDEN.larger);
});

test("an image of the size asked for passes unchanged, a channel after the other", () => {
  const same = resized(pixels, 7, 7);
  assert.equal(same.length, 3 * 49);
  assert.deepEqual([same[0], same[49], same[98], same[1]], [pixels[0], pixels[1], pixels[2], pixels[4]]);
});

test("the nearest come first, of equals the first, and never more than there are", () => {
  assert.deepEqual(nearest([0.1, 0.9, 0.5, 0.9, 0.7], 3), [1, 3, 4]);
  assert.deepEqual(nearest([0.3, 0.2], 5), [0, 1]);
});

const looks = { side: 450, seen: 8, dark: 16, least_box: 0.25, greatest_box: 0.5, like: 99 };
const cell = (from, to) => {
  const image = new Uint8Array(3 * 64);
  for (let y = from; y <= to; y += 1) for (let x = from; x <= to; x += 1) image[8 * y + x] = 255;
  return image;
};

test("what does not look like one cell on black is said", () => {
  assert.deepEqual(oddities(450, cell(2, 4), looks), []);
  assert.match(oddities(450, cell(0, 3), looks)[0], /not black at the border/);
  assert.match(oddities(450, new Uint8Array(192), looks)[0], /nothing in it is brighter/);
  assert.match(oddities(450, cell(1, 6), looks)[0], /the cell is 75% of the image wide, real ones are 25% to 50%/);
  assert.match(oddities(300, cell(2, 4), looks)[0], /300x300 pixels large.*at 150% of its size/);
  assert.deepEqual(oddities(8, cell(2, 4), looks), []);
});

test("whole percent are Python's: of two as near the even one", () => {
  assert.match(oddities(600, cell(2, 4), { ...looks, side: 75 })[0], /at 12% of its size/);
  assert.match(oddities(600, cell(2, 4), { ...looks, side: 225 })[0], /at 38% of its size/);
});

test("a cell that the reference holds, or that is unlike all of it, is warned about", () => {
  assert.deepEqual([...unlike(0.01, { unlike: 0.02, looks }), ...holdsIt(undefined)], []);
  assert.match(holdsIt("a.bmp")[0], /holds this very cell \(a\.bmp\)/);
  assert.match(unlike(0.5, { unlike: 0.02, looks })[0], /distance 0\.5000, and 99 % .* within 0\.0200/);
});

const limits = { least_side: 128, greatest_side: 600 };
const bmp = (width, height, bits, bytes) => {
  const content = new Uint8Array(bytes);
  const view = new DataView(content.buffer);
  content.set([66, 77]);
  view.setUint32(10, 54, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(28, bits, true);
  return content;
};

test("what is not a whole RGB image of a size that is known is refused in one sentence", () => {
  const whole = 54 + 450 * 1352;
  assert.deepEqual(whatItIs(bmp(450, -450, 24, whole), "a.bmp", limits), { side: 450 });
  for (const [content, expected] of [
    [new Uint8Array(0), /a\.bmp: the file is empty/],
    [new Uint8Array(100), /a\.bmp: cannot be read as an image; expected BMP, PNG/],
    [bmp(450, 450, 24, whole).subarray(0, 20), /cannot be read as an image; expected/],
    [bmp(450, 450, 24, whole - 1), /the file is truncated/],
    [bmp(450, 450, 8, whole), /the mode is P, expected RGB/],
    [bmp(450, 449, 24, whole), /the size is 450x449, expected a square of 128 to 600/],
    [bmp(60000, 60000, 24, whole), /the size is 60000x60000/],
  ]) {
    assert.throws(() => whatItIs(content, "a.bmp", limits), expected);
  }
});
