import { useId, useState } from "react";
import { ClassMark } from "../components/ClassMark";
import type { View } from "../pure/address";
import { labelOf, megabytes, similarity as cosine, three } from "../pure/wording";
import type { Cell, Neighbourhoods } from "./data";
import { loadCells } from "./data";

interface Props {
  view: View;
  onChange: (view: View) => void;
}

const K = 10;
const OUTLINE = 48; // pixels of a picture's side
const SIDE = 450; // of the images as distributed

const classOf = ({ leukemic }: Cell) => (leukemic ? "Leukemia" : "Healthy");

/** An ellipse as wide and high as the box around the cell: its size, not its look. */
function Outline({ box: [width, height] }: { box: [number, number] }) {
  const scale = OUTLINE / SIDE;
  return (
    <svg className="outline" width={OUTLINE} height={OUTLINE} aria-hidden="true">
      <ellipse
        cx={OUTLINE / 2}
        cy={OUTLINE / 2}
        rx={(width * scale) / 2}
        ry={(height * scale) / 2}
      />
    </svg>
  );
}

function Said({ who, probability, cell, threshold }: SaidProps) {
  const label = labelOf(probability, threshold);
  return (
    <li>
      {who}: probability of leukemia {three(probability)}, called {label},{" "}
      <strong>{label === classOf(cell) ? "right" : "wrong"}</strong>.
    </li>
  );
}

interface SaidProps {
  who: string;
  probability: number;
  cell: Cell;
  threshold: number;
}

function Shown({ cells, at, view, onChange }: Props & { cells: Neighbourhoods; at: number }) {
  const id = useId();
  const k = view.k ?? K;
  const cell = cells.cell(at);
  const near = cells.near(at).slice(0, k);
  const leukemic = near.filter((one) => cells.cell(one.at).leukemic).length;
  const gcn = cells.gcn(at, k);
  return (
    <div data-testid="cell">
      <h3 className="file-name">
        {cell.filename}: <ClassMark label={classOf(cell)} />, subject {cell.subject}
      </h3>
      <p>
        <label htmlFor={id}>
          Its <output>{k}</output> most similar cells among the other people
        </label>
        <input
          id={id}
          type="range"
          min={1}
          max={cells.near(at).length}
          value={k}
          onChange={(event) => onChange({ ...view, k: Number(event.target.value) })}
        />
      </p>
      <p>
        {leukemic} of {near.length} are leukemic.
      </p>
      <ul className="said">
        {gcn === undefined ? (
          <li className="muted">
            Graph networks were trained with {cells.ks.join(", ")} neighbours: choose one of these
            to see what it answers.
          </li>
        ) : (
          <Said
            who={`GCN with ${k} neighbours`}
            probability={gcn}
            cell={cell}
            threshold={view.threshold}
          />
        )}
        <Said
          who="MLP, no neighbours"
          probability={cells.mlp(at)}
          cell={cell}
          threshold={view.threshold}
        />
      </ul>
      <div className="table-box" tabIndex={0} role="region" aria-label="Its neighbours">
        <table>
          <thead>
            <tr>
              <th scope="col">No.</th>
              <th scope="col">Size</th>
              <th scope="col">Class</th>
              <th scope="col">Subject</th>
              <th scope="col">Similarity</th>
            </tr>
          </thead>
          <tbody>
            {[{ at, similarity: 1 }, ...near].map((one, i) => {
              const shown = cells.cell(one.at);
              return (
                <tr key={one.at}>
                  <th scope="row">{i === 0 ? "the cell" : i}</th>
                  <td>
                    <Outline box={shown.box} />
                  </td>
                  <td>
                    <ClassMark label={classOf(shown)} />
                  </td>
                  <td>{shown.subject}</td>
                  <td>{i === 0 ? "" : cosine(Number(one.similarity.toFixed(6)))}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p className="muted">
        The ellipses are as large as the box around each cell; they are drawn, and are no pictures
        of the cells. Answers of the first seed&rsquo;s networks.
      </p>
    </div>
  );
}

/** Whose neighbours are shown, and the way to others. */
function Chosen({ cells, view, onChange }: Props & { cells: Neighbourhoods }) {
  const id = useId();
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string>();
  const at = Math.max(0, view.cell === undefined ? 0 : cells.find(view.cell));
  const all = Array.from({ length: cells.number }, (_, i) => i);
  const k = cells.ks.includes(view.k ?? K) ? (view.k ?? K) : K; // a network's, not any number
  const wrong = all.filter(
    (i) => labelOf(cells.gcn(i, k) ?? NaN, view.threshold) !== classOf(cells.cell(i)),
  );
  function show(which: number | undefined, of = view) {
    setError(undefined);
    if (which !== undefined) onChange({ ...of, cell: cells.cell(which).filename });
  }
  const any = (of: number[]) => of[Math.floor(Math.random() * of.length)];
  return (
    <>
      <form
        className="cell-choice"
        onSubmit={(event) => {
          event.preventDefault();
          const found = cells.find(typed.trim());
          if (found >= 0) show(found);
          else setError(`${typed || "No name"}: no such cell; give a file name as in the table.`);
        }}
      >
        <button type="button" onClick={() => show(any(wrong), { ...view, k })}>
          A mistake of the graph network
        </button>
        <button type="button" onClick={() => show(any(all))}>
          Any cell
        </button>
        <label htmlFor={id}>or by name</label>
        <input
          id={id}
          value={typed}
          placeholder="UID_11_1_1_all.bmp"
          onChange={(event) => setTyped(event.target.value)}
        />
        <button type="submit">Show</button>
      </form>
      {error && <p role="alert">{error}</p>}
      <Shown cells={cells} at={at} view={view} onChange={onChange} />
    </>
  );
}

/** One cell's neighbourhood on new subjects; its data are read when asked for. */
export function OneCell({ bytes, view, onChange }: Props & { bytes: number }) {
  const [cells, setCells] = useState<Neighbourhoods>();
  const [error, setError] = useState<string>();
  const [reading, setReading] = useState(false);
  function read() {
    setReading(true);
    loadCells().then(setCells, (reason: Error) => {
      setError(reason.message);
      setReading(false);
    });
  }
  return (
    <section>
      <h2>One cell and its neighbours</h2>
      <p className="muted">
        On new subjects: neighbours are cells of the other folds, by the cosine of ImageNet
        features.
      </p>
      {error && <p role="alert">{error}</p>}
      {cells ? (
        <Chosen cells={cells} view={view} onChange={onChange} />
      ) : (
        <button type="button" data-testid="read-cells" disabled={reading} onClick={read}>
          {reading ? "Reading…" : `Read the neighbourhoods (${megabytes(bytes)})`}
        </button>
      )}
    </section>
  );
}
