/** The `UnaryCall` that the user gets in place of the transport's. */
import { RpcError, UnaryCall } from "@protobuf-ts/runtime-rpc";
import { describe, expect, test } from "vitest";
import * as faults from "../support/faults.js";
import type { Fault } from "../support/region.js";
import { refusedUrl } from "../support/region.js";
import { errorOf, FORMATS, METHODS, newRequestId, useWire } from "../support/wire.js";

/** Marks all answers of a region, including errors. */
const marked = (mark: string, fault: Fault = {}): Fault => ({
  ...fault,
  before: ({ res }) => void res.setHeader("x-mark", mark),
});

describe.each(FORMATS)("the call that the user gets, $format", ({ sendJson }) => {
  const wire = useWire();

  test("is returned at once, before anything is sent", async () => {
    const { home, rooms } = await wire().pair(sendJson);
    const input = { name: "lobby", requestId: newRequestId() };
    const call = rooms.getRoom(input, { meta: { "x-tenant": "acme" } });
    expect(call).toBeInstanceOf(UnaryCall);
    expect(call.method.name).toBe("GetRoom");
    expect(call.requestHeaders).toEqual({ "x-tenant": "acme" });
    expect(call.request).toEqual(input);
    expect(home.saw().received).toBe(0);
    await call;
    expect(home.received[0]?.headers).toMatchObject({ "x-tenant": "acme" });
  });

  test("can be awaited as a whole, with the parts of the attempt that succeeded", async () => {
    const { home, second, rooms } = await wire().pair(sendJson);
    home.always(marked("home", faults.html(503)));
    second.always(marked("second"));
    const { headers, response, status, trailers } = await rooms.getRoom({ name: "lobby" });
    expect(headers).toMatchObject({ "x-mark": "second" });
    expect(response).toMatchObject({ name: "lobby", servedBy: "second" });
    expect(status).toEqual({ code: "OK", detail: "" });
    expect(trailers).toEqual({});
  });

  test("can be awaited part by part", async () => {
    const { home, second, rooms } = await wire().pair(sendJson);
    home.always(marked("home", faults.http(429)));
    second.always(marked("second"));
    const call = rooms.dialParticipant({ room: "lobby", phoneNumber: "1" });
    expect(await call.trailers).toEqual({});
    expect(await call.status).toEqual({ code: "OK", detail: "" });
    expect(await call.headers).toMatchObject({ "x-mark": "second" });
    expect((await call.response).servedBy).toBe("second");
  });

  test("has headers when it fails with an HTTP answer, and the same error in its other parts", async () => {
    const { home, rooms } = await wire().pair(sendJson);
    home.always(marked("home", faults.html(503)));
    const call = rooms.dialParticipant({ room: "lobby", phoneNumber: "1" });
    expect(await call.headers).toMatchObject({ "x-mark": "home" });
    const error = await errorOf(call.response);
    expect(error).toBeInstanceOf(RpcError);
    expect(await errorOf(call.status)).toBe(error);
    expect(await errorOf(call.trailers)).toBe(error);
    expect(await errorOf(call)).toBe(error);
  });

  test("has the headers that belong to the error when several attempts failed", async () => {
    const home = await wire().region("home");
    home.always(marked("home", faults.html(503)));
    const regions = [home, { id: "second", url: await refusedUrl() }];
    const { rooms } = wire().client(regions, { transport: { sendJson }, policy: { maxAttempts: 2 } });
    const call = rooms.getRoom({ name: "lobby" });
    expect(await errorOf(call.response)).toMatchObject({ message: expect.stringContaining("HTTP 503") });
    expect(await call.headers).toMatchObject({ "x-mark": "home" });
  });

  test("has no headers when it fails without an answer", async () => {
    const { home, rooms } = await wire().pair(sendJson);
    home.always(faults.resets);
    const call = rooms.dialParticipant({ room: "lobby", phoneNumber: "1" });
    expect(await errorOf(call.headers)).toBe(await errorOf(call.response));
  });

  // `useWire` fails a test with an unhandled rejection.
  test.each(["headers", "response", "status", "trailers"] as const)("may be read only for its %s", async (part) => {
    const { home, second, rooms } = await wire().pair(sendJson);
    home.always(faults.resets);
    second.always(faults.hangsUp);
    expect(await errorOf(rooms.getRoom({ name: "lobby" })[part])).toBeInstanceOf(RpcError);
  });

  test("succeeds again for the next call: a failure leaves nothing behind", async () => {
    const { home, client } = await wire().pair(sendJson);
    home.script(faults.resets, faults.html(503));
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await METHODS.read(client.rooms, newRequestId()));
    expect(answers).toEqual(["second", "second", "home", "home"]);
  });
});
