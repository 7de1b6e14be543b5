import type { Answer } from "../api";
import { similarityRange } from "../pure/layout";
import { percent, signed, similarity } from "../pure/wording";
import { ClassMark } from "./ClassMark";
import { NeighbourGraph } from "./NeighbourGraph";
import { NeighbourTable } from "./NeighbourTable";

export function Neighbourhood({ answer, preview }: { answer: Answer; preview: string }) {
  const { neighbours, leukemic_share: share } = answer;
  if (neighbours.length === 0) {
    return (
      <>
        <h4>Neighbours</h4>
        <p>None: this is the paper's dummy node, which no cell speaks to.</p>
      </>
    );
  }
  const leukemic = neighbours.filter(({ label }) => label === "Leukemia").length;
  const [telling] = [...neighbours].sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
  const { smallest, largest } = similarityRange(neighbours);
  const summary = `${leukemic} of ${neighbours.length} neighbours ${leukemic === 1 ? "is" : "are"} leukemic`;
  return (
    <>
      <h4>Neighbours</h4>
      <p>
        {summary} ({percent(share)}).
      </p>
      <figure>
        <NeighbourGraph neighbours={neighbours} preview={preview} summary={summary} />
        <figcaption className="muted">
          <span className="legend">
            <ClassMark label="Healthy" />
            <ClassMark label="Leukemia" />
          </span>
          The shorter an edge, the more alike: cosine similarity {similarity(largest)} at the shortest,{" "}
          {similarity(smallest)} at the longest. Numbered from the most similar. The reference cells have
          edges of their own, not drawn.
        </figcaption>
      </figure>
      {telling && (
        <p data-testid="telling">
          The answer rests most on neighbour {neighbours.indexOf(telling) + 1} ({telling.label},{" "}
          {telling.subject}): without it the probability of leukemia changes by{" "}
          {signed(telling.change)}.
        </p>
      )}
      <NeighbourTable neighbours={neighbours} />
    </>
  );
}
