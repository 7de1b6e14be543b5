import { useMemo } from "react";
import type { View } from "../pure/address";
import { confusion, meanCounts, means, perSubject, roc } from "../pure/count";
import { percent, three } from "../pure/wording";
import { Chart } from "./Chart";
import type { Curve, Person, Row } from "./charts";
import { curves, forest, strip } from "./charts";
import type { Explored, Interval, Model } from "./data";

interface Props {
  explored: Explored;
  view: View;
}

/** Rates of the cells that one model's networks answered, all together. */
function pointOf({ tn, fp, fn, tp }: ReturnType<typeof meanCounts>) {
  return { fpr: fp / (fp + tn) || 0, tpr: tp / (tp + fn) || 0 };
}

function rocOf({ runs }: Model) {
  return roc(
    runs.flatMap(({ probability }) => Array.from(probability)),
    runs.flatMap(({ leukemic }) => leukemic),
  );
}

/** Curves of a protocol's models: sorting many answers takes a moment, so each once. */
const known = new WeakMap<Model, ReturnType<typeof roc>>();

function kept(model: Model) {
  const points = known.get(model) ?? rocOf(model);
  known.set(model, points);
  return points;
}

const withInterval = ([value, low, high]: Interval) =>
  `${three(value)} [${three(low)}, ${three(high)}]`;

export function Views({ explored, view }: Props) {
  const { metric, threshold } = view;
  const protocol = explored.protocols.find(({ key }) => key === view.protocol);
  const models = useMemo(
    () => protocol?.models.filter(({ key }) => view.models.includes(key)) ?? [],
    [protocol, view.models],
  );
  const shown = useMemo(
    () =>
      models.map((model) => ({
        model,
        interval: model.interval(metric, threshold) ?? ([NaN, NaN, NaN] as Interval),
        counts: meanCounts(
          model.runs.map(({ probability, leukemic }) => confusion(probability, leukemic, threshold)),
        ),
        shares: means(
          model.runs.map(({ probability, subject }) =>
            perSubject(probability, subject, explored.subjects.length, threshold),
          ),
        ),
      })),
    [explored, models, metric, threshold],
  );
  const name = explored.metrics[metric] ?? metric;
  const drawn = useMemo(() => {
    const rows: Row[] = shown.map(({ model: { label, colour }, interval }) => ({
      label,
      colour,
      interval,
    }));
    const lines: Curve[] = shown.map(({ model, counts }) => ({
      label: model.label,
      colour: model.colour,
      points: kept(model),
      at: pointOf(counts),
    }));
    const strips = shown.map(({ model, shares }) => {
      const people: Person[] = explored.subjects.flatMap((one, who) => {
        const share = shares[who];
        return share === undefined ? [] : [{ ...one, share }];
      });
      return { model, people, options: strip(people, explored.classes, model.colour) };
    });
    return { forest: forest(rows, name, explored.printed[metric]), roc: curves(lines), strips };
  }, [explored, metric, name, shown]);

  return (
    <>
      <section>
        <h2>{name}</h2>
        <p className="muted">
          Mean over networks, 95 % intervals over people.
          {explored.printed[metric] !== undefined &&
            ` The dashed line is what the paper prints for its graph network, ${three(explored.printed[metric])}.`}
        </p>
        <Chart label={`${name} of each model with its interval; the table has the numbers.`} options={drawn.forest} />
        <div className="table-box" tabIndex={0} role="region" aria-label="Counts and metric">
          <table data-testid="told">
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col">{name}</th>
                <th scope="col">healthy, cleared</th>
                <th scope="col">healthy, called leukemic</th>
                <th scope="col">leukemic, missed</th>
                <th scope="col">leukemic, found</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ model, interval, counts }) => (
                <tr key={model.key} data-key={model.key} data-interval={interval.join(" ")}>
                  <th scope="row">
                    <span className="swatch" style={{ background: model.colour }} /> {model.label}
                  </th>
                  <td className="interval">{withInterval(interval)}</td>
                  {(["tn", "fp", "fn", "tp"] as const).map((key) => (
                    <td key={key} data-value={counts[key]}>
                      {Math.round(counts[key]).toLocaleString("en")}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p className="muted">Cells, means over networks.</p>
      </section>
      <section>
        <h2>Found against called in vain</h2>
        <p className="muted">
          All answers of a model together, whichever network gave them; the ROC AUC of this book
          compares only cells that one network answered. The dots move with the threshold.
        </p>
        <Chart label="ROC curves with the point of the threshold; the table has its counts." options={drawn.roc} />
      </section>
      <section>
        <h2>Person by person</h2>
        {drawn.strips.map(({ model, people, options }) => {
          const right = people.filter(({ leukemic, share }) => share >= 0.5 === leukemic).length;
          return (
            <figure key={model.key}>
              <figcaption>
                {model.label}: by the vote of the cells {right} of {people.length} people right (
                {percent(right / people.length)}).
              </figcaption>
              <Chart label={`Share of cells called leukemic, a tick for each person, ${model.label}.`} options={options} />
            </figure>
          );
        })}
      </section>
    </>
  );
}
