/** Talks to the demo's server. Relative addresses, so the page works below any path. */
import type { Failure, Model, Result, Sample } from "./api";
import type { Home } from "./home";

const UNREACHABLE =
  "The server could not be reached. Check that it is running, then classify again.";

export async function get<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(url, { signal }).catch((reason: Error) => {
    if (signal.aborted) throw reason;
    throw new Error(`${url} could not be reached; check the connection and try again.`);
  });
  if (!response.ok) throw new Error(`${url} was answered with status ${response.status}.`);
  return (await response.json()) as T;
}

export async function sampleFile({ name, url }: Sample): Promise<File> {
  // The page shows it already, so it is there with the network off too.
  const response = await fetch(url, { cache: "force-cache" });
  if (!response.ok) throw new Error(`${name} could not be loaded (status ${response.status}).`);
  const image = await response.blob();
  return new File([image], name, { type: image.type });
}

export const failures = (files: File[], error: string): Failure[] =>
  files.map(({ name }) => ({ ok: false, name, error }));

async function predict(files: File[]): Promise<Result[]> {
  const form = new FormData();
  for (const file of files) form.append("file", file);
  let response: Response;
  try {
    response = await fetch("api/predict", { method: "POST", body: form });
  } catch {
    return failures(files, UNREACHABLE);
  }
  try {
    const answer = (await response.json()) as { results?: Result[]; error?: string };
    if (answer.results?.length === files.length) return answer.results;
    if (answer.error) return failures(files, answer.error);
  } catch {
    // Not JSON, for instance a proxy's page: told below like any other answer we cannot use.
  }
  return failures(files, `The server's answer could not be understood (status ${response.status}).`);
}

export const server: Home = {
  model: (signal) => get<Model>("api/model", signal),
  samples: async (signal) => (await get<{ samples: Sample[] }>("api/samples", signal)).samples,
  predict,
  words: {
    where: "Images go to the server of this page and nowhere else.",
    tooLarge: "the server accepts. It was not sent.",
  },
};
