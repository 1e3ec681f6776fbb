/**
 * A Go handler that returns the error of a service it called itself. Go's server passes it on as it is, so it looks like
 * the server's own, but the handler has run.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createRoomServiceServer } from "../../proto/gen/rooms.twirp.js";
import { newRequestId } from "../support/wire.js";
import { againstGo, KINDS } from "./against-go.js";

const closing: (() => Promise<unknown>)[] = [];

/** A server on loopback that the Go handler calls. */
async function downstream(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    return closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A real Twirp server under another prefix than the Go client's, so that it has no route for the handler's call. */
const otherPrefix = (): RequestListener => {
  const unused = () => Promise.reject(new Error("no call gets here"));
  const service = {
    GetRoom: unused,
    ListRooms: unused,
    UpdateRoomMetadata: unused,
    DialParticipant: unused,
    StartRecording: unused,
  };
  return createRoomServiceServer(service).httpHandler({ prefix: "/rpc" });
};

againstGo("a bad_route that a handler passes on", (setting) => {
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });

  const pageOf404: RequestListener = (_, res) => void res.writeHead(404, { "content-type": "text/html" }).end("<html>");

  test.each([
    ["a 404 page", () => pageOf404, { http_error_from_intermediary: "true" }],
    [
      "the bad_route of another Twirp server",
      otherPrefix,
      { twirp_invalid_route: "POST /twirp/acme.rooms.v1.RoomService/GetRoom" },
    ],
  ])("(%s) proves nothing: a mutation runs once", async (_, listener, meta) => {
    const { home, second } = setting();
    const room = `relay:${await downstream(listener())}`;
    const { rooms } = setting().connect();
    const requestId = newRequestId();
    const result = await KINDS.mutation(rooms, room, requestId);
    expect(result).toMatchObject({ code: "bad_route", meta });
    expect(setting().failureOf(result).outcomes).toEqual([
      { code: "bad_route", origin: "service", execution: "unknown", httpStatus: 404 },
    ]);
    expect(await home.received()).toMatchObject([{ ran: true, requestId }]);
    expect(await second.received()).toEqual([]);
  });

  test("and a service does not promise by it either, whatever its notExecutedCodes are", async () => {
    const room = `relay:${await downstream(pageOf404)}`;
    const { rooms } = setting().connect({ notExecutedCodes: ["bad_route"] });
    const result = await KINDS.mutation(rooms, room, newRequestId());
    expect(setting().failureOf(result).outcomes).toMatchObject([{ execution: "unknown" }]);
    expect(await setting().second.received()).toEqual([]);
  });

  test("a read, which may run twice, gets its answer elsewhere", async () => {
    const room = `relay:${await downstream((_, res) => void res.writeHead(502).end())}`;
    const { rooms } = setting().connect();
    expect((await KINDS.read(rooms, room, newRequestId())).response?.servedBy).toBe("second");
  });
});
