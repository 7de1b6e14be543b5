/** What the server answers, or the networks in the page. */

export type Label = "Leukemia" | "Healthy";

export interface Neighbour {
  filename: string;
  subject: string;
  label: Label;
  similarity: number;
  /** Of the probability of leukemia, were this neighbour alone not there. */
  change: number;
}

export interface Answer {
  ok: true;
  name: string;
  label: Label;
  /** Probability of `label`. */
  confidence: number;
  /** Probability of leukemia, by the graph network. */
  probability: number;
  /** Probability of leukemia, by the same network without the graph. */
  without_graph: number;
  /** By the graph network without any neighbour, as the paper's demo asks it. */
  as_dummy_node: number;
  above_operating_point: boolean;
  leukemic_share: number;
  /** Most similar first. */
  neighbours: Neighbour[];
  warnings: string[];
  /** Only from networks in the page: what they decide over, with other neighbours too. */
  features?: Float32Array;
  milliseconds?: Milliseconds;
}

/** What the steps of one answer took in this browser. */
export interface Milliseconds {
  decoding: number;
  encoder: number;
  decision: number;
}

export interface Failure {
  ok: false;
  name: string;
  error: string;
}

export type Result = Answer | Failure;

/** Both as measured on held-apart subjects, not as aimed at. */
export interface OperatingPoint {
  threshold: number;
  /** Share of leukemic cells that the threshold is chosen to catch. */
  aim: number;
  sensitivity: number;
  specificity: number;
}

export interface Measured {
  model: "gcn" | "mlp";
  metric: string;
  value: number;
  low: number;
  high: number;
}

export interface Limits {
  files: number;
  file_bytes: number;
  request_bytes: number;
  /** Of an image's side, in pixels; the server looks at it itself. */
  least_side: number;
  greatest_side: number;
}

/** What the networks have seen, for warnings about a cell that looks otherwise. */
export interface Looks {
  side: number;
  seen: number;
  dark: number;
  least_box: number;
  greatest_box: number;
  like: number;
}

export type Files = Record<string, { bytes: number; sha256: string }>;

export interface Model {
  weights: { name: string; sha256: string };
  reference: { cells: number; subjects: number; leukemic: number };
  k: number;
  threshold: number;
  operating_point: OperatingPoint;
  performance: Measured[];
  limits: Limits;
  provenance: Record<string, unknown>;
  /** Cosine distance beyond which a cell is unlike all reference cells. */
  unlike: number;
  /** Only where the networks run in the page. */
  version?: number;
  files?: Files;
  looks?: Looks;
  samples?: Sample[];
}

export interface Sample {
  name: string;
  url: string;
}
