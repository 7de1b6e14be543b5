/** Splits a selection into requests the server accepts. */
/** @import { Limits } from "../api" */

const FRAMING = 1024; // bytes around one file in a multipart body, generously

/**
 * @template {{ file: { name: string, size: number } }} C
 * @param {C[]} cells
 * @param {Limits} limits
 * @returns {{ tooLarge: C[], batches: C[][] }}
 */
export function inBatches(cells, limits) {
  /** @type {C[]} */
  const tooLarge = [];
  /** @type {C[][]} */
  const batches = [];
  let room = 0;
  for (const cell of cells) {
    const bytes = cell.file.size + FRAMING;
    const last = batches.at(-1);
    if (cell.file.size > limits.file_bytes || bytes > limits.request_bytes) {
      tooLarge.push(cell);
    } else if (last && last.length < limits.files && bytes <= room) {
      last.push(cell);
      room -= bytes;
    } else {
      batches.push([cell]);
      room = limits.request_bytes - bytes;
    }
  }
  return { tooLarge, batches };
}
