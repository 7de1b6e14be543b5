import type { Label } from "../api";

export const CENTRE_OF_MARK = 8;

interface Props {
  label: Label;
  x: number;
  y: number;
  radius: number;
}

/** Circle for healthy, square for leukemic. */
export function ClassShape({ label, x, y, radius }: Props) {
  if (label === "Healthy") return <circle className="healthy" cx={x} cy={y} r={radius} />;
  const half = radius * 0.9; // about the circle's area
  return (
    <rect className="leukemic" x={x - half} y={y - half} width={2 * half} height={2 * half} rx="1" />
  );
}
