import type { Answer } from "../api";
import { similarityRange } from "../pure/layout";
import { percent, similarity } from "../pure/wording";
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
      <NeighbourTable neighbours={neighbours} />
    </>
  );
}
