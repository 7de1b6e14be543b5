import type { Answer, Model } from "../api";
import { percent, three, two } from "../pure/wording";

/** Says what the two marks on the scale mean, and on which side of them this cell is. */
export function ThresholdKey({ answer, model }: { answer: Answer; model: Model }) {
  const { threshold, operating_point: point } = model;
  return (
    <ul className="threshold-key">
      <li>
        <span className="swatch" aria-hidden="true" />
        <span>
          <strong>{two(threshold)}, the decision:</strong> from here on a cell is called leukemic.
        </span>
      </li>
      <li>
        <span className="swatch dashed" aria-hidden="true" />
        <span>
          <strong>{three(point.threshold)}, the operating point:</strong> this cell is{" "}
          {answer.above_operating_point ? "above" : "below"} it. It is chosen to catch {percent(point.aim)} of
          leukemic cells. On subjects the model had not met, it caught {percent(point.sensitivity)} and
          left {percent(point.specificity)} of the healthy ones below.
        </span>
      </li>
    </ul>
  );
}
