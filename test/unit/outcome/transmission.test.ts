import { describe, expect, test } from "vitest";
import { outcomeOfFailure } from "../../../src/outcome/outcome.js";
import { Transmission } from "../../../src/outcome/transmission.js";
import { ROUTE } from "../helpers/judging.js";
import { clockWith, EPOCH } from "../helpers/simulation.js";

const judged = (transmission: Transmission, cause?: string) =>
  outcomeOfFailure(
    { kind: "none", cause },
    { transmission, route: ROUTE, notExecutedCodes: new Set(), dateMs: EPOCH, warn: () => {} },
  ).execution;

type Step = (transmission: Transmission) => void;

const offered: Step = (transmission) => transmission.onOffered("the fetch in use ignores it");
const maybeTwice: Step = (transmission) => transmission.onOffered();
const handedOver: Step = (transmission) => transmission.onHandedOver();
const doubted: Step = (transmission) => transmission.onHandedOver("its dispatcher is not believed");
const refused: Step = (transmission) => transmission.onFailed("ECONNREFUSED");
const reset: Step = (transmission) => transmission.onFailed("ECONNRESET");

/** What was seen, what the error says, and what that comes to. */
const SEEN: readonly (readonly [string, readonly Step[], string | undefined, "none" | "unknown"])[] = [
  ["nothing", [], "ECONNREFUSED", "none"],
  ["nothing", [], "ECONNRESET", "unknown"],
  ["offered and never used", [offered], "ECONNREFUSED", "unknown"],
  ["may be sent twice", [maybeTwice], "ConnectionRefused", "unknown"],
  ["offered and handed over", [offered, handedOver], undefined, "none"],
  ["handed over in doubt", [doubted], undefined, "unknown"],
  ["handed over in doubt, and somebody else fails", [doubted], "ECONNREFUSED", "unknown"],
  ["in doubt, refused", [doubted, refused], undefined, "none"],
  ["in doubt, reset", [doubted, reset], undefined, "unknown"],
  ["in doubt, refused twice", [doubted, refused, doubted, refused], undefined, "none"],
  ["in doubt, reset, then refused", [doubted, reset, doubted, refused], undefined, "unknown"],
  ["in doubt, refused, then still out there", [doubted, refused, doubted], undefined, "unknown"],
  ["in doubt, still out there, then refused", [doubted, doubted, refused], undefined, "unknown"],
  ["refused, then in doubt and still out there", [handedOver, refused, doubted], undefined, "unknown"],
];

describe("what is proved", () => {
  test.each(SEEN)("%s", (_, steps, cause, execution) => {
    const transmission = new Transmission(clockWith());
    for (const step of steps) step(transmission);
    expect(judged(transmission, cause)).toBe(execution);
  });

  test("an answer that proves something proves nothing of one in doubt before it", () => {
    const transmission = new Transmission(clockWith(), true);
    for (const step of [doubted, reset, doubted]) step(transmission);
    transmission.onStarted();
    transmission.onAnswered(429);
    const seen = { transmission, route: ROUTE, notExecutedCodes: new Set<never>(), dateMs: EPOCH, warn: () => {} };
    expect(outcomeOfFailure({ kind: "http", status: 429 }, seen).execution).toBe("unknown");
  });

  test("a request in doubt never waits too long for a connection", () => {
    const transmission = new Transmission(clockWith());
    doubted(transmission);
    expect(transmission.waitedMs(performance.now() + 60_000)).toBe(0);
  });
});

describe("a second start", () => {
  const started = (mayRunTwice: boolean, httpStatus?: number) => {
    const transmission = new Transmission(clockWith(), mayRunTwice);
    transmission.onHandedOver();
    transmission.onStarted();
    transmission.onProgress();
    if (httpStatus !== undefined) transmission.onAnswered(httpStatus);
    return transmission;
  };

  test.each([undefined, 200, 421, 429, 503])("is refused after %s if the method may not run twice", (status) => {
    expect(() => started(false, status).onStarted()).toThrow("may not run twice");
  });

  test.each([301, 302, 307, 308, 401])("is let through after %s, which invites it", (status) => {
    const transmission = started(false, status);
    transmission.onStarted();
    expect(transmission.resent).toBe(true);
  });

  test("is refused after one in doubt that failed", () => {
    const transmission = new Transmission(clockWith());
    for (const step of [doubted, reset, doubted]) step(transmission);
    expect(() => transmission.onStarted()).toThrow("may not run twice");
  });

  test("is let through if the method may run twice", () => {
    const transmission = started(true, 421);
    transmission.onStarted();
    expect(transmission.resent).toBe(true);
  });

  test("is not what follows a mere sign of life", () => {
    const transmission = new Transmission(clockWith());
    transmission.onHandedOver();
    transmission.onProgress();
    transmission.onStarted();
    expect(transmission.resent).toBe(false);
  });
});
