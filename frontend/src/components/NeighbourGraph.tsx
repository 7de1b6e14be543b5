import { useId } from "react";
import type { Neighbour } from "../api";
import { aroundCell, CELL_RADIUS, CENTRE, NODE_RADIUS, nodeRadius, SIZE } from "../pure/layout";
import { similarity } from "../pure/wording";
import { ClassShape } from "./ClassShape";

interface Props {
  neighbours: Neighbour[];
  preview: string;
  summary: string;
}

/** The cell in the middle, its neighbours around it. The table below says the same in words. */
export function NeighbourGraph({ neighbours, preview, summary }: Props) {
  const clip = useId();
  const nodes = aroundCell(neighbours);
  const side = 2 * CELL_RADIUS;
  const radius = nodeRadius(neighbours.length);
  return (
    <svg
      className="graph"
      viewBox={`0 0 ${SIZE} ${SIZE}`}
      role="img"
      aria-label={`Neighbour graph of the cell: ${summary}`}
      data-testid="neighbour-graph"
    >
      <clipPath id={clip}>
        <circle cx={CENTRE} cy={CENTRE} r={CELL_RADIUS} />
      </clipPath>
      {nodes.map(({ rank, x, y }) => (
        <line key={rank} x1={CENTRE} y1={CENTRE} x2={x} y2={y} />
      ))}
      <circle className="cell-ground" cx={CENTRE} cy={CENTRE} r={CELL_RADIUS} />
      <image
        href={preview}
        x={CENTRE - CELL_RADIUS}
        y={CENTRE - CELL_RADIUS}
        width={side}
        height={side}
        preserveAspectRatio="xMidYMid slice"
        clipPath={`url(#${clip})`}
      />
      <circle className="cell-ring" cx={CENTRE} cy={CENTRE} r={CELL_RADIUS} />
      {nodes.map(({ neighbour, rank, x, y }) => (
        <g key={rank}>
          <title>
            {`${rank}: ${neighbour.label}, subject ${neighbour.subject}, ` +
              `similarity ${similarity(neighbour.similarity)}, ${neighbour.filename}`}
          </title>
          <ClassShape label={neighbour.label} x={x} y={y} radius={radius} />
          {radius > (2 * NODE_RADIUS) / 3 && (
            <text className={neighbour.label === "Healthy" ? "on-healthy" : "on-leukemic"} x={x} y={y}>
              {rank}
            </text>
          )}
        </g>
      ))}
    </svg>
  );
}
