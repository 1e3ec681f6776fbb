import { expect, test } from "vitest";
import { evidenceOf } from "../../../src/health/evidence.js";
import { outcomeOfFailure } from "../../../src/outcome/outcome.js";
import { Transmission } from "../../../src/outcome/transmission.js";
import { judge, transmissionThat } from "../helpers/judging.js";
import { clockWith, EPOCH } from "../helpers/simulation.js";

const DONE = { code: "internal", origin: "client", execution: "done" } as const;

test("a good answer that cannot be decoded: the handler ran, and the region is well", () => {
  expect(judge({ kind: "undecodable" })).toEqual(DONE);
  expect(judge({ kind: "undecodable" }, { seen: { httpStatus: 200 } })).toEqual({ ...DONE, httpStatus: 200 });
  expect(evidenceOf(DONE)).toEqual({ kind: "success" });
});

test("the handler ran although the request was sent twice", () => {
  const transmission = new Transmission(clockWith(), true);
  transmission.onHandedOver();
  transmission.onStarted();
  transmission.onStarted();
  transmission.onAnswered(200);
  const circumstances = { transmission, route: "a.B/C", notExecutedCodes: new Set<never>(), dateMs: EPOCH, warn() {} };
  expect(outcomeOfFailure({ kind: "undecodable" }, circumstances)).toEqual({ ...DONE, httpStatus: 200 });
});

test("one whose connection failed broke off, whatever the adapter says", () => {
  const transmission = transmissionThat({ httpStatus: 200 });
  transmission.onFailed("ECONNRESET");
  const circumstances = { transmission, route: "a.B/C", notExecutedCodes: new Set<never>(), dateMs: EPOCH, warn() {} };
  expect(outcomeOfFailure({ kind: "undecodable" }, circumstances)).toEqual({
    code: "dataloss",
    origin: "transport",
    execution: "unknown",
    httpStatus: 200,
    cause: "ECONNRESET",
  });
});
