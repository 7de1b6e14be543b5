/** The cells on the page: chosen, and answered once the server has said something about them. */
import type { Result } from "./api";

export interface Cell {
  id: number;
  file: File;
  /** Object URL of the preview; whoever removes the cell revokes it. */
  preview: string;
  result?: Result;
}

export type Change =
  | { type: "added"; cells: Cell[] }
  | { type: "removed"; id: number }
  | { type: "cleared" }
  | { type: "answered"; results: Map<number, Result> };

export function changed(cells: Cell[], change: Change): Cell[] {
  switch (change.type) {
    case "added":
      return [...cells, ...change.cells];
    case "removed":
      return cells.filter(({ id }) => id !== change.id);
    case "cleared":
      return [];
    case "answered":
      return cells.map((cell) => {
        const result = change.results.get(cell.id);
        return result ? { ...cell, result } : cell;
      });
  }
}

/** Cells that a click on "Classify" sends: new ones, and those that failed before. */
export const waiting = (cells: Cell[]) => cells.filter(({ result }) => !result?.ok);
