import type { Outcome } from "twirp-failover";
import { afterEach, expect, test, vi } from "vitest";
import type { Format } from "../support/clients.js";
import { newRequestId } from "../support/wire.js";
import { againstGo, KINDS } from "./against-go.js";

const SERVICE = "acme.rooms.v1.RoomService";

/** Twirp's answer that proves that no handler ran. */
const BAD_ROUTE: Outcome = { code: "bad_route", origin: "service", execution: "none", httpStatus: 404 };
/** The text page of Go's `http.ServeMux`, which could come from any server. */
const NO_SUCH_PAGE: Outcome = { code: "bad_route", origin: "intermediary", execution: "unknown", httpStatus: 404 };
const MALFORMED: Outcome = { code: "malformed", origin: "service", execution: "done", httpStatus: 400 };

/** Changes requests below the client. */
function onTheWire(change: (init: RequestInit) => RequestInit): void {
  const send = globalThis.fetch;
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => send(url, { ...init, ...change(init) }));
}

againstGo("routes that Go does not have", (setting) => {
  afterEach(() => vi.unstubAllGlobals());

  test("a method: Twirp answers bad_route, and any call fails over", async () => {
    const { home, second } = setting();
    const { rooms } = setting().connect({ maxAttempts: 2 });
    const result = await rooms.callOther(SERVICE, "RingTheBell", { name: "lobby" });
    expect(result).toMatchObject({ code: "bad_route", message: expect.stringContaining("no handler for path") });
    expect(result.meta).toEqual({ twirp_invalid_route: `POST /twirp/${SERVICE}/RingTheBell` });
    expect(setting().failureOf(result).outcomes).toEqual([BAD_ROUTE, BAD_ROUTE]);

    const received = [{ path: `/twirp/${SERVICE}/RingTheBell`, ran: false }];
    expect(await home.received()).toMatchObject(received);
    expect(await second.received()).toMatchObject(received);
  });

  test("a service: Go answers its own 404, which proves nothing", async () => {
    const { home, second } = setting();
    const { rooms } = setting().connect();
    const result = await rooms.callOther("acme.rooms.v1.BellService", "GetRoom", { name: "lobby" });
    expect(setting().failureOf(result).outcomes).toEqual([NO_SUCH_PAGE]);
    expect(await home.received()).toMatchObject([{ path: "/twirp/acme.rooms.v1.BellService/GetRoom", ran: false }]);
    expect(await second.received()).toEqual([]);
  });

  test("a prefix: a read fails over", async () => {
    const { home, second } = setting();
    const regions = [{ id: "home", url: `${home.origin}/rpc` }, second];
    const { rooms, attempts } = setting().connect({}, regions);
    const { response } = await KINDS.read(rooms, "lobby", newRequestId());
    expect(response?.servedBy).toBe("second");
    expect(attempts).toMatchObject([
      { region: "home", ...NO_SUCH_PAGE },
      { region: "second", ok: true },
    ]);
    expect(await home.received()).toMatchObject([{ path: `/rpc/${SERVICE}/GetRoom`, ran: false }]);
  });

  test("a prefix: a mutation is not replayed", async () => {
    const { home, second } = setting();
    const { rooms } = setting().connect({}, [{ id: "home", url: `${home.origin}/rpc` }, second]);
    const result = await KINDS.mutation(rooms, "lobby", newRequestId());
    expect(setting().failureOf(result).outcomes).toEqual([NO_SUCH_PAGE]);
    expect(await second.received()).toEqual([]);
  });

  test.each([
    ["an HTTP method", { method: "PUT" }, 'unsupported method "PUT"'],
    ["a content type", { headers: { "content-type": "text/plain" } }, 'unexpected Content-Type: "text/plain"'],
  ])("%s: Twirp answers bad_route", async (_, change, message) => {
    onTheWire(() => change);
    const { rooms } = setting().connect({ replay: false });
    const result = await KINDS.mutation(rooms, "lobby", newRequestId());
    expect(result).toMatchObject({ code: "bad_route", message: expect.stringContaining(message) });
    expect(setting().failureOf(result).outcomes).toEqual([BAD_ROUTE]);
    expect(await setting().home.received()).toMatchObject([{ ran: false }]);
  });

  const BODIES: Record<Format, readonly (readonly [string, BodyInit])[]> = {
    binary: [
      ["a field that is longer than the message", new Uint8Array([0x0a, 0x7f, 0x61])],
      ["a string that is not UTF-8", new Uint8Array([0x0a, 0x01, 0xff])],
      ["a tag without a field", new Uint8Array([0x00])],
    ],
    JSON: [
      ["half of a message", '{"name":'],
      ["a field of another type", '{"name":5}'],
      ["nothing", ""],
    ],
  };

  test("a body that cannot be read is malformed, and the call does not fail over", async () => {
    const { home, second, kind } = setting();
    const bodies = BODIES[kind.format];
    for (const [name, body] of bodies) {
      onTheWire(() => ({ body }));
      const { rooms } = setting().connect();
      const result = await KINDS.read(rooms, "lobby", newRequestId());
      vi.unstubAllGlobals();
      expect(result.code, name).toBe("malformed");
      expect(setting().failureOf(result).outcomes, name).toEqual([MALFORMED]);
    }
    expect(await home.received()).toMatchObject(bodies.map(() => ({ ran: false })));
    expect(await second.received()).toEqual([]);
  });
});
