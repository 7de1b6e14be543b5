import assert from "node:assert/strict";
import test from "node:test";
import {
  aroundCell,
  CELL_RADIUS,
  CENTRE,
  NODE_RADIUS,
  nodeRadius,
  similarityRange,
  SIZE,
} from "../src/pure/layout.js";

const neighbours = (...all) =>
  all.map((similarity) => ({ filename: "a.bmp", subject: "1", label: "Healthy", similarity }));

test("less similar is farther, the middle of the range is in the middle", () => {
  const [near, middle, far] = aroundCell(neighbours(0.98, 0.96, 0.94)).map(({ radius }) => radius);
  assert.ok(near < middle && middle < far);
  assert.ok(Math.abs(middle - (near + far) / 2) < 1e-9);
});

test("the first is at the top", () => {
  const [first] = aroundCell(neighbours(0.98, 0.96));
  assert.ok(Math.abs(first.x - CENTRE) < 1e-9 && first.y < CENTRE);
});

for (const [name, all] of [
  ["different", [0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93, 0.92, 0.91, 0.9]],
  ["equal", Array(10).fill(0.9)],
]) {
  test(`ten ${name} neighbours overlap neither each other nor the cell nor the edge`, () => {
    const nodes = aroundCell(neighbours(...all));
    for (const [i, a] of nodes.entries()) {
      assert.ok(a.radius > CELL_RADIUS + NODE_RADIUS);
      for (const place of [a.x, a.y]) {
        assert.ok(place >= NODE_RADIUS && place <= SIZE - NODE_RADIUS);
      }
      for (const b of nodes.slice(i + 1)) {
        assert.ok(Math.hypot(a.x - b.x, a.y - b.y) > 2 * NODE_RADIUS);
      }
    }
  });
}

for (const number of [1, 2, 10, 20, 30, 50]) {
  test(`${number} equal neighbours are as large as fits`, () => {
    const [nodes, radius] = [aroundCell(neighbours(...Array(number).fill(0.9))), nodeRadius(number)];
    assert.ok(radius > 3 && radius <= NODE_RADIUS);
    for (const [i, a] of nodes.entries()) {
      for (const b of nodes.slice(i + 1)) assert.ok(Math.hypot(a.x - b.x, a.y - b.y) > 2 * radius);
    }
  });
}

test("the range of the similarities", () => {
  assert.deepEqual(similarityRange(neighbours(0.9, 0.97, 0.93)), { smallest: 0.9, largest: 0.97 });
});
