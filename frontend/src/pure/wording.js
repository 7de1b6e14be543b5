/** How numbers and classes are written. */
/** @import { Label } from "../api" */

/** @param {number} share */
export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;

/** @param {number} value */
export const two = (value) => value.toFixed(2);

/** @param {number} value */
export const three = (value) => value.toFixed(3);

/**
 * A change of a probability, with its sign.
 *
 * @param {number} value
 */
export const signed = (value) => `${value < 0 ? "\u2212" : "+"}${three(Math.abs(value))}`;

/**
 * At least four decimals, more where an answer has them: near cells differ in the fifth.
 *
 * @param {number} value
 */
export const similarity = (value) =>
  value.toLocaleString("en", { minimumFractionDigits: 4, maximumFractionDigits: 6 });

/**
 * @param {number} n
 * @param {string} noun
 */
export const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

/** @param {number} bytes */
export const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)}\u00a0MB`;

/**
 * The class a probability of leukemia stands for.
 *
 * @param {number} probability
 * @param {number} threshold
 * @returns {Label}
 */
export const labelOf = (probability, threshold) =>
  probability >= threshold ? "Leukemia" : "Healthy";
