import type { PlotOptions } from "@observablehq/plot";
import { axisX, axisY, dot, gridX, line, link, ruleX, tickX } from "@observablehq/plot";
import type { Interval } from "./data";

/** Room for an axis with its name below the numbers. */
const below = { marginBottom: 48, marginRight: 12 };
const named = (label: string) => axisX({ label, labelOffset: 42, labelArrow: "none", ticks: 5 });
const style = { fontSize: "13px", background: "transparent", overflow: "visible" };

export interface Row {
  label: string;
  colour: string;
  interval: Interval;
}

/** A forest plot: a row for each model, its value and its interval. */
export function forest(rows: Row[], metric: string, printed: number | undefined) {
  return (width: number): PlotOptions => ({
    height: 78 + 38 * rows.length,
    marginLeft: Math.min(215, width * 0.4),
    ...below,
    style,
    x: { domain: [Math.min(0.3, ...rows.map(({ interval }) => interval[1])), 1] },
    y: { domain: rows.map(({ label }) => label), type: "band" },
    marks: [
      gridX(),
      named(metric),
      // A line of text holds about as many ems as the margin.
      axisY({ label: null, tickSize: 0, lineWidth: Math.min(215, width * 0.4) / 15 }),
      ...(printed === undefined ? [] : [ruleX([printed], { strokeDasharray: "5 4" })]),
      link(rows, {
        x1: ({ interval }: Row) => interval[1],
        x2: ({ interval }: Row) => interval[2],
        y: "label",
        stroke: "colour",
        strokeWidth: 3,
      }),
      dot(rows, { x: ({ interval }: Row) => interval[0], y: "label", fill: "colour", r: 5 }),
    ],
    color: { type: "identity" },
  });
}

export interface Curve {
  label: string;
  colour: string;
  points: { fpr: number; tpr: number }[];
  at: { fpr: number; tpr: number };
}

/** ROC curves, each with the point that the threshold stands for. */
export function curves(shown: Curve[]) {
  return (width: number): PlotOptions => ({
    height: Math.min(width, 440),
    marginLeft: 48,
    ...below,
    style,
    x: { domain: [0, 1] },
    y: { label: "leukemic cells found", domain: [0, 1], grid: true },
    marks: [
      named("healthy cells called leukemic"),
      line([[0, 0], [1, 1]], { strokeDasharray: "2 4", strokeOpacity: 0.6 }),
      ...shown.map(({ points, colour }) =>
        line(points, { x: "fpr", y: "tpr", stroke: colour, strokeWidth: 2 }),
      ),
      ...shown.map(({ at, colour }) =>
        dot([at], { x: "fpr", y: "tpr", fill: colour, stroke: "currentColor", r: 6 }),
      ),
    ],
  });
}

export interface Person {
  name: string;
  leukemic: boolean;
  share: number;
}

/** A strip: one tick for each person, where the share of cells called leukemic is. */
export function strip(people: Person[], classes: [string, string], colour: string) {
  const row = ({ leukemic }: Person) => classes[leukemic ? 1 : 0];
  return (width: number): PlotOptions => ({
    height: 140,
    marginLeft: Math.min(120, width * 0.3),
    ...below,
    style,
    x: { domain: [0, 1] },
    y: { label: null, domain: [...classes], tickSize: 0, type: "band" },
    marks: [
      named("share of a person's cells called leukemic"),
      ruleX([0.5], { strokeDasharray: "3 4" }),
      tickX(people, { x: "share", y: row, stroke: colour, strokeWidth: 2, strokeOpacity: 0.7 }),
    ],
  });
}
