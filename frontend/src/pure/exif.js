/** What a file says of its orientation is not followed, as by the package; browsers follow it. */

/**
 * The same image without what a camera wrote beside its pixels.
 *
 * @param {Uint8Array<ArrayBuffer>} content A whole JPEG, PNG or WEBP; others stay as they are.
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function withoutExif(content) {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (content[0] === 0xff && content[1] === 0xd8) return without(content, inJpeg(view));
  if (view.getUint32(0) === 0x89504e47) return without(content, inPng(view));
  if (view.getUint32(0) === 0x52494646) return renamedInWebp(content);
  return content;
}

/** @typedef {[number, number][]} Places From, and up to. */

/**
 * @param {Uint8Array<ArrayBuffer>} content
 * @param {Places} places
 */
function without(content, places) {
  const kept = new Uint8Array(content.length - places.reduce((sum, [a, b]) => sum + b - a, 0));
  /** @type {Places} */
  const all = [...places, [content.length, content.length]];
  let from = 0;
  let to = 0;
  for (const [start, end] of all) {
    kept.set(content.subarray(from, start), to);
    to += start - from;
    from = end;
  }
  return kept;
}

/** @param {DataView} view @returns {Places} Segments APP1 before the first scan. */
function inJpeg(view) {
  /** @type {Places} */
  const found = [];
  let at = 2;
  while (at + 4 < view.byteLength && view.getUint16(at) !== 0xffda) {
    const end = at + 2 + view.getUint16(at + 2);
    if (view.getUint16(at) === 0xffe1) found.push([at, Math.min(end, view.byteLength)]);
    at = end;
  }
  return found;
}

/** @param {DataView} view @returns {Places} Chunks eXIf. */
function inPng(view) {
  /** @type {Places} */
  const found = [];
  for (let at = 8; at + 12 <= view.byteLength; at += view.getUint32(at) + 12) {
    const end = at + view.getUint32(at) + 12;
    if (view.getUint32(at + 4) === 0x65584966) found.push([at, Math.min(end, view.byteLength)]);
  }
  return found;
}

/** @param {Uint8Array<ArrayBuffer>} content */
function renamedInWebp(content) {
  const copy = content.slice(); // the length of the whole stands in it, so nothing is taken out
  const view = new DataView(copy.buffer);
  for (let at = 12; at + 8 <= copy.length; at += 8 + 2 * Math.ceil(view.getUint32(at + 4, true) / 2)) {
    if (view.getUint32(at) === 0x45584946) view.setUint32(at, 0x6e6f6e65); // "none", which is skipped
  }
  return copy;
}
