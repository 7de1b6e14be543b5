import assert from "node:assert/strict";
import test from "node:test";
import { counted, labelOf, percent, signed, similarity } from "../src/pure/wording.js";

test("one cell, two cells, thousands", () => {
  assert.equal(counted(1, "cell"), "1 cell");
  assert.equal(counted(7936, "cell"), "7,936 cells");
});

test("the threshold itself counts as leukemia, as on the server", () => {
  assert.equal(labelOf(0.5, 0.5), "Leukemia");
  assert.equal(labelOf(0.499999, 0.5), "Healthy");
});

test("a change has a sign", () => {
  assert.equal(signed(0.0123), "+0.012");
  assert.equal(signed(-0.5), "\u22120.500");
});

test("percent are whole, similarities have as many decimals as sent, at least four", () => {
  assert.equal(percent(0.876), "88\u00a0%");
  assert.equal(similarity(0.9), "0.9000");
  assert.equal(similarity(0.999613), "0.999613");
});
