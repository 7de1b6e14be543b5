/** Why an answer may mean little, in the words that the package uses (`cells.appearance`). */
/** @import { Looks } from "../api" */

/**
 * Whole percent, of two as near the even one: as Python writes it.
 *
 * @param {number} share
 */
function percent(share) {
  const value = 100 * share;
  const below = Math.floor(value);
  const tie = value - below === 0.5;
  return `${tie ? below + (below % 2) : Math.round(value)}%`;
}

/**
 * @param {number} side of the image as it was given
 * @param {Uint8Array} pixels as `resized` gives them
 * @param {Looks} looks
 */
export function oddities(side, pixels, looks) {
  const found = [];
  const problem = notSegmented(pixels, looks);
  if (problem) {
    found.push(
      `This does not look like one segmented cell on black: ${problem}. The model has only ` +
        "seen such images.",
    );
  }
  if (side !== looks.side && side !== looks.seen) {
    found.push(
      `The image is ${side}x${side} pixels large, those that the model has seen were ` +
        `${looks.side}x${looks.side}: unless it was resized from that, its cell appears at ` +
        `${percent(looks.side / side)} of its size. Cut or pad it to ${looks.side}x${looks.side}.`,
    );
  }
  return found;
}

/**
 * @param {Uint8Array} pixels
 * @param {Looks} looks
 */
function notSegmented(pixels, { seen, dark, least_box: least, greatest_box: greatest }) {
  const area = seen * seen;
  let [left, right, top, bottom] = [seen, -1, seen, -1];
  for (let i = 0; i < area; i += 1) {
    const grey = ((pixels[i] ?? 0) + (pixels[area + i] ?? 0) + (pixels[2 * area + i] ?? 0)) / 3;
    if (grey <= dark) continue;
    const [x, y] = [i % seen, Math.floor(i / seen)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  if (right < 0) return "nothing in it is brighter than black";
  if (left === 0 || top === 0 || right === seen - 1 || bottom === seen - 1) {
    return "it is not black at the border";
  }
  const slack = 1 / seen;
  for (const [length, word] of /** @type {const} */ ([
    [right - left + 1, "wide"],
    [bottom - top + 1, "high"],
  ])) {
    const share = length / seen;
    if (share < least - slack || share > greatest + slack) {
      return (
        `the cell is ${percent(share)} of the image ${word}, real ones are ${percent(least)} to ` +
        percent(greatest)
      );
    }
  }
  return "";
}

/**
 * @param {string | undefined} filename of the reference cell that is this very file
 */
export function holdsIt(filename) {
  return filename === undefined
    ? []
    : [
        `The reference holds this very cell (${filename}): the model was trained on it, so ` +
          "its answer says nothing about new cells.",
      ];
}

/**
 * @param {number} distance to the nearest reference cell
 * @param {{ unlike: number, looks: Looks }} model
 */
export function unlike(distance, { unlike: limit, looks }) {
  return distance > limit
    ? [
        "This cell is unlike all reference cells: the nearest is at distance " +
          `${distance.toFixed(4)}, and ${looks.like} % of cells of unseen subjects have one within ` +
          `${limit.toFixed(4)}.`,
      ]
    : [];
}
