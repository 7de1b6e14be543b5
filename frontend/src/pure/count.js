/** Counting: from probabilities and a threshold to confusion matrices, metrics and curves. */

/** @typedef {{ tn: number, fp: number, fn: number, tp: number }} Counts */

/**
 * @param {ArrayLike<number>} probability
 * @param {ArrayLike<boolean>} leukemic Of each of those cells.
 * @param {number} threshold A cell that reaches it counts as leukemic.
 * @returns {Counts}
 */
export function confusion(probability, leukemic, threshold) {
  const counts = { tn: 0, fp: 0, fn: 0, tp: 0 };
  for (let i = 0; i < probability.length; i += 1) {
    const called = (probability[i] ?? 0) >= threshold;
    if (leukemic[i]) counts[called ? "tp" : "fn"] += 1;
    else counts[called ? "fp" : "tn"] += 1;
  }
  return counts;
}

/**
 * False and true positive rate as the threshold falls, from (0, 0) to (1, 1).
 *
 * @param {ArrayLike<number>} probability
 * @param {ArrayLike<boolean>} leukemic
 * @returns {{ fpr: number, tpr: number }[]} At most one point each half per cent.
 */
export function roc(probability, leukemic) {
  const order = Array.from(probability, (_, i) => i).sort(
    (a, b) => (probability[b] ?? 0) - (probability[a] ?? 0),
  );
  const positives = order.filter((i) => leukemic[i]).length;
  const negatives = order.length - positives;
  const points = [{ fpr: 0, tpr: 0 }];
  let [fp, tp] = [0, 0];
  order.forEach((i, at) => {
    if (leukemic[i]) tp += 1;
    else fp += 1;
    const next = order[at + 1];
    if (next !== undefined && probability[next] === probability[i]) return; // a tie is one step
    const point = { fpr: negatives ? fp / negatives : 0, tpr: positives ? tp / positives : 0 };
    const last = points[points.length - 1] ?? { fpr: 0, tpr: 0 };
    const far = Math.abs(point.fpr - last.fpr) + Math.abs(point.tpr - last.tpr) >= 0.005;
    if (far || next === undefined) points.push(point);
  });
  return points;
}

/**
 * Share of each subject's cells that count as leukemic; missing for a subject without cells.
 *
 * @param {ArrayLike<number>} probability
 * @param {ArrayLike<number>} subject Of each of those cells.
 * @param {number} subjects How many there are.
 * @param {number} threshold
 * @returns {(number | undefined)[]}
 */
export function perSubject(probability, subject, subjects, threshold) {
  const called = new Array(subjects).fill(0);
  const cells = new Array(subjects).fill(0);
  for (let i = 0; i < probability.length; i += 1) {
    const who = subject[i] ?? 0;
    cells[who] += 1;
    if ((probability[i] ?? 0) >= threshold) called[who] += 1;
  }
  return cells.map((n, who) => (n ? called[who] / n : undefined));
}

/**
 * Mean of what there is, by place.
 *
 * @param {(number | undefined)[][]} rows
 * @returns {(number | undefined)[]}
 */
export function means(rows) {
  return (rows[0] ?? []).map((_, at) => {
    const there = rows.map((row) => row[at]).filter((value) => value !== undefined);
    return there.length ? there.reduce((sum, value) => sum + value, 0) / there.length : undefined;
  });
}

/**
 * Mean counts of several runs.
 *
 * @param {Counts[]} runs
 * @returns {Counts}
 */
export function meanCounts(runs) {
  const sum = { tn: 0, fp: 0, fn: 0, tp: 0 };
  for (const counts of runs) {
    for (const key of /** @type {const} */ (["tn", "fp", "fn", "tp"])) {
      sum[key] += counts[key] / runs.length;
    }
  }
  return sum;
}
