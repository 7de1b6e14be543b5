import assert from "node:assert/strict";
import test from "node:test";
import { inBatches } from "../src/pure/batches.js";

const limits = { files: 3, file_bytes: 10_000, request_bytes: 20_000 };
const cells = (...sizes) => sizes.map((size, i) => ({ file: { name: `${i}.bmp`, size } }));
const sizes = (batches) => batches.map((batch) => batch.map(({ file }) => file.size));

test("a batch holds no more files than a request may", () => {
  assert.deepEqual(sizes(inBatches(cells(1, 2, 3, 4), limits).batches), [[1, 2, 3], [4]]);
});

test("a batch with its framing holds no more bytes than a request may", () => {
  assert.deepEqual(sizes(inBatches(cells(9_500, 9_500, 8_000), limits).batches), [
    [9_500],
    [9_500, 8_000],
  ]);
});

test("a file over the limit is in no batch, one at the limit is", () => {
  const { tooLarge, batches } = inBatches(cells(10_001, 10_000), limits);
  assert.deepEqual(sizes([tooLarge]), [[10_001]]);
  assert.deepEqual(sizes(batches), [[10_000]]);
});

test("no cells, no batches", () => {
  assert.deepEqual(inBatches([], limits), { tooLarge: [], batches: [] });
});
