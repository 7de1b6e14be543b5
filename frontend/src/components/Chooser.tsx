import { useState } from "react";
import type { Sample } from "../api";
import { type Cell, waiting } from "../cells";
import { counted } from "../pure/wording";
import { sampleFile } from "../server";
import type { Progress } from "../useCells";
import { Dropzone } from "./Dropzone";
import { ErrorCard } from "./ErrorCard";
import { Phantoms } from "./Phantoms";
import { Selection } from "./Selection";
import { Status } from "./Status";

interface Props {
  cells: Cell[];
  progress: Progress | undefined;
  samples: Sample[];
  onAdd: (files: File[]) => void;
  onRemove: (cell: Cell) => void;
  onClear: () => void;
  /** Missing while nothing can answer: the limits are not told, or the networks not loaded. */
  onClassify: (() => void) | undefined;
}

function callToAction(cells: Cell[]) {
  const toSend = waiting(cells);
  if (toSend.length === 0) return "Classify";
  const onlyFailed = toSend.every(({ result }) => result);
  return onlyFailed
    ? `Try ${counted(toSend.length, "file")} again`
    : `Classify ${counted(toSend.length, "cell")}`;
}

export function Chooser(props: Props) {
  const { cells, progress, samples, onAdd, onRemove, onClear, onClassify } = props;
  const [problem, setProblem] = useState<string>();
  const busy = Boolean(progress);

  function addSample(sample: Sample) {
    setProblem(undefined);
    sampleFile(sample).then(
      (file) => onAdd([file]),
      (reason: Error) => setProblem(reason.message),
    );
  }

  return (
    <section id="choose" aria-labelledby="choose-heading" tabIndex={-1}>
      <h2 id="choose-heading">Choose cells</h2>
      <div className="choices">
        <Dropzone onAdd={onAdd} />
        <Phantoms samples={samples} onAdd={addSample} />
      </div>
      {problem && <ErrorCard heading="h3" title="This phantom cannot be used" error={problem} />}
      <Selection cells={cells} busy={busy} onRemove={onRemove} />
      <div className="actions">
        <button
          type="button"
          className="primary"
          data-testid="classify"
          aria-busy={busy}
          disabled={busy || waiting(cells).length === 0 || !onClassify}
          onClick={onClassify}
        >
          {busy ? "Classifying…" : callToAction(cells)}
        </button>
        <button type="button" disabled={busy || cells.length === 0} onClick={onClear}>
          Clear
        </button>
        <Status cells={cells} progress={progress} />
      </div>
    </section>
  );
}
