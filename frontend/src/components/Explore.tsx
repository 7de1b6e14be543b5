import { useId, useRef, useState } from "react";
import type { Answer, Milliseconds, Neighbour } from "../api";
import type { Networks } from "../home";
import { three } from "../pure/wording";
import { ClassMark } from "./ClassMark";

const MOST = 50; // neighbours

interface Props {
  networks: Networks;
  /** As it was first given. */
  first: Answer;
  /** As it stands now. */
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

interface SpeakerProps {
  neighbour: Neighbour;
  action: "Remove" | "Put back";
  onAct: () => void;
}

function Speaker({ neighbour: { label, subject, filename }, action, onAct }: SpeakerProps) {
  return (
    <li className={action === "Put back" ? "removed" : undefined}>
      <span>
        <ClassMark label={label} /> {subject}
      </span>
      <button type="button" aria-label={`${action} neighbour ${filename}`} onClick={onAct}>
        {action}
      </button>
    </li>
  );
}

/** Other neighbourhoods of the same cell: how many cells, and which of them may speak. */
export function Explore({ networks, first, answer, k, onDecided }: Props) {
  const id = useId();
  const wanted = useRef<{ count: number; names: string[] }>(undefined); // the newest not asked yet
  const asking = useRef(false);
  const [chosen, setChosen] = useState(k);
  const [removed, setRemoved] = useState<Neighbour[]>([]);
  const [returning, setReturning] = useState<Neighbour>(); // put back, and perhaps not answered yet
  const [error, setError] = useState<string>();

  function decide(count: number, without: Neighbour[], back?: Neighbour) {
    setChosen(count);
    setRemoved(without);
    setReturning(back);
    wanted.current = { count, names: without.map(({ filename }) => filename) };
    if (!asking.current) void askTheNewest();
  }

  /** One after the other, and only what the reader wants by then: a slider passes many numbers. */
  async function askTheNewest() {
    asking.current = true;
    for (let now = wanted.current; now; now = wanted.current) {
      wanted.current = undefined;
      try {
        const found = await networks.decide(first, now.count, now.names);
        setError(undefined);
        if (!wanted.current) onDecided(found);
      } catch (reason) {
        setError((reason as Error).message);
      }
    }
    asking.current = false;
  }

  const gone = new Set(removed.map(({ filename }) => filename)); // before the answer is there too
  const speaking = answer.neighbours.filter(({ filename }) => !gone.has(filename));
  if (returning && !speaking.some(({ filename }) => filename === returning.filename))
    speaking.push(returning); // its button keeps the focus
  const moved = answer.probability - first.probability;
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
        Probability of leukemia {three(answer.probability)}
        {answer === first ? "." : `, ${beside} with all ${k} neighbours.`}
      </p>
      {error && <p role="alert">{error}</p>}
      {first.milliseconds && <Took milliseconds={first.milliseconds} />}
      <p>Who speaks to it, by class and subject:</p>
      <ul className="speakers">
        {[...speaking, ...removed].map((neighbour) => (
          <Speaker
            key={neighbour.filename}
            neighbour={neighbour}
            action={gone.has(neighbour.filename) ? "Put back" : "Remove"}
            onAct={() =>
              gone.has(neighbour.filename)
                ? decide(
                    chosen,
                    removed.filter((other) => other !== neighbour),
                    neighbour,
                  )
                : decide(chosen, [...removed, neighbour])
            }
          />
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
