import { useState } from "react";
import type { Model } from "../api";
import type { Networks } from "../home";
import { megabytes } from "../pure/wording";
import { ErrorCard } from "./ErrorCard";

interface Props {
  networks: Networks;
  model: Model;
  onReady: () => void;
}

/** The networks are large, so they come when the reader asks for them. */
export function Loader({ networks, model, onReady }: Props) {
  const [loaded, setLoaded] = useState<number>();
  const [error, setError] = useState<string>();
  const total = Object.values(model.files ?? {}).reduce((sum, { bytes }) => sum + bytes, 0);

  function load() {
    setError(undefined);
    setLoaded(0);
    networks.load(model, setLoaded).then(onReady, (reason: Error) => {
      setLoaded(undefined);
      setError(reason.message);
    });
  }

  return (
    <section aria-labelledby="load-heading" className="loader">
      <h2 id="load-heading">Load the networks</h2>
      <p>
        Everything happens on this page: the networks come to your browser once, {megabytes(total)}, and
        your images stay on your machine. Nothing is uploaded, no other host is asked, and once the
        networks are here it works with the network off.
      </p>
      <div className="actions">
        <button
          type="button"
          className="primary"
          data-testid="load"
          disabled={loaded !== undefined}
          onClick={load}
        >
          {loaded === undefined ? `Load ${megabytes(total)}` : "Loading…"}
        </button>
        {loaded !== undefined && (
          <progress value={loaded} max={total} aria-label="Networks loaded">
            {megabytes(loaded)}
          </progress>
        )}
        <p role="status" className="status">
          {loaded === undefined
            ? "The networks are not loaded yet."
            : loaded < total
              ? `Loading ${megabytes(total)}…`
              : "Starting the networks…"}
        </p>
      </div>
      {error && <ErrorCard heading="h3" title="The networks could not be loaded" error={error} />}
    </section>
  );
}
