/** A cell's file as the data set distributes it, from its pixels: a copy in another format has them too. */

export const SIDE = 450; // pixels of a distributed image

// Of a BMP: "BM", sizes and places, 450 x 450 pixels of 24 bits, bottom row first.
const HEADER =
  "424dc6480900000000003600000028000000c2010000c2010000010018000000000090480900c30e0000c30e0000" +
  "0000000000000000";
const ROW = 4 * Math.ceil((3 * SIDE) / 4); // bytes, filled up to whole words

/**
 * @param {Uint8ClampedArray} pixels RGBA, top row first, `SIDE` x `SIDE`
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function asDistributed(pixels) {
  const start = HEADER.length / 2;
  const file = new Uint8Array(start + ROW * SIDE);
  for (let i = 0; i < start; i += 1) file[i] = parseInt(HEADER.slice(2 * i, 2 * i + 2), 16);
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const [from, to] = [4 * (y * SIDE + x), start + ROW * (SIDE - 1 - y) + 3 * x];
      for (let colour = 0; colour < 3; colour += 1) {
        file[to + colour] = pixels[from + 2 - colour] ?? 0;
      }
    }
  }
  return file;
}
