import { useEffect, useState } from "react";

/** What `fetched` gives; `retry` asks again after an error. */
export function useFetched<T>(fetched: (signal: AbortSignal) => Promise<T>) {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState<string>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const controller = new AbortController();
    fetched(controller.signal).then(setValue, (reason: Error) => {
      if (!controller.signal.aborted) setError(reason.message);
    });
    return () => controller.abort();
  }, [fetched, attempt]);

  function retry() {
    setError(undefined);
    setAttempt((n) => n + 1);
  }

  return { value, error, retry };
}
