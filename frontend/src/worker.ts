/** Runs the networks beside the page: a cell in, an answer out. It keeps no cell. */
import * as ort from "onnxruntime-web/wasm";
import type { Answer, Files, Looks, Model } from "./api";
import type { Asked, Told } from "./local";
import { asDistributed, SIDE } from "./pure/distributed";
import { withoutExif } from "./pure/exif";
import { whatItIs } from "./pure/header";
import { holdsIt, oddities, unlike } from "./pure/looks";
import { nearest } from "./pure/nearest";
import { resized } from "./pure/resize";
import { labelOf } from "./pure/wording";

interface Reference {
  filename: string[];
  subject: string[];
  label: number[];
  /** How the SHA-256 of each file as distributed begins. */
  sha256: string[];
}

interface Loaded {
  model: Model & { looks: Looks };
  reference: Reference;
  encoder: ort.InferenceSession;
  decision: ort.InferenceSession;
}

let loaded: Loaded | undefined;

const say = (told: Told) => self.postMessage(told);
const CLASSES = ["Healthy", "Leukemia"] as const;
const six = (value: number) => Number(value.toFixed(6));

async function sha256(content: Uint8Array<ArrayBuffer>) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A file as it was when it was exported, or an error that says what to do. */
async function whole(url: URL, name: string, expected: Files[string], told: (n: number) => void) {
  const response = await fetch(url);
  if (!response.ok || !response.body) {
    throw new Error(`${name} could not be loaded (status ${response.status}); try again.`);
  }
  const parts: Uint8Array[] = [];
  const reader = response.body.getReader();
  for (let part = await reader.read(); part.value; part = await reader.read()) {
    parts.push(part.value);
    told(part.value.length);
  }
  const content = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  // Where a page came over plain http, browsers offer no digest: then the length must do.
  const same = !self.crypto?.subtle || (await sha256(content)) === expected.sha256;
  if (content.length !== expected.bytes || !same) {
    throw new Error(
      `${name} is damaged or of another build: expected ${expected.bytes} bytes with SHA-256 ` +
        `${expected.sha256.slice(0, 12)}…; reload the page, or build the book again.`,
    );
  }
  return content;
}

