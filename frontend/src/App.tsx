import type { Model, Sample } from "./api";
import { About } from "./components/About";
import { Chooser } from "./components/Chooser";
import { ErrorCard } from "./components/ErrorCard";
import { Intro } from "./components/Intro";
import { NoticeBar } from "./components/NoticeBar";
import { Results } from "./components/Results";
import { useCells } from "./useCells";
import { useFetched } from "./useFetched";

export function App() {
  const { value: model, error, retry } = useFetched<Model>("api/model");
  const samples = useFetched<{ samples: Sample[] }>("api/samples");
  const work = useCells();

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
            <button type="button" onClick={retry}>
              Try again
            </button>
          </ErrorCard>
        )}
        <Chooser
          cells={work.cells}
          progress={work.progress}
          samples={samples.value?.samples ?? []}
          onAdd={work.add}
          onRemove={work.remove}
          onClear={work.clear}
          onClassify={model && (() => void work.classify(model.limits))}
        />
        {model && <Results cells={work.cells} model={model} busy={Boolean(work.progress)} />}
        {model && <About model={model} />}
      </main>
    </>
  );
}
