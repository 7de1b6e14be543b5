import type { ReactNode } from "react";
import type { Model } from "../api";
import { counted, megabytes, percent, three, two } from "../pure/wording";
import { PerformanceTable } from "./PerformanceTable";
import { Provenance } from "./Provenance";

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function About({ model }: { model: Model }) {
  const { weights, reference, operating_point: point, limits } = model;
  return (
    <section aria-labelledby="about-heading">
      <details className="about">
        <summary>
          <h2 id="about-heading">About this model</h2>
        </summary>
        <dl className="facts">
          <Fact name="Weights">
            {weights.name}
            <code className="hash">SHA-256 {weights.sha256}</code>
          </Fact>
          <Fact name="Reference graph">
            {counted(reference.cells, "cell")} ({reference.leukemic.toLocaleString("en")} leukemic) of{" "}
            {counted(reference.subjects, "subject")}
          </Fact>
          <Fact name="Edges">to the k = {model.k} most similar reference cells, by cosine</Fact>
          <Fact name="Decision">leukemic from a probability of {two(model.threshold)}</Fact>
          <Fact name="Operating point">
            {three(point.threshold)}, chosen to catch {percent(point.aim)} of leukemic cells; on subjects it had not met:
            sensitivity {percent(point.sensitivity)}, specificity {percent(point.specificity)}
          </Fact>
          <Fact name="Limits">
            {megabytes(limits.file_bytes)} a file; at most {counted(limits.files, "file")} and{" "}
            {megabytes(limits.request_bytes)} go at once, more follow one another
          </Fact>
        </dl>
        <PerformanceTable performance={model.performance} />
        <Provenance facts={model.provenance} />
      </details>
    </section>
  );
}
