import type { Sample } from "../api";

interface Props {
  samples: Sample[];
  onAdd: (sample: Sample) => void;
}

export function Phantoms({ samples, onAdd }: Props) {
  return (
    <div className="phantoms">
      <h3>No image at hand? Take phantoms</h3>
      <p className="muted">
        Phantoms are drawn cells. They show how the page works and say nothing about leukemia.
      </p>
      <ul className="thumbs">
        {samples.map((sample) => (
          <li key={sample.url}>
            <button
              type="button"
              className="thumb"
              data-testid="sample"
              title={`Add ${sample.name}`}
              onClick={() => onAdd(sample)}
            >
              <img src={sample.url} alt={`Add ${sample.name}`} width="64" height="64" />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
