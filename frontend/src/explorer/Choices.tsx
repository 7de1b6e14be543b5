import { useId } from "react";
import type { View } from "../pure/address";
import type { Explored } from "./data";

interface Props {
  explored: Explored;
  view: View;
  onChange: (view: View) => void;
}

/** What is shown: protocol, models, metric and threshold. */
export function Choices({ explored, view, onChange }: Props) {
  const id = useId();
  const protocol = explored.protocols.find(({ key }) => key === view.protocol);
  const toggled = (key: string) =>
    view.models.includes(key) ? view.models.filter((one) => one !== key) : [...view.models, key];
  return (
    <section className="explorer-choices" aria-label="What is shown">
      <fieldset>
        <legend>Protocol</legend>
        {explored.protocols.map(({ key, label }) => (
          <label key={key}>
            <input
              type="radio"
              name="protocol"
              checked={key === view.protocol}
              onChange={() => onChange({ ...view, protocol: key })}
            />
            {label}
          </label>
        ))}
      </fieldset>
      <fieldset>
        <legend>Models</legend>
        {protocol?.models.map(({ key, label }) => (
          <label key={key}>
            <input
              type="checkbox"
              checked={view.models.includes(key)}
              disabled={view.models.length === 1 && view.models.includes(key)}
              onChange={() => onChange({ ...view, models: toggled(key) })}
            />
            {label}
          </label>
        ))}
      </fieldset>
      <p>
        <label htmlFor={`${id}metric`}>Metric</label>{" "}
        <select
          id={`${id}metric`}
          value={view.metric}
          onChange={(event) => onChange({ ...view, metric: event.target.value })}
        >
          {Object.entries(explored.metrics).map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </select>
      </p>
      <p>
        <label htmlFor={`${id}threshold`}>
          A cell counts as leukemic from a probability of <output>{view.threshold.toFixed(2)}</output>
        </label>
        <input
          id={`${id}threshold`}
          type="range"
          min={0.02}
          max={0.98}
          step={0.02}
          value={view.threshold}
          onChange={(event) => onChange({ ...view, threshold: Number(event.target.value) })}
        />
      </p>
    </section>
  );
}
