/** When a region counts as down, and for how long. */

import { checkKeys, checkNumber, checkObject } from "../support/checks.js";
import { MAX_TIMER_MS } from "../support/clock.js";
import { mustBe } from "../support/errors.js";

/** When a region is ejected, and for how long. An option that is `undefined` counts as left out. */
export interface HealthOptions {
  /**
   * How many attempts in a row without an answer eject a region; at least 1, `Infinity` for never. No answer means: the
   * connection was refused, broke off or did not come, or the time of the attempt was over. Any answer begins the row anew,
   * be it an error, and be it a 502 of something in front of the server; those count by `failureShare`. What says nothing
   * about the region (the caller left) neither adds to the row nor ends it.
   *
   * @default 3
   */
  consecutiveFailures?: number | undefined;
  /**
   * The share of its last calls that must have failed to eject a region, from 0.01 to 1.
   *
   * Sourcegraph's Cody Gateway uses 0.95 with `minimumCalls: 100`.
   *
   * @default 0.5
   */
  failureShare?: number | undefined;
  /**
   * How many calls the window must hold before `failureShare` counts.
   *
   * @default 10
   */
  minimumCalls?: number | undefined;
  /**
   * How many calls the window holds; at most 10 000.
   *
   * @default 100
   */
  windowCalls?: number | undefined;
  /**
   * How long a call stays in the window, in milliseconds.
   *
   * @default 60_000
   */
  windowMs?: number | undefined;
  /**
   * The length of the first ejection in milliseconds. The nth in a row is n times as long: 30 s, 60 s, 90 s …, jittered by
   * ±10 %, and at least as long as the server's `Retry-After` asks for, of which 30 s are heeded. After it a call that may
   * be replayed tests the region; if none comes for another `ejectionMs`, any call does.
   *
   * @default 30_000, Envoy's `base_ejection_time`; `maxEjectionMs` if that is less
   */
  ejectionMs?: number | undefined;
  /**
   * The longest ejection in milliseconds, before jitter; not less than `ejectionMs`. Only a server's `Retry-After` ejects for
   * longer.
   *
   * @default 300_000, Envoy's `max_ejection_time`; `ejectionMs` if that is more
   */
  maxEjectionMs?: number | undefined;
  /**
   * What to do when every region is ejected. `"panic"` calls them as if none were, because a guess is better than nothing;
   * `"fail"` rejects at once with `unavailable`.
   *
   * @default "panic"
   */
  whenAllEjected?: "panic" | "fail" | undefined;
}

export type HealthSettings = { readonly [K in keyof HealthOptions]-?: NonNullable<HealthOptions[K]> };

const DEFAULTS: HealthSettings = {
  consecutiveFailures: 3,
  failureShare: 0.5,
  minimumCalls: 10,
  windowCalls: 100,
  windowMs: 60_000,
  ejectionMs: 30_000,
  maxEjectionMs: 300_000,
  whenAllEjected: "panic",
};

/** @throws InvalidOptionError */
export function checkHealth(options: HealthOptions): HealthSettings {
  const own: Partial<HealthSettings> = withoutUndefined(checkObject("health", options));
  const given = {
    ...DEFAULTS,
    // Options that are left out follow those that are given.
    minimumCalls: Math.min(DEFAULTS.minimumCalls, own.windowCalls ?? DEFAULTS.windowCalls),
    ...own,
  };
  checkKeys("health", given, Object.keys(DEFAULTS));
  checkCount("health.consecutiveFailures", given.consecutiveFailures, Number.POSITIVE_INFINITY);
  checkNumber("health.failureShare", given.failureShare, 0.01, 1);
  checkCount("health.windowCalls", given.windowCalls, 10_000);
  checkCount("health.minimumCalls", given.minimumCalls, given.windowCalls);
  for (const name of ["windowMs", "ejectionMs", "maxEjectionMs"] as const) {
    checkNumber(`health.${name}`, given[name], 1, MAX_TIMER_MS, " (milliseconds)");
  }
  if (given.whenAllEjected !== "panic" && given.whenAllEjected !== "fail") {
    throw mustBe("health.whenAllEjected", '"panic" or "fail"', given.whenAllEjected);
  }
  const ejectionMs = own.ejectionMs ?? Math.min(DEFAULTS.ejectionMs, given.maxEjectionMs);
  const maxEjectionMs = own.maxEjectionMs ?? Math.max(DEFAULTS.maxEjectionMs, ejectionMs);
  if (maxEjectionMs < ejectionMs) {
    throw mustBe("health.maxEjectionMs", `at least health.ejectionMs, which is ${ejectionMs}`, maxEjectionMs);
  }
  return { ...given, ejectionMs, maxEjectionMs };
}

function checkCount(option: string, value: unknown, max: number): void {
  checkNumber(option, value, 1, max);
  if (value !== Number.POSITIVE_INFINITY && !Number.isInteger(value)) {
    throw mustBe(option, "a whole number", value);
  }
}

function withoutUndefined(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