async function unpacked(content: Uint8Array<ArrayBuffer>) {
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function load(model: Model, base: string, told: (bytes: number) => void) {
  const { looks } = model;
  if (!looks) throw new Error("model.json does not say what was seen: build the book again.");
  let bytes = 0;
  const content = new Map<string, Uint8Array>();
  for (const [name, expected] of Object.entries(model.files ?? {})) {
    const got = await whole(new URL(name, base), name, expected, (more) => {
      bytes += more;
      told(bytes);
    });
    content.set(name.replace(/^.*\.wasm\.gz$/, "runtime"), name.endsWith(".gz") ? await unpacked(got) : got);
  }
  const given = (name: string) => {
    const found = content.get(name);
    if (!found) throw new Error(`model.json names no ${name}: build the book again.`);
    content.delete(name); // what is made of it is kept, not the file
    return found;
  };
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = given("runtime").buffer as ArrayBuffer;
  const reference = JSON.parse(new TextDecoder().decode(given("reference.json"))) as Reference;
  const encoder = await ort.InferenceSession.create(given("encoder.onnx.gz"));
  const decision = await ort.InferenceSession.create(given("decision.onnx.gz"));
  loaded = { model: { ...model, looks }, reference, encoder, decision };
}

function ready() {
  if (!loaded) throw new Error("The networks are not loaded yet.");
  return loaded;
}

async function numbers(session: ort.InferenceSession, feeds: Record<string, ort.Tensor>) {
  const outputs = await session.run(feeds);
  return (name: string) => outputs[name]?.data as Float32Array;
}

const row = (values: Float32Array) => new ort.Tensor("float32", values, [1, values.length]);

/** Pixels of a decoded image without alpha, as they stand in it: no colour profile, no turn. */
async function pixelsOf(content: Uint8Array<ArrayBuffer>, name: string) {
  const bitmap = await createImageBitmap(new Blob([withoutExif(content)]), {
    colorSpaceConversion: "none",
  }).catch(() => {
    throw new Error(
      `${name}: cannot be read as an image (its data are damaged); copy it again from the ` +
        "data set.",
    );
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (!context) throw new Error("This browser gives no canvas to read images with.");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/** A warning when the reference holds this very cell, as its file or as a copy of its pixels. */
async function held(content: Uint8Array<ArrayBuffer>, side: number, pixels: Uint8ClampedArray) {
  if (!self.crypto?.subtle) return [];
  const { filename, sha256: known } = ready().reference;
  const files = side === SIDE ? [content, asDistributed(pixels)] : [content];
  const digests = await Promise.all(files.map(sha256));
  return holdsIt(filename[known.findIndex((start) => digests.some((d) => d.startsWith(start)))]);
}

async function predict(file: File): Promise<Answer> {
  const { model, encoder } = ready();
  const started = performance.now();
  const content = new Uint8Array(await file.arrayBuffer());
  const { side } = whatItIs(content, file.name, model.limits);
  const seen = model.looks.seen;
  const given = await pixelsOf(content, file.name);
  const pixels = resized(given, side, seen);
  const decoded = performance.now();
  const shown = new ort.Tensor("float32", Float32Array.from(pixels), [1, 3, seen, seen]);
  const features = (await numbers(encoder, { pixels: shown }))("features").slice();
  const encoded = performance.now();
  const odd = [...(await held(content, side, given)), ...oddities(side, pixels, model.looks)];
  const checked = performance.now();
  const answer = await judged({ ok: true, name: file.name, features }, model.k, [], odd);
  const milliseconds = {
    decoding: decoded - started,
    encoder: encoded - decoded,
    decision: performance.now() - checked,
  };
  return { ...answer, milliseconds };
}

/** The answer for features over their `k` nearest reference cells without some of them. */
async function judged(
  cell: Pick<Answer, "ok" | "name"> & { features: Float32Array },
  k: number,
  without: string[],
  odd: string[],
): Promise<Answer> {
  const { model, reference, decision } = ready();
  const cells = reference.label.length;
  const features = row(cell.features);
  const alone = await numbers(decision, { features, chosen: row(new Float32Array(cells)) });
  const similarity = alone("similarity");
  const attached = nearest(similarity, k);
  const near = attached.filter((i) => !without.includes(reference.filename[i] ?? ""));
  // The first neighbourhood has all of them, each other one lacks one.
  const chosen = new Float32Array((near.length + 1) * cells);
  for (let without = 0; without <= near.length; without += 1) {
    near.forEach((i, at) => {
      if (at !== without - 1) chosen[without * cells + i] = 1;
    });
  }
  const neighbourhoods = new ort.Tensor("float32", chosen, [near.length + 1, cells]);
  const judgedOver = (await numbers(decision, { features, chosen: neighbourhoods }))("gcn");
  const probability = judgedOver[0] ?? NaN;
  const label = labelOf(probability, model.threshold);
  const closest = attached[0] ?? 0;
  return {
    ...cell,
    label,
    confidence: Number((label === "Leukemia" ? probability : 1 - probability).toFixed(2)),
    probability: six(probability),
    without_graph: six(alone("mlp")[0] ?? NaN),
    as_dummy_node: six(alone("gcn")[0] ?? NaN),
    above_operating_point: probability >= model.operating_point.threshold,
    leukemic_share: near.reduce((sum, i) => sum + (reference.label[i] ?? 0), 0) / near.length || 0,
    neighbours: near.map((i, at) => ({
      filename: reference.filename[i] ?? "",
      subject: reference.subject[i] ?? "",
      label: CLASSES[reference.label[i] as 0 | 1],
      similarity: six(similarity[i] ?? NaN),
      change: six((judgedOver[at + 1] ?? NaN) - probability),
    })),
    warnings: [
      ...unlike(1 - (similarity[closest] ?? NaN), model),
      ...odd,
    ],
  };
}

async function decide(answer: Answer, k: number, without: string[]): Promise<Answer> {
  const { features } = answer;
  if (!features) throw new Error("The cell's features are not there: classify it again.");
  const decided = await judged({ ok: true, name: answer.name, features }, k, without, []);
  return { ...decided, warnings: answer.warnings };
}

self.onmessage = async ({ data }: MessageEvent<Asked & { id: number }>) => {
  const { id } = data;
  try {
    const value =
      data.kind === "load"
        ? await load(data.model, data.base, (progress) => say({ id, progress }))
        : data.kind === "predict"
          ? await predict(data.file)
          : await decide(data.answer, data.k, data.without);
    say({ id, value });
  } catch (reason) {
    say({ id, error: reason instanceof Error ? reason.message : String(reason) });
  }
};
