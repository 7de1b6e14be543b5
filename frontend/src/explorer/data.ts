/** The explorer's files, as `leukgnn.book.explorer` writes them. */

const VERSION = 1;

type Place = number;
export type Interval = [value: number, low: number, high: number];

interface Run {
  n: number;
  cells: Place;
  probability: Place;
}

interface StoredModel {
  key: string;
  label: string;
  colour: string;
  runs: Run[];
  free: Record<string, Interval>;
  at: Place;
}

interface Metric {
  key: string;
  label: string;
}

interface Told {
  version: number;
  threshold: number;
  thresholds: number[];
  metrics: Metric[];
  free: Metric[];
  printed: Record<string, number>;
  classes: [string, string];
  subjects: { name: string; leukemic: boolean }[];
  subject: number[];
  protocols: { key: string; label: string; models: StoredModel[] }[];
  cells: number;
  bytes: number;
}

/** What one network answered: a probability of leukemia for each of its test cells. */
export interface Answers {
  probability: Float32Array;
  subject: number[];
  leukemic: boolean[];
}

export interface Model {
  key: string;
  label: string;
  colour: string;
  runs: Answers[];
  /** The interval of a metric at a threshold; of those that know none, always the same. */
  interval: (metric: string, threshold: number) => Interval | undefined;
}

export interface Explored {
  threshold: number;
  metrics: Record<string, string>;
  printed: Record<string, number>;
  classes: [string, string];
  subjects: Told["subjects"];
  /** Bytes of what `loadCells` reads. */
  cells: number;
  protocols: { key: string; label: string; models: Model[] }[];
}

async function fetched(name: string) {
  const response = await fetch(name).catch(() => undefined);
  if (!response?.ok) {
    throw new Error(`${name} could not be read: open this page from a web server, and whole.`);
  }
  return response;
}

/** A data file and what it says of the bytes beside it. */
async function pair<T extends { version: number; bytes: number }>(name: string) {
  const told = (await (await fetched(`${name}.json`)).json()) as T;
  if (told.version !== VERSION) {
    throw new Error(
      `The data are of version ${told.version}, this page reads version ${VERSION}: build the ` +
        "book again.",
    );
  }
  const content = await (await fetched(`${name}.bin`)).arrayBuffer();
  if (content.byteLength !== told.bytes) {
    throw new Error(
      `${name}.bin has ${content.byteLength} bytes instead of ${told.bytes}: copy the book again.`,
    );
  }
  return { told, content };
}

interface ToldCells {
  version: number;
  filename: string[];
  subject: string[];
  leukemic: boolean[];
  box: [number, number][];
  most: number;
  near: Place;
  similarity: Place;
  ks: number[];
  gcn: Place[];
  mlp: Place;
  bytes: number;
}

/** A cell as its neighbours and it are shown. */
export interface Cell {
  filename: string;
  subject: string;
  leukemic: boolean;
  box: [number, number];
}

export interface Neighbourhoods {
  number: number;
  ks: number[];
  cell: (at: number) => Cell;
  find: (filename: string) => number;
  /** Its nearest cells of the other folds, most similar first. */
  near: (at: number) => { at: number; similarity: number }[];
  /** Probability of leukemia by the graph network that was trained with k neighbours. */
  gcn: (at: number, k: number) => number | undefined;
  mlp: (at: number) => number;
}

export async function loadCells(): Promise<Neighbourhoods> {
  const { told, content } = await pair<ToldCells>("cells");
  const number = told.filename.length;
  const near = new Uint16Array(content, told.near, number * told.most);
  const similarity = new Float32Array(content, told.similarity, number * told.most);
  const mlp = new Float32Array(content, told.mlp, number);
  const gcn = told.gcn.map((place) => new Float32Array(content, place, number));
  return {
    number,
    ks: told.ks,
    cell: (at) => ({
      filename: told.filename[at] ?? "",
      subject: told.subject[at] ?? "",
      leukemic: told.leukemic[at] ?? false,
      box: told.box[at] ?? [0, 0],
    }),
    find: (filename) => told.filename.indexOf(filename),
    near: (at) =>
      Array.from({ length: told.most }, (_, i) => ({
        at: near[at * told.most + i] ?? 0,
        similarity: similarity[at * told.most + i] ?? NaN,
      })),
    gcn: (at, k) => gcn[told.ks.indexOf(k)]?.[at],
    mlp: (at) => mlp[at] ?? NaN,
  };
}

export async function load(): Promise<Explored> {
  const { told, content } = await pair<Told>("explorer");
  const answers = ({ n, cells, probability }: Run): Answers => {
    const subject = Array.from(new Uint16Array(content, cells, n), (i) => told.subject[i] ?? 0);
    return {
      probability: new Float32Array(content, probability, n),
      subject,
      leukemic: subject.map((who) => told.subjects[who]?.leukemic ?? false),
    };
  };
  const metrics = told.metrics.map(({ key }) => key);
  const model = (stored: StoredModel): Model => {
    const size = 3 * told.thresholds.length * metrics.length;
    const at = new Float32Array(content, stored.at, size);
    return {
      key: stored.key,
      label: stored.label,
      colour: stored.colour,
      runs: stored.runs.map(answers),
      interval: (metric, threshold) => {
        const place = metrics.indexOf(metric);
        if (place < 0) return stored.free[metric];
        const step = told.thresholds.findIndex((known) => Math.abs(known - threshold) < 1e-9);
        const start = 3 * (step * metrics.length + place);
        return step < 0 ? undefined : (Array.from(at.subarray(start, start + 3)) as Interval);
      },
    };
  };
  return {
    threshold: told.threshold,
    metrics: Object.fromEntries(
      [...told.metrics, ...told.free].map(({ key, label }) => [key, label]),
    ),
    printed: told.printed,
    classes: told.classes,
    subjects: told.subjects,
    cells: told.cells,
    protocols: told.protocols.map((one) => ({ ...one, models: one.models.map(model) })),
  };
}
