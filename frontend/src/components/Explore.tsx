import { useId, useRef, useState } from "react";
import type { Answer, Milliseconds, Neighbour } from "../api";
import type { Networks } from "../home";
import { three } from "../pure/wording";
import { ClassMark } from "./ClassMark";

const MOST = 50; // neighbours

interface Props {
  networks: Networks;
  /** As it was first given. */
  answer: Answer;
  k: number;
  onDecided: (answer: Answer) => void;
}

function Took({ milliseconds: { decoding, encoder, decision } }: { milliseconds: Milliseconds }) {
  return (
    <p className="muted" data-testid="took">
      In this browser: reading the image {Math.round(decoding)}&nbsp;ms, the encoder{" "}
      {Math.round(encoder)}&nbsp;ms, neighbours and networks {Math.round(decision)}&nbsp;ms.
    </p>
  );
}

/** Other neighbourhoods of the same cell: how many cells, and which of them may speak. */
export function Explore({ networks, answer, k, onDecided }: Props) {
  const id = useId();
  const latest = useRef(0);
  const [chosen, setChosen] = useState(k);
  const [removed, setRemoved] = useState<Neighbour[]>([]);
  const [decided, setDecided] = useState(answer);
  const [error, setError] = useState<string>();

  function decide(count: number, without: Neighbour[]) {
    setChosen(count);
    setRemoved(without);
    latest.current += 1;
    const asked = latest.current;
    const names = without.map(({ filename }) => filename);
    networks.decide(answer, count, names).then(
      (found) => {
        if (asked !== latest.current) return; // the reader has moved on
        setError(undefined);
        setDecided(found);
        onDecided(found);
      },
      (reason: Error) => setError(reason.message),
    );
  }

  const moved = decided.probability - answer.probability;
  const beside =
    Math.abs(moved) < 0.0005
      ? "as"
      : `${three(Math.abs(moved))} ${moved < 0 ? "less" : "more"} than`;
  return (
    <details className="explore" data-testid="explore">
      <summary>Choose other neighbours</summary>
      <label htmlFor={id}>
        Attached to the <strong>{chosen}</strong> most similar cells
      </label>
      <input
        id={id}
        type="range"
        min={1}
        max={MOST}
        value={chosen}
        data-testid="k"
        onChange={(event) => decide(Number(event.target.value), removed)}
      />
      <p role="status" data-testid="moved">
        Probability of leukemia {three(decided.probability)}
        {decided === answer ? "." : `, ${beside} with all ${k} neighbours.`}
      </p>
      {error && <p role="alert">{error}</p>}
      {answer.milliseconds && <Took milliseconds={answer.milliseconds} />}
      <p>Who speaks to it, by class and subject:</p>
      <ul className="speakers">
        {decided.neighbours.map((neighbour) => (
          <li key={neighbour.filename}>
            <span>
              <ClassMark label={neighbour.label} /> {neighbour.subject}
            </span>
            <button
              type="button"
              aria-label={`Remove neighbour ${neighbour.filename}`}
              onClick={() => decide(chosen, [...removed, neighbour])}
            >
              Remove
            </button>
          </li>
        ))}
        {removed.map((neighbour) => (
          <li key={neighbour.filename} className="removed">
            <span>
              <ClassMark label={neighbour.label} /> {neighbour.subject}
            </span>
            <button
              type="button"
              aria-label={`Put back neighbour ${neighbour.filename}`}
              onClick={() => decide(chosen, removed.filter((other) => other !== neighbour))}
            >
              Put back
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        disabled={removed.length === 0 && chosen === k}
        onClick={() => decide(k, [])}
      >
        As before
      </button>
    </details>
  );
}
