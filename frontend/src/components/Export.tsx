import type { Result } from "../api";
import { toCsv } from "../pure/csv";

function download(results: Result[]) {
  const url = URL.createObjectURL(new Blob([toCsv(results)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "leukgnn-results.csv";
  link.click();
  // Later, as some browsers read it only after the click has been handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function Export({ results }: { results: Result[] }) {
  return (
    <button type="button" data-testid="export" onClick={() => download(results)}>
      Export all as CSV
    </button>
  );
}
