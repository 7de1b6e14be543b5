import { useEffect, useMemo, useState } from "react";
import { NoticeBar } from "../components/NoticeBar";
import type { View } from "../pure/address";
import { read, written } from "../pure/address";
import { useFetched } from "../useFetched";
import { Choices } from "./Choices";
import type { Explored } from "./data";
import { load } from "./data";
import { OneCell } from "./OneCell";
import { Views } from "./Views";

const FIRST: Omit<View, "threshold"> = {
  protocol: "subject_disjoint",
  models: ["gcn", "mlp", "svm", "cnn", "size"],
  metric: "accuracy",
};

/** The view that the address tells, and how to go to another one. */
function useView(explored: Explored) {
  const there = useMemo(
    () => ({
      models: Object.fromEntries(
        explored.protocols.map(({ key, models }) => [key, models.map((model) => model.key)]),
      ),
      metrics: Object.keys(explored.metrics),
    }),
    [explored],
  );
  const first = useMemo(() => ({ ...FIRST, threshold: explored.threshold }), [explored]);
  const [view, setView] = useState(() => read(location.hash, first, there));
  useEffect(() => {
    const follow = () => setView(read(location.hash, first, there));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, [first, there]);
  function go(next: View) {
    const whole = read(written(next), first, there);
    history.replaceState(null, "", written(whole));
    setView(whole);
  }
  return { view, go };
}

function Shown({ explored }: { explored: Explored }) {
  const { view, go } = useView(explored);
  return (
    <>
      <Choices explored={explored} view={view} onChange={go} />
      <Views explored={explored} view={view} />
      <OneCell bytes={explored.cells} view={view} onChange={go} />
      <p>
        This view has an address of its own: <a href={written(view)}>link to it</a>.
      </p>
    </>
  );
}

export function Explorer() {
  const { value, error } = useFetched(load);
  return (
    <>
      <NoticeBar />
      <main>
        <section className="intro">
          <h1>Explore the answers</h1>
          <p>
            Every answer of the models in this book. Move the threshold and see who is answered how.
            The counts are made in your browser; the intervals, 95 % over people, come from the
            code that made the book&rsquo;s.
          </p>
        </section>
        {error && (
          <p role="alert" className="error-card">
            {error}
          </p>
        )}
        {!value && !error && <p role="status">Reading the answers&hellip;</p>}
        {value && <Shown explored={value} />}
      </main>
    </>
  );
}
