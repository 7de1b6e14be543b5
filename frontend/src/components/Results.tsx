import { useEffect, useRef } from "react";
import type { Model } from "../api";
import type { Cell } from "../cells";
import { CellCard } from "./CellCard";
import { ErrorCard } from "./ErrorCard";
import { Export } from "./Export";

interface Props {
  cells: Cell[];
  model: Model;
  busy: boolean;
}

export function Results({ cells, model, busy }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const wasBusy = useRef(false);

  // The "Classify" button loses focus when it is disabled: go on at the results, unless the visitor
  // has moved elsewhere meanwhile.
  useEffect(() => {
    const done = wasBusy.current && !busy;
    if (done && document.activeElement === document.body) heading.current?.focus();
    wasBusy.current = busy;
  }, [busy]);

  const results = cells.flatMap(({ result }) => (result ? [result] : []));
  if (results.length === 0) return null;
  return (
    <section aria-labelledby="results-heading">
      <div className="results-head">
        <h2 id="results-heading" ref={heading} tabIndex={-1}>
          Results
        </h2>
        <Export results={results} />
      </div>
      {cells.map(({ id, preview, result }) => {
        if (!result) return null;
        return result.ok ? (
          <CellCard key={id} answer={result} preview={preview} model={model} />
        ) : (
          <ErrorCard
            key={id}
            heading="h3"
            title={`${result.name} could not be classified`}
            error={result.error}
          />
        );
      })}
    </section>
  );
}
