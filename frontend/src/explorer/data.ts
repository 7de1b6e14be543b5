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
  protocols: { key: string; label: string; models: Model[] }[];
}

async function fetched(name: string) {
  const response = await fetch(name).catch(() => undefined);
  if (!response?.ok) {
    throw new Error(`${name} could not be read: open this page from a web server, and whole.`);
  }
  return response;
}

export async function load(): Promise<Explored> {
  const told = (await (await fetched("explorer.json")).json()) as Told;
  if (told.version !== VERSION) {
    throw new Error(
      `The data are of version ${told.version}, this page reads version ${VERSION}: build the ` +
        "book again.",
    );
  }
  const content = await (await fetched("explorer.bin")).arrayBuffer();
  if (content.byteLength !== told.bytes) {
    throw new Error(
      `explorer.bin has ${content.byteLength} bytes instead of ${told.bytes}: copy the book again.`,
    );
  }
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
    protocols: told.protocols.map((one) => ({ ...one, models: one.models.map(model) })),
  };
}
