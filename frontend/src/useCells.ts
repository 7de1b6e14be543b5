import { useReducer, useState } from "react";
import type { Limits, Result } from "./api";
import { type Cell, changed, waiting } from "./cells";
import { home } from "./home";
import { inBatches } from "./pure/batches";
import { megabytes } from "./pure/wording";

export interface Progress {
  from: number;
  to: number;
  of: number;
}

let lastId = 0;

function chosen(file: File): Cell {
  lastId += 1;
  return { id: lastId, file, preview: URL.createObjectURL(file) };
}

function tooLargeSentence({ file }: Cell, limits: Limits) {
  return (
    `The file has ${megabytes(file.size)}, more than the ` +
    `${megabytes(limits.file_bytes)} ${home.words.tooLarge}`
  );
}

const UNREADABLE =
  "The file can no longer be read: it was moved or changed after it was chosen. Choose it again.";

const failure = ({ file }: Cell, error: string): Result => ({ ok: false, name: file.name, error });

/** One file that cannot be read would fail all others of its request. */
async function readable({ file }: Cell) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** The cells on the page and what can be done with them. `progress` is set while classifying. */
export function useCells() {
  const [cells, dispatch] = useReducer(changed, []);
  const [progress, setProgress] = useState<Progress>();

  function add(files: File[]) {
    dispatch({ type: "added", cells: files.map(chosen) });
  }

  function remove(cell: Cell) {
    URL.revokeObjectURL(cell.preview);
    dispatch({ type: "removed", id: cell.id });
  }

  function clear() {
    for (const { preview } of cells) URL.revokeObjectURL(preview);
    dispatch({ type: "cleared" });
  }

  function answer(batch: Cell[], results: Result[]) {
    const pairs = batch.flatMap((cell, i) => (results[i] ? [[cell.id, results[i]] as const] : []));
    dispatch({ type: "answered", results: new Map(pairs) });
  }

  async function classify(limits: Limits) {
    const asked = waiting(cells);
    setProgress({ from: 1, to: asked.length, of: asked.length });
    const isReadable = await Promise.all(asked.map(readable));
    const unreadable = asked.filter((_, i) => !isReadable[i]);
    const { tooLarge, batches } = inBatches(
      asked.filter((_, i) => isReadable[i]),
      limits,
    );
    answer([...unreadable, ...tooLarge], [
      ...unreadable.map((cell) => failure(cell, UNREADABLE)),
      ...tooLarge.map((cell) => failure(cell, tooLargeSentence(cell, limits))),
    ]);
    const of = batches.flat().length;
    let from = 1;
    for (const batch of batches) {
      setProgress({ from, to: from + batch.length - 1, of });
      answer(batch, await home.predict(batch.map(({ file }) => file)));
      from += batch.length;
    }
    setProgress(undefined);
  }

  return { cells, progress, add, remove, clear, classify };
}
