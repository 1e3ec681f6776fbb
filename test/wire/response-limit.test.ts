/** What protobuf-ts's transport reads without a limit, it must not: a compressed answer may be a thousand times as long. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { describe, expect, test } from "vitest";
import { Room } from "../../proto/gen/rooms.js";
import * as faults from "../support/faults.js";
import type { Report } from "../support/limited-process.js";
import type { Fault } from "../support/region.js";
import { errorOf, FORMATS, METHODS, newRequestId, outcomesOf, useWire } from "../support/wire.js";

const PROGRAM = fileURLToPath(new URL("../support/limited-process.ts", import.meta.url));
const MIB = 1_048_576;

const sized = (body: Uint8Array, encoding: string, status = 200): Fault => ({
  instead: ({ req, res }) => {
    const type = { "content-type": req.headers["content-type"], "content-encoding": encoding };
    res.writeHead(status, type).end(body);
  },
});

/** A message of so many bytes, in the format of the request. */
const messageOf = (length: number, sendJson: boolean): Buffer => {
  const room = Room.create({ name: "lobby", metadata: "x".repeat(length), servedBy: "home" });
  return Buffer.from(sendJson ? Room.toJsonString(room) : Room.toBinary(room));
};

describe.each(FORMATS)("an answer that is too long, protobuf-ts, $format", ({ sendJson }) => {
  const wire = useWire();
  const limited = { interceptor: { maxResponseBytes: 200_000 } };
  const long = messageOf(2_000_000, sendJson);

  test.each([
    ["as it is", sized(long, "identity")],
    ["gzip", sized(gzipSync(long), "gzip")],
    ["x-gzip", sized(gzipSync(long), "x-gzip")],
    ["deflate", sized(deflateSync(long), "deflate")],
    ["deflate without its header", sized(deflateRawSync(long), "deflate")],
    ["brotli", sized(brotliCompressSync(long), "br")],
    ["gzip in gzip", sized(gzipSync(gzipSync(long)), "gzip, gzip")],
    ["without an end", faults.endless(200, false)],
    ["gzip without an end", faults.endless(200, true)],
  ])("%s: the call fails with dataloss, and says why", async (_, fault) => {
    const { home, second, client } = await wire().pair(sendJson, limited);
    home.always(fault);
    const error = await errorOf(METHODS.mutation(client.rooms, newRequestId()));
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({
      code: "dataloss",
      message: "the answer is longer than 200000 bytes (maxResponseBytes)",
      methodName: "DialParticipant",
    });
    expect(outcomesOf(error)).toMatchObject([{ code: "dataloss", origin: "transport", execution: "unknown" }]);
    expect(second.saw().received).toBe(0);
  });

  test.each([
    ["502", 502, { code: "unavailable", origin: "intermediary", execution: "unknown", httpStatus: 502 }],
    ["429", 429, { code: "resource_exhausted", origin: "intermediary", httpStatus: 429 }],
  ])("a %s without an end is judged by its status", async (_, status, outcome) => {
    const { home, client } = await wire().pair(sendJson, { ...limited, policy: { replay: false } });
    home.always(faults.endless(status, false));
    const error = await errorOf(METHODS.mutation(client.rooms, newRequestId()));
    expect(error).toMatchObject({ code: "internal", message: expect.stringContaining(`HTTP ${status}`) });
    expect(outcomesOf(error)).toMatchObject([outcome]);
  });

  test.each(["identity", "gzip", "deflate", "br"])("one that is just short enough is read, %s", async (encoding) => {
    const body = messageOf(199_000, sendJson);
    const zip = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[encoding] ?? ((all: Buffer) => all);
    const { home, client } = await wire().pair(sendJson, limited);
    home.always(sized(zip(body), encoding));
    const room = await client.rooms.getRoom({ name: "lobby" }).response;
    expect([room.metadata.length, room.servedBy]).toEqual([199_000, "home"]);
  });

  test("the limit is 64 MiB unless it is given", async () => {
    const { home, client } = await wire().pair(sendJson, { policy: { replay: false } });
    home.always(sized(gzipSync(messageOf(63 * MIB, sendJson)), "gzip"));
    expect((await client.rooms.getRoom({ name: "lobby" }).response).metadata).toHaveLength(63 * MIB);
    home.always(sized(gzipSync(messageOf(64 * MIB, sendJson)), "gzip"));
    expect(await errorOf(client.rooms.getRoom({ name: "lobby" }).response)).toMatchObject({
      message: "the answer is longer than 67108864 bytes (maxResponseBytes)",
    });
  });
});

const BLANKS = Buffer.alloc(300 * MIB, " ");
const BOMBS = {
  gzip: gzipSync(BLANKS, { level: 1 }),
  br: brotliCompressSync(BLANKS, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
} as const;

describe.each(FORMATS)("a bomb, protobuf-ts, $format", ({ format }) => {
  const wire = useWire();

  test.each(Object.entries(BOMBS))("of %s does not take the memory that it wants", async (encoding, body) => {
    const home = await wire().region("home");
    home.script({}, sized(body, encoding));
    const run = promisify(execFile)(process.execPath, ["--import", "tsx", PROGRAM, home.url, format]);
    const { error, outcome, peakBytes } = JSON.parse((await run).stdout) as Report;
    expect(error).toEqual({ code: "dataloss", message: "the answer is longer than 67108864 bytes (maxResponseBytes)" });
    expect(outcome).toMatchObject({ code: "dataloss", origin: "transport", execution: "unknown", httpStatus: 200 });
    // Of 64 MiB in pieces, and of what comes while the count goes on. Without a limit it is more than twice as much.
    expect(peakBytes / MIB).toBeLessThan(300);
  });
});

test.each([0, -1, 1.5, "64", null])("maxResponseBytes %j is refused", (maxResponseBytes) => {
  const failover = { run() {} } as never;
  const make = () => failoverInterceptor(failover, { maxResponseBytes: maxResponseBytes as number });
  expect(make).toThrow("maxResponseBytes must be a whole number of at least 1");
});
