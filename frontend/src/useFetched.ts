import { useEffect, useState } from "react";
import { get } from "./client";

/** What a GET of `url` answers; `retry` asks again after an error. */
export function useFetched<T>(url: string) {
  const [value, setValue] = useState<T>();
  const [error, setError] = useState<string>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const controller = new AbortController();
    get<T>(url, controller.signal).then(setValue, (reason: Error) => {
      if (!controller.signal.aborted) setError(reason.message);
    });
    return () => controller.abort();
  }, [url, attempt]);

  function retry() {
    setError(undefined);
    setAttempt((n) => n + 1);
  }

  return { value, error, retry };
}
