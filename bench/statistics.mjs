/** Medians and spreads, which one slow phase of the machine does not change. */

export function median(values) {
  return quantile(values, 0.5);
}

/** The 10th, 50th and 90th percentile. */
export function spread(values) {
  return [quantile(values, 0.1), quantile(values, 0.5), quantile(values, 0.9)];
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))];
}
