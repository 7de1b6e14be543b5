import type { Answer, Model } from "../api";
import { labelOf, three, two } from "../pure/wording";

const at = (share: number) => `${share * 100}%`;

function Track({ probability, threshold }: { probability: number; threshold: number }) {
  const side = labelOf(probability, threshold) === "Leukemia" ? "leukemic" : "healthy";
  return (
    <div className="track">
      <div className={`fill ${side}`} style={{ width: at(probability) }} />
    </div>
  );
}

/** The answers on one axis from 0 to 1. The bars repeat numbers that stand beside them. */
export function ProbabilityScale({ answer, model }: { answer: Answer; model: Model }) {
  const { threshold, operating_point: point } = model;
  return (
    <div className="scale">
      <dl className="scale-values">
        <dt>with the graph</dt>
        <dd>{three(answer.probability)}</dd>
        <dt>without it</dt>
        <dd>{three(answer.without_graph)}</dd>
        <dt>as a dummy node</dt>
        <dd>{three(answer.as_dummy_node)}</dd>
      </dl>
      <div className="scale-bars" aria-hidden="true">
        <div className="ticks">
          <span style={{ left: at(0) }}>0</span>
          <span style={{ left: at(threshold) }}>{two(threshold)}</span>
          <span style={{ left: at(1) }}>1</span>
        </div>
        <div className="tracks">
          <Track probability={answer.probability} threshold={threshold} />
          <Track probability={answer.without_graph} threshold={threshold} />
          <Track probability={answer.as_dummy_node} threshold={threshold} />
          <div className="mark" style={{ left: at(threshold) }} />
          <div className="mark dashed" style={{ left: at(point.threshold) }} />
        </div>
        <div className="ticks">
          <span style={{ left: at(point.threshold) }}>{three(point.threshold)}</span>
        </div>
      </div>
    </div>
  );
}
