/** What a reader has chosen, as the part of an address after "#": so a view can be cited. */

/**
 * @typedef {object} View
 * @property {string} protocol
 * @property {string[]} models
 * @property {string} metric
 * @property {number} threshold
 * @property {string} [cell] File name of the cell whose neighbours are shown.
 * @property {number} [k] How many of them.
 */

/** @param {View} view */
export const written = ({ protocol, models, metric, threshold, cell, k }) =>
  `#protocol=${protocol}&models=${models.join(",")}&metric=${metric}` +
  `&threshold=${threshold.toFixed(2)}` +
  (cell ? `&cell=${encodeURIComponent(cell)}` : "") +
  (k ? `&k=${k}` : "");

/**
 * What an address says, where it says what there is; else the default.
 *
 * @param {string} hash
 * @param {View} fallback
 * @param {{ models: Record<string, string[]>, metrics: string[] }} there Models by protocol.
 * @returns {View}
 */
export function read(hash, fallback, there) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const protocol = said.get("protocol") ?? "";
  const known = Object.hasOwn(there.models, protocol) ? protocol : fallback.protocol;
  const models = (said.get("models") ?? "")
    .split(",")
    .filter((key) => there.models[known]?.includes(key));
  const metric = said.get("metric") ?? "";
  // In steps of the slider.
  const threshold = Math.round(50 * Number(said.get("threshold") ?? NaN)) / 50;
  const k = Number(said.get("k"));
  const cell = said.get("cell");
  return {
    ...(cell ? { cell } : {}),
    ...(k >= 1 && k <= 50 ? { k: Math.round(k) } : {}),
    protocol: known,
    models: models.length
      ? models
      : fallback.models.filter((key) => there.models[known]?.includes(key)),
    metric: there.metrics.includes(metric) ? metric : fallback.metric,
    threshold: threshold >= 0.02 && threshold <= 0.98 ? threshold : fallback.threshold,
  };
}
