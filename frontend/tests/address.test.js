import assert from "node:assert/strict";
import test from "node:test";
import { read, written } from "../src/pure/address.js";

const fallback = { protocol: "a", models: ["gcn", "mlp"], metric: "accuracy", threshold: 0.5 };
const there = { models: { a: ["gcn", "mlp"], b: ["gcn"] }, metrics: ["accuracy", "recall"] };

test("what is written is read again", () => {
  const view = { protocol: "a", models: ["mlp"], metric: "recall", threshold: 0.08 };
  assert.deepEqual(read(written(view), fallback, there), view);
  const near = { ...view, cell: "UID_1_2_3_all.bmp", k: 5 };
  assert.deepEqual(read(written(near), fallback, there), near);
});

test("what is not there falls back", () => {
  assert.deepEqual(read("", fallback, there), fallback);
  const odd = "#protocol=b&models=mlp,<b>&metric=nothing&threshold=7";
  assert.deepEqual(read(odd, fallback, there), { ...fallback, protocol: "b", models: ["gcn"] });
  assert.deepEqual(read("#protocol=toString", fallback, there), fallback);
});
