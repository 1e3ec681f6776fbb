import { failoverTrace, type Outcome } from "twirp-failover";
import { describe, expect, test, vi } from "vitest";
import { newRequestId } from "../support/wire.js";
import { againstGo, errorRoom, KIND_NAMES, KINDS } from "./against-go.js";

const REFUSED = { code: "unavailable", origin: "transport", execution: "none", cause: "ECONNREFUSED" } as const;
/** Long enough for a busy machine, and shorter than the usual attempt timeout of half of the call's timeout. */
const QUICK_ENOUGH_MS = 8_000;
const PANICKED: Outcome = { code: "internal", origin: "service", execution: "unknown", httpStatus: 500 };

againstGo("failover between Go servers", (setting) => {
  describe("home is dead", () => {
    test.each(KIND_NAMES)("a %s goes to the second region at once", async (kind) => {
      const { second } = setting();
      const home = await setting().region("home");
      await home.stop("SIGKILL");
      const { rooms, attempts } = setting().connect({}, [home, second]);
      const requestId = newRequestId();
      const { response } = await KINDS[kind](rooms, "lobby", requestId);
      expect(response?.servedBy).toBe("second");
      expect(attempts).toMatchObject([
        { region: "home", ok: false, ...REFUSED },
        { region: "second", ok: true },
      ]);
      expect(await second.received()).toMatchObject([{ requestId, ran: true }]);
    });
  });

  describe("home dies with a call under way", () => {
    /** @returns the call, when its handler runs, and a promise for home's end. */
    const callAndKill = async (kind: (typeof KIND_NAMES)[number]) => {
      const home = await setting().region("home");
      const { rooms, attempts } = setting().connect({}, [home, setting().second]);
      const requestId = newRequestId();
      const call = KINDS[kind](rooms, "hang", requestId);
      await vi.waitFor(async () => expect(await home.received()).toMatchObject([{ requestId, ran: true }]));
      await home.stop("SIGKILL");
      return { result: await call, attempts, requestId };
    };

    test("a read fails over", async () => {
      const { result, attempts, requestId } = await callAndKill("read");
      expect(result.response).toMatchObject({ servedBy: "second" });
      expect(attempts).toMatchObject([
        { region: "home", code: "unavailable", origin: "transport", execution: "unknown" },
        { region: "second", ok: true },
      ]);
      expect(await setting().second.received()).toMatchObject([{ requestId, ran: true }]);
    });

    test("a mutation is not replayed", async () => {
      const { result } = await callAndKill("mutation");
      const { error, outcomes } = setting().failureOf(result);
      expect(outcomes).toMatchObject([{ code: "unavailable", origin: "transport", execution: "unknown" }]);
      expect(failoverTrace(error)?.refused).toBe("not_idempotent");
      expect(await setting().second.received()).toEqual([]);
    });
  });

  test("home hangs: the attempt times out, and a read fails over", async () => {
    const { rooms, attempts } = setting().connect({ perAttemptTimeoutMs: 300 });
    const { response } = await KINDS.read(rooms, "hang", newRequestId());
    expect(response).toMatchObject({ servedBy: "second" });
    expect(attempts[0]).toMatchObject({ code: "deadline_exceeded", origin: "timeout", execution: "unknown" });
    expect(attempts[0]?.elapsedMs).toBeLessThan(QUICK_ENOUGH_MS);
  });

  describe("home's handler panics", () => {
    test("a read fails over", async () => {
      const { rooms, attempts } = setting().connect();
      const { response } = await KINDS.read(rooms, "panic", newRequestId());
      expect(response).toMatchObject({ servedBy: "second" });
      expect(attempts).toMatchObject([
        { region: "home", ...PANICKED },
        { region: "second", ok: true },
      ]);
    });

    test("a mutation is not replayed, and the next call succeeds at home", async () => {
      const { home, second } = setting();
      const { rooms } = setting().connect();
      const result = await KINDS.mutation(rooms, "panic", newRequestId());
      expect(result).toMatchObject({ code: "internal", message: "Internal service panic", meta: {} });
      expect(setting().failureOf(result).outcomes).toEqual([PANICKED]);
      expect((await KINDS.mutation(rooms, "lobby", newRequestId())).response?.servedBy).toBe("home");
      expect(await home.received()).toMatchObject([{ ran: true }, { ran: true }]);
      expect(await second.received()).toEqual([]);
    });
  });

  describe("the meta of a Go service's error", () => {
    test('retryable: "true" allows a replay of a mutation', async () => {
      const { rooms, attempts } = setting().connect();
      const room = errorRoom("unavailable", { retryable: "true" });
      expect((await KINDS.mutation(rooms, room, newRequestId())).response?.servedBy).toBe("second");
      expect(attempts[0]).toMatchObject({ code: "unavailable", origin: "service", execution: "none" });
    });

    test('retryable: "false" forbids a replay of a read', async () => {
      const { rooms } = setting().connect();
      const room = errorRoom("unavailable", { retryable: "false" });
      const result = await KINDS.read(rooms, room, newRequestId());
      expect(setting().failureOf(result).outcomes).toMatchObject([{ execution: "unknown", forbidden: true }]);
      expect(await setting().second.received()).toEqual([]);
    });

    test('retry_after: "15s" is a pushback', async () => {
      const { rooms } = setting().connect({ replay: false });
      const room = errorRoom("resource_exhausted", { retry_after: "15s" });
      const result = await KINDS.read(rooms, room, newRequestId());
      expect(setting().failureOf(result).outcomes).toMatchObject([{ pushbackMs: 15_000 }]);
    });

    test("the missing argument is available", async () => {
      const { rooms } = setting().connect();
      const result = await KINDS.mutation(rooms, "", newRequestId());
      const [message, meta] = ["room is required", { argument: "room" }];
      expect(result).toMatchObject({ code: "invalid_argument", message, meta });
      expect(setting().failureOf(result).outcomes).toMatchObject([{ origin: "service", execution: "done" }]);
    });
  });

  test("a call with an idempotency key is replayed with the same key, and the next call has another key", async () => {
    const { home, second } = setting();
    const policies = { "acme.rooms.v1.RoomService/StartRecording": { idempotencyKey: true } };
    const { rooms } = setting().connect({}, [home, second], policies);
    for (const _ of [1, 2]) {
      const { response } = await rooms.call("StartRecording", { room: errorRoom("unavailable") });
      expect(response?.servedBy).toBe("second");
    }
    await KINDS.mutation(rooms, "lobby", newRequestId());

    const [first, other, none] = (await home.received()).map(({ idempotencyKey }) => idempotencyKey);
    expect(first).toMatch(/^[\w-]{16,}$/);
    expect(other).not.toBe(first);
    expect(none).toBe("");
    expect(await second.received()).toMatchObject([{ idempotencyKey: first }, { idempotencyKey: other }]);
  });
});
