import type { Cell } from "../cells";
import { counted } from "../pure/wording";
import type { Progress } from "../useCells";

function told(cells: Cell[], progress: Progress | undefined): string {
  if (progress) {
    const { from, to, of } = progress;
    return from === 1 && to === of
      ? `Classifying ${counted(of, "cell")}…`
      : `Classifying cells ${from} to ${to} of ${of}…`;
  }
  if (cells.length === 0) return "No cell chosen yet.";
  const classified = cells.filter(({ result }) => result?.ok).length;
  const failed = cells.filter(({ result }) => result && !result.ok).length;
  const fresh = cells.length - classified - failed;
  return [
    fresh && `${counted(fresh, "cell")} chosen.`,
    classified && `${counted(classified, "cell")} classified.`,
    failed && `${counted(failed, "file")} could not be classified.`,
  ]
    .filter(Boolean)
    .join(" ");
}

/** Where things stand, announced to screen readers whenever it changes. */
export function Status({ cells, progress }: { cells: Cell[]; progress: Progress | undefined }) {
  return (
    <p role="status" className="status">
      {told(cells, progress)}
    </p>
  );
}
