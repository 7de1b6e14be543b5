import { useId, useState } from "react";
import type { Answer, Model } from "../api";
import { home } from "../home";
import { percent } from "../pure/wording";
import { ClassMark } from "./ClassMark";
import { Explore } from "./Explore";
import { GraphEffect } from "./GraphEffect";
import { Neighbourhood } from "./Neighbourhood";
import { Preview } from "./Preview";
import { ProbabilityScale } from "./ProbabilityScale";
import { ThresholdKey } from "./ThresholdKey";
import { Warnings } from "./Warnings";

interface Props {
  answer: Answer;
  preview: string;
  model: Model;
}

export function CellCard({ answer: given, preview, model }: Props) {
  const id = useId();
  const [answer, setAnswer] = useState(given);
  return (
    <article className="card" aria-labelledby={id} data-testid="card">
      <header className="card-head">
        <Preview url={preview} />
        <div>
          <h3 id={id} className="file-name">
            {answer.name}
          </h3>
          <p className="verdict">
            <ClassMark label={answer.label} />{" "}
            <span className="confidence">confidence {percent(answer.confidence)}</span>
          </p>
        </div>
      </header>
      <Warnings sentences={answer.warnings} />
      <div className="card-body">
        <div>
          <h4>Probability of leukemia</h4>
          <ProbabilityScale answer={answer} model={model} />
          <GraphEffect answer={answer} threshold={model.threshold} />
          <ThresholdKey answer={answer} model={model} />
          {home.networks && (
            <Explore
              networks={home.networks}
              first={given}
              answer={answer}
              k={model.k}
              onDecided={setAnswer}
            />
          )}
        </div>
        <div className="neighbourhood">
          <Neighbourhood answer={answer} preview={preview} />
        </div>
      </div>
    </article>
  );
}
