/** Asks the networks that run in this page's worker; nothing is sent anywhere. */
import type { Answer, Model, Result } from "./api";
import type { Home } from "./home";
import { failures, get } from "./server";

/** The files' version that this page reads. */
const VERSION = 2;

export type Asked =
  | { kind: "load"; model: Model; base: string }
  | { kind: "predict"; file: File }
  | { kind: "decide"; answer: Answer; k: number; without: string[] };
export type Told =
  | { id: number; progress: number }
  | { id: number; value: unknown }
  | { id: number; error: string };

interface Waiting {
  resolve: (value: never) => void;
  reject: (reason: Error) => void;
  told: ((bytes: number) => void) | undefined;
}

const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let lastId = 0;

function started() {
  const made = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  made.onmessage = ({ data }: MessageEvent<Told>) => {
    const asked = waiting.get(data.id);
    if ("progress" in data) {
      asked?.told?.(data.progress);
      return;
    }
    waiting.delete(data.id);
    if ("error" in data) asked?.reject(new Error(data.error));
    else asked?.resolve(data.value as never);
  };
  made.onerror = (event) => {
    event.preventDefault();
    for (const { reject } of waiting.values()) {
      reject(new Error("The networks stopped unexpectedly. Reload the page."));
    }
    waiting.clear();
    worker = undefined; // it does not come back: who asks again gets a new one
  };
  return made;
}

function ask<T>(asked: Asked, told?: (bytes: number) => void): Promise<T> {
  worker ??= started();
  lastId += 1;
  const id = lastId;
  worker.postMessage({ id, ...asked });
  return new Promise<T>((resolve, reject) => waiting.set(id, { resolve, reject, told }));
}

async function predict(files: File[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const file of files) {
    try {
      results.push(await ask<Result>({ kind: "predict", file }));
    } catch (reason) {
      results.push(...failures([file], (reason as Error).message));
    }
  }
  return results;
}

let described: Promise<Model> | undefined;

async function model(signal: AbortSignal): Promise<Model> {
  const found = await get<Model>("model.json", signal);
  if (found.version !== VERSION) {
    throw new Error(
      `The networks' files are of version ${found.version}, this page reads version ${VERSION}: ` +
        "build the book again.",
    );
  }
  return found;
}

export const local: Home = {
  model: (signal) => (described = model(signal)),
  samples: async () => (await described)?.samples ?? [],
  predict,
  words: {
    where: "Images stay in this page.",
    tooLarge: "this page takes. It was not read.",
  },
  networks: {
    load: (of, told) => ask<void>({ kind: "load", model: of, base: document.baseURI }, told),
    decide: (answer, k, without) => ask<Answer>({ kind: "decide", answer, k, without }),
  },
};
