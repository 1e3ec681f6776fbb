import { expect, test } from "vitest";
import { describe as describeEvent } from "../../../src/call/describe.js";
import type { FailoverEvent } from "../../../src/events/events.js";

const call = { callId: 7, service: "livekit.Egress", method: "StartRoomCompositeEgress", at: 1_700_000_000_000 };
const failure = { code: "unavailable", origin: "service", execution: "unknown" } as const;

const rows: [string, FailoverEvent, string][] = [
  [
    "an attempt that succeeded",
    { type: "attempt", ...call, region: "us-east", attempt: 1, elapsedMs: 12.4, ok: true },
    "livekit.Egress/StartRoomCompositeEgress attempt 1 in us-east succeeded, 12 ms",
  ],
  [
    "an attempt that failed",
    { type: "attempt", ...call, region: "us-east", attempt: 2, elapsedMs: 12.5, ok: false, ...failure },
    "livekit.Egress/StartRoomCompositeEgress attempt 2 in us-east failed: unavailable (service, execution unknown), 13 ms",
  ],
  [
    "a failover",
    {
      type: "failover",
      ...call,
      ...failure,
      from: "us-east",
      to: "eu-west",
      attempt: 1,
      elapsedMs: 12,
      backoffMs: 200,
    },
    "livekit.Egress/StartRoomCompositeEgress failed over us-east → eu-west (unavailable, attempt 1, 12 ms)",
  ],
  [
    "a failover whose cause is known",
    {
      type: "failover",
      ...call,
      ...failure,
      cause: "ECONNREFUSED",
      httpStatus: 200,
      from: "us-east",
      to: "eu-west",
      attempt: 1,
      elapsedMs: 12,
      backoffMs: 0,
    },
    "livekit.Egress/StartRoomCompositeEgress failed over us-east → eu-west (unavailable: ECONNREFUSED, attempt 1, 12 ms)",
  ],
  [
    "an attempt of which the status is known",
    { type: "attempt", ...call, region: "us-east", attempt: 2, elapsedMs: 12, ok: false, ...failure, httpStatus: 503 },
    "livekit.Egress/StartRoomCompositeEgress attempt 2 in us-east failed: unavailable (HTTP 503, service, execution unknown), 12 ms",
  ],
  [
    "a retry after a status",
    {
      type: "retry",
      ...call,
      ...failure,
      httpStatus: 503,
      from: "eu-west",
      to: "us-east",
      attempt: 2,
      elapsedMs: 3,
      backoffMs: 400,
    },
    "livekit.Egress/StartRoomCompositeEgress retried in us-east (unavailable: HTTP 503, attempt 2, 3 ms)",
  ],
  [
    "a refusal after a broken connection",
    {
      type: "replay_refused",
      ...call,
      ...failure,
      cause: "ECONNRESET",
      region: "us-east",
      attempt: 1,
      reason: "not_idempotent",
    },
    "livekit.Egress/StartRoomCompositeEgress not replayed: not_idempotent (unavailable: ECONNRESET in us-east, attempt 1, execution unknown)",
  ],
  [
    "a retry",
    { type: "retry", ...call, ...failure, from: "eu-west", to: "us-east", attempt: 2, elapsedMs: 0.2, backoffMs: 400 },
    "livekit.Egress/StartRoomCompositeEgress retried in us-east (unavailable, attempt 2, 0 ms)",
  ],
  [
    "a replay that was refused",
    { type: "replay_refused", ...call, ...failure, region: "us-east", attempt: 1, reason: "not_idempotent" },
    "livekit.Egress/StartRoomCompositeEgress not replayed: not_idempotent (unavailable in us-east, attempt 1, execution unknown)",
  ],
  [
    "a call that succeeded at once",
    { type: "call", ...call, ok: true, attempts: 1, region: "us-east", elapsedMs: 15 },
    "livekit.Egress/StartRoomCompositeEgress succeeded after 1 attempt, 15 ms",
  ],
  [
    "a call that failed",
    { type: "call", ...call, ok: false, code: "unavailable", attempts: 3, region: "eu-west", elapsedMs: 815.5 },
    "livekit.Egress/StartRoomCompositeEgress failed: unavailable after 3 attempts, 816 ms",
  ],
  [
    "a call that ended before its first attempt",
    { type: "call", ...call, ok: false, code: "canceled", attempts: 0, elapsedMs: 0 },
    "livekit.Egress/StartRoomCompositeEgress failed: canceled before any attempt, 0 ms",
  ],
  [
    "an ejection",
    { type: "region_ejected", at: 5_000, region: "us-east", reason: "failure_share", untilMs: 65_000, consecutive: 2 },
    "region us-east ejected for 60000 ms (failure_share, ejected 2 times in a row)",
  ],
  ["a probe", { type: "region_probe", at: 0, region: "us-east" }, "region us-east is being tested"],
  ["a readmission", { type: "region_readmitted", at: 0, region: "us-east" }, "region us-east is back"],
  [
    "a new list of regions",
    { type: "regions_changed", at: 0, regions: ["us-east", "eu-west"] },
    "regions are now us-east, eu-west",
  ],
  [
    "a list that could not be loaded",
    { type: "discovery_failed", at: 0, source: "https://x.example.com/settings/regions", reason: "HTTP 503" },
    "no region list from https://x.example.com/settings/regions: HTTP 503",
  ],
  ["a warning", { type: "warning", at: 0, message: "maxAttempts is 9" }, "warning: maxAttempts is 9"],
];

test.each(rows)("%s is described in one line", (_, event, expected) => {
  expect(describeEvent(event)).toBe(expected);
});
