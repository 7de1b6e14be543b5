import type { Answer } from "../api";
import { labelOf, three } from "../pure/wording";

/** What the graph changed, in one sentence. */
export function GraphEffect({ answer, threshold }: { answer: Answer; threshold: number }) {
  const without = labelOf(answer.without_graph, threshold);
  const moved = answer.probability - answer.without_graph;
  if (without !== answer.label) {
    return (
      <p className="effect changed">
        <strong>The graph changed the answer.</strong> Without it the same network says {without};
        with it, {answer.label}.
      </p>
    );
  }
  return (
    <p className="effect">
      With and without the graph the answer is {answer.label}; the graph{" "}
      {Math.abs(moved) < 0.0005
        ? "left the probability as it was."
        : `${moved > 0 ? "raised" : "lowered"} the probability by ${three(Math.abs(moved))}.`}
    </p>
  );
}
