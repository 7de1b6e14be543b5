/** Talks to the server. Relative addresses, so the page works below any path. */
import type { Failure, Result, Sample } from "./api";

const UNREACHABLE =
  "The server could not be reached. Check that it is running, then classify again.";

export async function get<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`The server answered ${url} with status ${response.status}.`);
  return (await response.json()) as T;
}

export async function sampleFile({ name, url }: Sample): Promise<File> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${name} could not be loaded (status ${response.status}).`);
  const image = await response.blob();
  return new File([image], name, { type: image.type });
}

/** One result for each file, in order; whatever goes wrong becomes a failure of every file. */
export async function predict(files: File[]): Promise<Result[]> {
  const failed = (error: string): Failure[] =>
    files.map(({ name }) => ({ ok: false, name, error }));
  const form = new FormData();
  for (const file of files) form.append("file", file);
  let response: Response;
  try {
    response = await fetch("api/predict", { method: "POST", body: form });
  } catch {
    return failed(UNREACHABLE);
  }
  try {
    const answer = (await response.json()) as { results?: Result[]; error?: string };
    if (answer.results?.length === files.length) return answer.results;
    if (answer.error) return failed(answer.error);
  } catch {
    // Not JSON, for instance a proxy's page: told below like any other answer we cannot use.
  }
  return failed(`The server's answer could not be understood (status ${response.status}).`);
}
