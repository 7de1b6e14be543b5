/** Which reference cells a new one is attached to. */

const DECIMALS = 1e7; // finer than that, cosines of the stored features are rounding

/**
 * Places of the `k` greatest, the first of equals first.
 *
 * @param {ArrayLike<number>} similarity
 * @param {number} k
 */
export function nearest(similarity, k) {
  const rounded = Array.from(similarity, (value) => Math.round(value * DECIMALS));
  return Array.from(rounded.keys())
    .sort((a, b) => (rounded[b] ?? 0) - (rounded[a] ?? 0) || a - b)
    .slice(0, k);
}
