import { describe, expect, test } from "vitest";
import { newRequestId } from "../support/wire.js";
import { againstGo, errorRoom, KIND_NAMES, KINDS } from "./against-go.js";

const MIB = 1024 * 1024;

const NAMES = {
  "an emoji of several code points": "👩🏽‍🚀🏳️‍🌈",
  "from right to left": "שלום, عالم \u202e",
  "with combining characters, which are not normalised": "Amélie A\u030angstro\u0308m",
  "outside the basic plane": "𝒳𠜎",
  "with a NUL": "a\0b",
  "with control characters": "\u0001\b\t\n\f\r\u001b\u007f\u0085",
  "with line separators, which JSON and JavaScript treated differently": "\u2028\u2029",
  "with what JSON, URLs and HTML escape": `"\\/'<b>&amp;%2F+?#`,
  "with a byte order mark": "\ufefflobby\ufeff",
  "of noncharacters": "\ufffe\uffff\u{10ffff}",
  "of blanks": "  ",
};

againstGo("messages to and from Go", (setting) => {
  test.each(Object.entries(NAMES))("a name %s comes back unchanged", async (_, name) => {
    const { rooms } = setting().connect();
    const requestId = newRequestId();
    const updated = await rooms.call("UpdateRoomMetadata", { name, metadata: `of ${name}`, requestId });
    const { response } = await rooms.call("GetRoom", { name });
    // A different name that looks the same would give a room without metadata.
    expect(response).toEqual({ name, metadata: `of ${name}`, participants: 0, servedBy: "home" });
    expect(updated.response).toEqual(response);
    expect(await setting().home.received()).toMatchObject([{ requestId }, { ran: true }]);
  });

  test("every method answers, with the field names of the .proto", async () => {
    const fresh = await setting().region("fresh");
    const { rooms, attempts } = setting().connect({}, [fresh]);
    const servedBy = "fresh";
    const dialled = await rooms.call("DialParticipant", { room: "lobby", phoneNumber: "1" });
    expect(dialled.response).toEqual({ participantId: "PA_1", servedBy });
    const recording = await rooms.call("StartRecording", { room: "lobby" });
    expect(recording.response).toEqual({ recordingId: "RE_2", servedBy });
    await rooms.call("UpdateRoomMetadata", { name: "attic", metadata: "dark" });
    const attic = { name: "attic", metadata: "dark", participants: 0, servedBy };
    expect((await rooms.call("GetRoom", { name: "attic" })).response).toEqual(attic);
    const all = { rooms: [attic, { name: "lobby", metadata: "", participants: 1, servedBy }] };
    expect((await rooms.call("ListRooms", { limit: 0 })).response).toEqual(all);
    expect((await rooms.call("ListRooms", { limit: 1 })).response).toEqual({ rooms: [attic] });
    expect(attempts.map(({ ok }) => ok)).toEqual(Array(6).fill(true));
  });

  test("an empty message, which has no bytes in binary, is a valid answer", async () => {
    const fresh = await setting().region("fresh");
    const { rooms, attempts } = setting().connect({}, [fresh]);
    expect(await rooms.call("ListRooms", { limit: 0 })).toEqual({ response: { rooms: [] } });
    expect(attempts).toMatchObject([{ ok: true }]);
  });

  test("9 MiB in both directions", async () => {
    const { rooms, attempts } = setting().connect();
    const metadata = "0123456é".repeat(MIB);
    const { response } = await rooms.call("UpdateRoomMetadata", { name: "attic", metadata });
    // Not with `toEqual`, because it would print both.
    expect(response?.metadata === metadata).toBe(true);
    expect(attempts).toMatchObject([{ region: "home", ok: true }]);
  });

  test("a short request with an answer of 16 MiB", async () => {
    const { rooms } = setting().connect();
    const { response } = await rooms.call("GetRoom", { name: `large:${16 * MIB}` });
    expect(response?.metadata).toHaveLength(16 * MIB);
  });

  describe("an error of 200 KiB", () => {
    // A 429 of something in front of the handler would prove that nothing ran, but this one is the handler's.
    const room = errorRoom("resource_exhausted", { detail: "x".repeat(200 * 1024) });

    test.each(KIND_NAMES)("does not count as a proof that the %s did not run", async (kind) => {
      const { home, second } = setting();
      const { rooms } = setting().connect({ retryableCodes: [] });
      const result = await KINDS[kind](rooms, room, newRequestId());
      const { outcomes } = setting().failureOf(result);
      expect(outcomes).toMatchObject([{ code: "resource_exhausted", execution: "unknown", httpStatus: 429 }]);
      expect(await home.received()).toMatchObject([{ ran: true }]);
      expect(await second.received()).toEqual([]);
    });
  });
});
