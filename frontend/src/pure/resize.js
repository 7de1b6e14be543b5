/** Pillow's bilinear resize of 8-bit images: a triangle as wide as the step, in whole numbers. */

const PRECISION = 22; // bits of a weight, as Pillow has them

/**
 * Which pixels make one of the smaller image, with what weights.
 *
 * @param {number} from
 * @param {number} to
 */
function weights(from, to) {
  const step = from / to;
  const support = Math.max(step, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * step;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support + 0.5), from);
    const near = Array.from({ length: last - first }, (_, j) =>
      Math.max(1 - Math.abs((first + j - centre + 0.5) / support), 0),
    );
    const sum = near.reduce((a, b) => a + b, 0);
    return { first, near: near.map((w) => Math.floor((w / sum) * 2 ** PRECISION + 0.5)) };
  });
}

/**
 * A square image as the network is shown it.
 *
 * @param {Uint8ClampedArray | Uint8Array} pixels red, green, blue, alpha of each, row by row
 * @param {number} from its side
 * @param {number} to the side asked for
 * @returns {Uint8Array} one channel after the other, row by row
 */
export function resized(pixels, from, to) {
  const steps = from === to ? null : weights(from, to);
  const out = new Uint8Array(3 * to * to);
  const across = new Uint8Array(from * to);
  const half = 2 ** (PRECISION - 1);
  for (let channel = 0; channel < 3; channel += 1) {
    const plane = out.subarray(channel * to * to, (channel + 1) * to * to);
    if (!steps) {
      for (let i = 0; i < plane.length; i += 1) plane[i] = pixels[4 * i + channel] ?? 0;
      continue;
    }
    for (let y = 0; y < from; y += 1) {
      steps.forEach(({ first, near }, x) => {
        let sum = half;
        for (let j = 0; j < near.length; j += 1) {
          sum += (near[j] ?? 0) * (pixels[4 * (y * from + first + j) + channel] ?? 0);
        }
        across[y * to + x] = Math.min(sum >> PRECISION, 255);
      });
    }
    steps.forEach(({ first, near }, y) => {
      for (let x = 0; x < to; x += 1) {
        let sum = half;
        for (let j = 0; j < near.length; j += 1) {
          sum += (near[j] ?? 0) * (across[(first + j) * to + x] ?? 0);
        }
        plane[y * to + x] = Math.min(sum >> PRECISION, 255);
      }
    });
  }
  return out;
}
