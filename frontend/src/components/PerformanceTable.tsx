import type { Measured } from "../api";
import { three } from "../pure/wording";

const MODELS = { gcn: "GCN, with the graph", mlp: "Same network, without" } as const;
const METRICS: Record<string, string> = {
  accuracy: "Accuracy",
  roc_auc: "ROC AUC",
  recall: "Sensitivity",
  specificity: "Specificity",
};

const models = Object.keys(MODELS) as Measured["model"][];

export function PerformanceTable({ performance }: { performance: Measured[] }) {
  const told = (model: Measured["model"], metric: string) => {
    const one = performance.find((m) => m.model === model && m.metric === metric);
    if (!one) return "–";
    return (
      <>
        {three(one.value)}{" "}
        <span className="interval">
          [{three(one.low)}, {three(one.high)}]
        </span>
      </>
    );
  };
  const metrics = [...new Set(performance.map(({ metric }) => metric))];
  return (
    <>
      <h3>Performance</h3>
      <table>
        <caption>On subjects it had not met, with 95&nbsp;% intervals over subjects</caption>
        <thead>
          <tr>
            <td />
            {models.map((model) => (
              <th key={model} scope="col">
                {MODELS[model]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {metrics.map((metric) => (
            <tr key={metric}>
              <th scope="row">{METRICS[metric] ?? metric}</th>
              {models.map((model) => (
                <td key={model}>{told(model, metric)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
