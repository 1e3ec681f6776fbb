import { expect, test } from "vitest";
import { createFailover } from "../../../src/failover.js";
import type { MethodPolicy } from "../../../src/policy/policy.js";
import { refusalOf } from "../helpers/refusal.js";

/** What `import policies from "./policies.json"` has for a type: strings where the library knows a few. */
const fromJson = {
  "*": { timeoutMs: 3000 },
  "acme.rooms.v1.RoomService/GetRoom": { idempotent: true, retryableCodes: ["unavailable", "resource_exhausted"] },
  "acme.rooms.v1.RoomService/StartRecording": { idempotencyKey: "X-Request-Id" },
} as {
  "*": { timeoutMs: number };
  "acme.rooms.v1.RoomService/GetRoom": { idempotent: boolean; retryableCodes: string[] };
  "acme.rooms.v1.RoomService/StartRecording": { idempotencyKey: string };
};

test("policies from a JSON file type-check, and are taken", () => {
  expect(() => createFailover({ regions: ["https://a.example.com"], policies: fromJson })).not.toThrow();
  const parsed: Record<string, MethodPolicy> = JSON.parse(JSON.stringify(fromJson));
  expect(() => createFailover({ regions: ["https://a.example.com"], policies: parsed })).not.toThrow();
});

test("a code that is not one of Twirp's passes the compiler, and is refused at construction", () => {
  const policies = { "*": { retryableCodes: ["unavailible"] } };
  const { message } = refusalOf(() => createFailover({ regions: ["https://a.example.com"], policies }));
  expect(message).toContain('policies["*"].retryableCodes[0] must be one of');
  expect(message).toContain('got "unavailible" (did you mean "unavailable"?)');
});

test("every option may be undefined, which counts as left out", () => {
  const policy: { [K in keyof Required<MethodPolicy>]: undefined } = {
    idempotent: undefined,
    replay: undefined,
    sameRegion: undefined,
    maxAttempts: undefined,
    timeoutMs: undefined,
    perAttemptTimeoutMs: undefined,
    connectTimeoutMs: undefined,
    initialBackoffMs: undefined,
    maxBackoffMs: undefined,
    backoffMultiplier: undefined,
    retryableCodes: undefined,
    notExecutedCodes: undefined,
    idempotencyKey: undefined,
  };
  const policies = { "*": policy, "acme.Rooms/*": undefined };
  const nothing = { policies, cache: undefined, order: undefined, health: undefined, retryThrottling: undefined };
  expect(() => createFailover({ regions: ["https://a.example.com"], ...nothing })).not.toThrow();
});
