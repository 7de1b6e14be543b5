/** What the server answers. */

export type Label = "Leukemia" | "Healthy";

export interface Neighbour {
  filename: string;
  subject: string;
  label: Label;
  similarity: number;
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
  above_operating_point: boolean;
  leukemic_share: number;
  /** Most similar first. */
  neighbours: Neighbour[];
  warnings: string[];
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
}

export interface Model {
  weights: { name: string; sha256: string };
  reference: { cells: number; subjects: number; leukemic: number };
  k: number;
  threshold: number;
  operating_point: OperatingPoint;
  performance: Measured[];
  limits: Limits;
  provenance: Record<string, unknown>;
}

export interface Sample {
  name: string;
  url: string;
}
