/** Results as CSV after RFC 4180. */
/** @import { Result } from "../api" */

const COLUMNS = /** @type {const} */ ([
  "file_name",
  "ok",
  "label",
  "confidence",
  "probability",
  "without_graph",
  "as_dummy_node",
  "above_operating_point",
  "leukemic_share",
  "neighbours",
  "warnings",
  "error",
]);

/**
 * Text that begins like a formula gets an apostrophe: file names come from anyone, and a
 * spreadsheet would run them.
 *
 * @param {string | number | boolean | undefined} value
 */
function field(value) {
  const guarded = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  const text = String(guarded ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {Result} result
 * @returns {Partial<Record<typeof COLUMNS[number], string | number | boolean>>}
 */
function row(result) {
  if (!result.ok) return { file_name: result.name, ok: false, error: result.error };
  const { name, neighbours, warnings, features: _, milliseconds: __, ...rest } = result;
  return {
    ...rest,
    file_name: name,
    neighbours: neighbours
      .map(
        ({ filename, subject, label, similarity, change }) =>
          `${filename} (subject ${subject}, ${label}, ${similarity}, without it ${change})`,
      )
      .join("; "),
    warnings: warnings.join(" "),
  };
}

/** @param {Result[]} results */
export function toCsv(results) {
  const rows = results.map(row).map((told) => COLUMNS.map((column) => field(told[column])));
  return [COLUMNS, ...rows].map((fields) => `${fields.join(",")}\r\n`).join("");
}
