/** What an image file says of itself, in the words of the package (`cells.images`). */
/** @import { Limits } from "../api" */

/** @typedef {{ width: number, height: number, mode: string, whole: boolean }} Header */

const COPY = "copy it again from the data set.";
/** @type {Record<number, string>} */
const PNG_MODES = { 0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA" };
/** @type {Record<string, string>} */
const OF_OTHER_DEPTH = { "L;1": "1", "L;16": "I;16", "RGB;16": "RGB;16B" };

/**
 * Refuse what is not an RGB image of a size that the networks know.
 *
 * @param {Uint8Array} content
 * @param {string} name
 * @param {Pick<Limits, "least_side" | "greatest_side">} limits
 * @returns {{ side: number }}
 */
export function whatItIs(content, name, { least_side: least, greatest_side: greatest }) {
  if (content.length === 0) throw new Error(`${name}: the file is empty (0 bytes); ${COPY}`);
  const header = read(content);
  if (!header) {
    throw new Error(
      `${name}: cannot be read as an image; expected BMP, PNG, WEBP, JPEG as distributed.`,
    );
  }
  const { width, height, mode, whole } = header;
  if (mode !== "RGB") {
    throw new Error(
      `${name}: the mode is ${mode}, expected RGB with 8 bits a channel; use the image as ` +
        "distributed.",
    );
  }
  if (width !== height || width < least || width > greatest) {
    throw new Error(
      `${name}: the size is ${width}x${height}, expected a square of ${least} to ${greatest} ` +
        "pixels; use the image as distributed.",
    );
  }
  if (!whole) {
    throw new Error(`${name}: cannot be read as an image (the file is truncated); ${COPY}`);
  }
  return { side: width };
}

/**
 * @param {Uint8Array} content
 * @returns {Header | undefined}
 */
function read(content) {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const starts = (/** @type {string} */ text, at = 0) =>
    [...text].every((letter, i) => content[at + i] === letter.charCodeAt(0));
  try {
    if (starts("BM")) return bmp(view);
    if (starts("\x89PNG\r\n\x1a\n")) return png(view);
    if (starts("\xff\xd8\xff")) return jpeg(view);
    if (starts("RIFF") && starts("WEBP", 8)) return webp(view, starts);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the file ends within its header
  }
  return undefined;
}

/** @param {DataView} view @returns {Header} */
function bmp(view) {
  const [width, height] = [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  const bits = view.getUint16(28, true);
  const rows = 4 * Math.ceil((width * bits) / 32) * height;
  // A mask of alpha stands where the longer headers have one, and is read of 32 bits with masks.
  const masked = bits === 32 && view.getUint32(14, true) >= 56 && view.getUint32(30, true) === 3;
  const alpha = masked && view.getUint32(66, true) !== 0;
  const mode =
    bits === 24 || bits === 32 ? (alpha ? "RGBA" : "RGB") : bits === 16 ? "BGR;16" : "P";
  return { width, height, mode, whole: view.byteLength >= view.getUint32(10, true) + rows };
}

/** @param {DataView} view @returns {Header} */
function png(view) {
  const [bits, kind] = [view.getUint8(24), view.getUint8(25)];
  let at = 8;
  let clear = false; // whether one colour is transparent, by a chunk tRNS
  // A chunk is a length, four letters, the data and a checksum; the last one is IEND.
  while (at + 12 <= view.byteLength && view.getUint32(at + 4) !== 0x49454e44) {
    clear ||= view.getUint32(at + 4) === 0x74524e53;
    at += view.getUint32(at) + 12;
  }
  const mode = kind === 2 && clear ? "RGBA" : (PNG_MODES[kind] ?? "unknown");
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    mode: OF_OTHER_DEPTH[`${mode};${bits}`] ?? mode,
    whole: at + 12 <= view.byteLength,
  };
}

/** @param {DataView} view @returns {Header} */
function jpeg(view) {
  let at = 2;
  for (;;) {
    const marker = view.getUint16(at);
    // Frame headers are C0 to CF without the tables C4, C8 and CC.
    if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) break;
    at += 2 + view.getUint16(at + 2);
  }
  let end = view.byteLength - 2;
  while (end > at && view.getUint16(end) !== 0xffd9) end -= 1;
  const channels = view.getUint8(at + 9);
  return {
    width: view.getUint16(at + 7),
    height: view.getUint16(at + 5),
    mode: channels === 3 ? "RGB" : channels === 1 ? "L" : "CMYK",
    whole: end > at,
  };
}

/**
 * @param {DataView} view
 * @param {(text: string, at?: number) => boolean} starts
 * @returns {Header | undefined}
 */
function webp(view, starts) {
  const whole = view.byteLength >= view.getUint32(4, true) + 8;
  const three = (/** @type {number} */ at) => (view.getUint32(at, true) & 0xffffff) + 1;
  if (starts("VP8X", 12)) {
    const mode = view.getUint8(20) & 0x10 ? "RGBA" : "RGB";
    return { width: three(24), height: three(27), mode, whole };
  }
  if (starts("VP8L", 12)) {
    const bits = view.getUint32(21, true);
    const mode = (bits >>> 28) & 1 ? "RGBA" : "RGB";
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, mode, whole };
  }
  if (!starts("VP8 ", 12)) return undefined;
  const side = (/** @type {number} */ at) => view.getUint16(at, true) & 0x3fff;
  return { width: side(26), height: side(28), mode: "RGB", whole };
}
