import { useRef } from "react";
import type { Cell } from "../cells";
import { Preview } from "./Preview";

interface Props {
  cells: Cell[];
  busy: boolean;
  onRemove: (cell: Cell) => void;
}

export function Selection({ cells, busy, onRemove }: Props) {
  const list = useRef<HTMLUListElement>(null);
  if (cells.length === 0) return null;

  function remove(cell: Cell, i: number) {
    // The button goes away with its cell; keyboard focus moves to the next, else the one before.
    const buttons = list.current?.querySelectorAll("button");
    (buttons?.[i + 1] ?? buttons?.[i - 1])?.focus();
    onRemove(cell);
  }

  return (
    <div className="selection">
      <h3>Chosen cells</h3>
      <ul className="chosen" ref={list}>
        {cells.map((cell, i) => (
          <li key={cell.id}>
            <Preview url={cell.preview} />
            <span className="file-name" title={cell.file.name}>
              {cell.file.name}
            </span>
            <button
              type="button"
              className="remove"
              aria-label={`Remove ${cell.file.name}`}
              disabled={busy}
              onClick={() => remove(cell, i)}
            >
              <span aria-hidden="true">×</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
