import { useState } from "react";
import { About } from "./components/About";
import { Chooser } from "./components/Chooser";
import { ErrorCard } from "./components/ErrorCard";
import { Intro } from "./components/Intro";
import { Loader } from "./components/Loader";
import { NoticeBar } from "./components/NoticeBar";
import { Results } from "./components/Results";
import { home } from "./home";
import { useCells } from "./useCells";
import { useFetched } from "./useFetched";

export function App() {
  const { value: model, error, retry } = useFetched(home.model);
  const samples = useFetched(home.samples);
  const work = useCells();
  const [ready, setReady] = useState(!home.networks);

  return (
    <>
      <a className="skip" href="#choose">
        Skip to choosing cells
      </a>
      <NoticeBar />
      <main>
        <Intro model={model} />
        {error && (
          <ErrorCard heading="h2" title="The model could not be loaded" error={error}>
            <button
              type="button"
              onClick={() => {
                retry();
                samples.retry();
              }}
            >
              Try again
            </button>
          </ErrorCard>
        )}
        {home.networks && model && !ready && (
          <Loader networks={home.networks} model={model} onReady={() => setReady(true)} />
        )}
        <Chooser
          cells={work.cells}
          progress={work.progress}
          samples={samples.value ?? []}
          onAdd={work.add}
          onRemove={work.remove}
          onClear={work.clear}
          onClassify={model && ready ? (() => void work.classify(model.limits)) : undefined}
        />
        {model && <Results cells={work.cells} model={model} busy={Boolean(work.progress)} />}
        {model && <About model={model} />}
      </main>
    </>
  );
}
