/** What servers and names put into a line of the log, they put into that line alone. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createFailover,
  type FailoverEvent,
  type FailoverTrace,
  failoverTrace,
  describe as tell,
} from "../../../src/index.js";
import { LocalError, noAnswer, simulate, useSimulatedTime } from "../helpers/simulation.js";

useSimulatedTime();

/** Control characters, format characters (bidi overrides, zero width …), line and paragraph separators. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Longer than any sensible line, shorter than what fills a disk. */
const MAX_LENGTH = 2_000;

const unfit = fc.constantFrom(
  "\n",
  "\r\n",
  "\x1b[31m",
  "\x1b]0;title\x07",
  "\x85",
  "\x9b31m",
  "\u2028",
  "\u2029",
  "\u202e",
  "\u2066",
  "\u200b",
  "\ufeff",
  "\u{e0041}",
  "\0",
  "\x7f",
  "\u00ad",
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.oneof(unfit, fc.string({ unit: "grapheme" })), { maxLength: 20 }).map((parts) => parts.join("")),
  fc.constant("long ".repeat(100_000)),
  fc.constant("🙂".repeat(5_000)),
);

const scope = { callId: fc.nat(), service: text, method: text, at: fc.nat() };
const facts = {
  code: text,
  origin: fc.constantFrom("service", "transport"),
  execution: fc.constantFrom("none", "unknown"),
  httpStatus: fc.option(fc.nat(), { nil: undefined }),
  cause: fc.option(text, { nil: undefined }),
};
const amounts = { attempt: fc.nat(), elapsedMs: fc.nat(), backoffMs: fc.nat() };
const of = (type: FailoverEvent["type"], parts: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record({ type: fc.constant(type), ...parts }) as fc.Arbitrary<unknown>;

const EVENTS: { readonly [T in FailoverEvent["type"]]: fc.Arbitrary<unknown> } = {
  attempt: of("attempt", { ...scope, ...facts, ...amounts, ok: fc.boolean(), region: text }),
  failover: of("failover", { ...scope, ...facts, ...amounts, from: text, to: text }),
  retry: of("retry", { ...scope, ...facts, ...amounts, from: text, to: text }),
  replay_refused: of("replay_refused", { ...scope, ...facts, ...amounts, region: text, reason: text }),
  call: of("call", { ...scope, ...amounts, ok: fc.boolean(), code: text, attempts: fc.nat(), region: text }),
  region_ejected: of("region_ejected", {
    region: text,
    reason: text,
    untilMs: fc.nat(),
    at: fc.nat(),
    consecutive: fc.nat(),
  }),
  region_probe: of("region_probe", { region: text }),
  region_readmitted: of("region_readmitted", { region: text }),
  regions_changed: of("regions_changed", { regions: fc.array(text) }),
  discovery_failed: of("discovery_failed", { source: text, reason: text }),
  warning: of("warning", { message: text }),
};

const trace = fc.record({
  service: text,
  method: text,
  callId: fc.nat(),
  attempts: fc.array(fc.record({ region: fc.record({ id: text }), outcome: fc.record(facts), elapsedMs: fc.nat() })),
  refused: text,
});

function expectLine(line: string): void {
  expect(UNFIT.test(line), JSON.stringify(line.slice(0, 200))).toBe(false);
  expect(line.length).toBeLessThanOrEqual(MAX_LENGTH);
  expect(line.length).toBeGreaterThan(0);
}

test.each(Object.entries(EVENTS))("%s is one line of bounded length, whatever its texts are", (_, event) => {
  fc.assert(
    fc.property(event, (event) => expectLine(tell(event as FailoverEvent))),
    { numRuns: 200 },
  );
});

test("a trace is one line of bounded length, whatever its texts are", () => {
  fc.assert(
    fc.property(trace, (trace) => expectLine(tell(trace as unknown as FailoverTrace))),
    { numRuns: 200 },
  );
});

test("what is left out of a line leaves the words apart", () => {
  const message = "one\r\ntwo\u2028three\x1b[31mfour\u200bfive";
  expect(tell({ type: "warning", at: 0, message })).toBe("warning: one two three [31mfourfive");
});

test("a long line ends with an ellipsis, and not in the middle of a character", () => {
  const line = tell({ type: "warning", at: 0, message: "🙂".repeat(2_000) });
  expect(line).toMatch(/^warning: 🙂+…$/u);
  expect(line.length).toBeGreaterThan(MAX_LENGTH - 5);
});

test("what an error quotes has no control or format character in it either", () => {
  const { on } = createFailover({ regions: ["https://a.example.com"] });
  expect(() => on("\u202ewarning\x9b" as never, () => {})).toThrow('no event "\\u202ewarning\\u009b"');
});

test("the names of a call that an adapter made up are told in one line, in events and in its trace", async () => {
  const sim = simulate({ replies: [noAnswer()], policy: { idempotent: true, maxAttempts: 2 } });
  const names = { service: "a\nb", method: "c\x1b[2Kd" };
  const error = await sim.fail(names);
  expect(error).not.toBeInstanceOf(LocalError);
  const lines = [...sim.events.map(tell), tell(failoverTrace(error))];
  expect(lines).toHaveLength(sim.events.length + 1);
  for (const line of lines) expect(line).toMatch(/^a b\/c \[2Kd [^\p{Cc}]+$/u);
});
