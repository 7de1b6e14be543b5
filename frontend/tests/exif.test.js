import assert from "node:assert/strict";
import test from "node:test";
import { withoutExif } from "../src/pure/exif.js";

const bytes = (...parts) =>
  new Uint8Array(
    parts.flatMap((part) => (typeof part === "string" ? [...part].map((c) => c.charCodeAt(0)) : part)),
  );

test("of a JPEG the segments APP1 go, up to the scan", () => {
  const start = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2];
  const exif = [0xff, 0xe1, 0, 6, 69, 120, 105, 102];
  const scan = [0xff, 0xda, 0xff, 0xe1, 0, 3, 9, 0xff, 0xd9];
  assert.deepEqual(withoutExif(bytes(start, exif, scan)), bytes(start, scan));
});

test("of a PNG the chunk eXIf goes", () => {
  const start = ["\x89PNG\r\n\x1a\n", [0, 0, 0, 1], "IHDR", [7, 0, 0, 0, 0]];
  const exif = [[0, 0, 0, 2], "eXIf", [1, 2, 0, 0, 0, 0]];
  const end = [[0, 0, 0, 0], "IEND", [0, 0, 0, 0]];
  assert.deepEqual(withoutExif(bytes(...start, ...exif, ...end)), bytes(...start, ...end));
});

test("of a WEBP the chunk EXIF is no longer called so", () => {
  const whole = ["RIFF", [30, 0, 0, 0], "WEBP", "VP8X", [3, 0, 0, 0, 8, 0, 0, 0]];
  const content = bytes(...whole, "EXIF", [2, 0, 0, 0, 1, 2]);
  assert.deepEqual(withoutExif(content), bytes(...whole, "none", [2, 0, 0, 0, 1, 2]));
});

test("others stay as they are", () => {
  const content = bytes("BM", [0, 0, 0, 0, 0, 0]);
  assert.equal(withoutExif(content), content);
});
