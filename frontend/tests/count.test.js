import assert from "node:assert/strict";
import test from "node:test";
import { confusion, meanCounts, means, perSubject, roc } from "../src/pure/count.js";

const probability = [0.9, 0.5, 0.4, 0.1];
const leukemic = [true, false, true, false];

test("a cell at the threshold counts as leukemic", () => {
  assert.deepEqual(confusion(probability, leukemic, 0.5), { tn: 1, fp: 1, fn: 1, tp: 1 });
  assert.deepEqual(confusion(probability, leukemic, 0.51), { tn: 2, fp: 0, fn: 1, tp: 1 });
});

test("a curve goes from nothing called to all, and a tie is one step", () => {
  assert.deepEqual(roc([0.7, 0.7, 0.2], [true, false, true]), [
    { fpr: 0, tpr: 0 },
    { fpr: 1, tpr: 0.5 },
    { fpr: 1, tpr: 1 },
  ]);
});

test("each subject's share, and none where a subject has no cell", () => {
  assert.deepEqual(perSubject(probability, [0, 0, 2, 2], 3, 0.4), [1, undefined, 0.5]);
});

test("means are of what there is", () => {
  assert.deepEqual(means([[1, undefined, 0], [3, undefined, undefined]]), [2, undefined, 0]);
  assert.deepEqual(
    meanCounts([
      { tn: 1, fp: 0, fn: 2, tp: 4 },
      { tn: 3, fp: 1, fn: 0, tp: 4 },
    ]),
    { tn: 2, fp: 0.5, fn: 1, tp: 4 },
  );
});
