/** Where answers come from: the demo's server, or networks that run in this page (`local`). */
import type { Answer, Model, Result, Sample } from "./api";
import { local } from "./local";
import { server } from "./server";

export interface Home {
  model: (signal: AbortSignal) => Promise<Model>;
  samples: (signal: AbortSignal) => Promise<Sample[]>;
  /** One result for each file, in order; whatever goes wrong becomes a failure. */
  predict: (files: File[]) => Promise<Result[]>;
  /** How a reader is told where images go, and that a file is too large. */
  words: { where: string; tooLarge: string };
  /** Only where the networks run in this page, as they are loaded when the reader asks for it. */
  networks?: Networks;
}

export interface Networks {
  load: (model: Model, told: (bytes: number) => void) => Promise<void>;
  /** The answer over `k` neighbours without some of them. */
  decide: (answer: Answer, k: number, without: string[]) => Promise<Answer>;
}

export const home: Home = document.documentElement.dataset.home === "static" ? local : server;
