/** Where the neighbours of a cell are drawn. */
/** @import { Neighbour } from "../api" */

export const SIZE = 340; // of the square drawing
export const CENTRE = SIZE / 2;
export const CELL_RADIUS = 32;
export const NODE_RADIUS = 13; // of a few
const NEAREST = CELL_RADIUS + NODE_RADIUS + 18;
const FARTHEST = CENTRE - NODE_RADIUS - 4;

/**
 * As large as `number` nodes can be that stand around the cell, all at the same distance.
 *
 * @param {number} number
 */
export const nodeRadius = (number) =>
  Math.min(NODE_RADIUS, NEAREST * Math.sin(Math.PI / Math.max(2, number)) - 0.5);

/** @param {Neighbour[]} neighbours */
export function similarityRange(neighbours) {
  const all = neighbours.map((n) => n.similarity);
  return { smallest: Math.min(...all), largest: Math.max(...all) };
}

/**
 * Clockwise from the top in the order given. The distance from the middle grows with
 * 1 - similarity, scaled over these neighbours alone: as they are, all would look equally near.
 *
 * @param {Neighbour[]} neighbours
 */
export function aroundCell(neighbours) {
  const { smallest, largest } = similarityRange(neighbours);
  const spread = largest - smallest;
  return neighbours.map((neighbour, i) => {
    const share = spread > 0 ? (largest - neighbour.similarity) / spread : 0.5;
    const radius = NEAREST + share * (FARTHEST - NEAREST);
    const angle = (2 * Math.PI * i) / neighbours.length - Math.PI / 2;
    return {
      neighbour,
      rank: i + 1,
      radius,
      x: CENTRE + radius * Math.cos(angle),
      y: CENTRE + radius * Math.sin(angle),
    };
  });
}
