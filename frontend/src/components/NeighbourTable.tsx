import type { Neighbour } from "../api";
import { signed, similarity } from "../pure/wording";
import { ClassMark } from "./ClassMark";

export function NeighbourTable({ neighbours }: { neighbours: Neighbour[] }) {
  return (
    <details>
      <summary>Neighbours as a table</summary>
      <table className="neighbour-table">
        <thead>
          <tr>
            <th scope="col">No.</th>
            <th scope="col">Class</th>
            <th scope="col">Subject</th>
            <th scope="col">Similarity</th>
            <th scope="col">Without it</th>
            <th scope="col">File</th>
          </tr>
        </thead>
        <tbody>
          {neighbours.map((neighbour, i) => (
            <tr key={i}>
              <th scope="row">{i + 1}</th>
              <td>
                <ClassMark label={neighbour.label} />
              </td>
              <td>{neighbour.subject}</td>
              <td>{similarity(neighbour.similarity)}</td>
              <td>{signed(neighbour.change)}</td>
              <td className="file-name">{neighbour.filename}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
