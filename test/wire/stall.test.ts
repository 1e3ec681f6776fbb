/** The event loop is blocked past the deadline of a call whose answer has come: a process of its own gives it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENTS, errorOf, newRequestId, useWire } from "../support/wire.js";

/** A Twirp server that answers any call after 100 ms, with a body that means "served by other" or nothing. */
const SERVER = `
  const answer = (req, res) => setTimeout(() => {
    const json = req.headers["content-type"] === "application/json";
    res.writeHead(200, { "content-type": req.headers["content-type"] });
    res.end(json ? '{"servedBy":"other","served_by":"other"}' : "");
  }, 100);
  const server = require("node:http").createServer((req, res) => req.resume().on("end", () => answer(req, res)));
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** Blocks between looking at the sockets and looking at the timers, so that the timers see first how late it is. */
async function block(ms: number): Promise<void> {
  await new Promise(setImmediate);
  blockHere(ms);
}

function blockHere(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe.each(CLIENTS)("a stall past the deadline, $name, $format", (kind) => {
  const wire = useWire();
  let server: ChildProcess;
  let url: string;
  beforeAll(async () => {
    server = spawn(process.execPath, ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(server.stdout as NonNullable<typeof server.stdout>, "data")) as [Buffer];
    url = `http://127.0.0.1:${Number(line.toString())}/twirp`;
  });
  afterAll(async () => {
    server.kill();
    await once(server, "exit");
  });

  test.each(["read", "mutation"] as const)("an answer to a %s that is in the socket is heard", async (method) => {
    const client = wire().connect(kind, [{ id: "other", url }], { policy: { timeoutMs: 700 } });
    await client[method](newRequestId()); // The connection is there.
    const call = client[method](newRequestId());
    // The request is out, the answer is not in yet.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await block(1_000);
    await call;
    expect(client.eventsOf("attempt")).toMatchObject([{ ok: true }, { ok: true }]);
    expect(client.eventsOf("attempt")[1]?.elapsedMs).toBeGreaterThan(1_000);
  });

  test("without an answer the call ends by its deadline, and nothing is sent after it", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    try {
      const second = await wire().region("second");
      const regions = [{ id: "silent", url: `http://127.0.0.1:${port}/twirp` }, second];
      const client = wire().connect(kind, regions, { policy: { timeoutMs: 700, perAttemptTimeoutMs: 600 } });
      const failed = errorOf(client.read(newRequestId()));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await block(1_000);
      expect(kind.factsOf(await failed).code).toBe("deadline_exceeded");
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(second.saw().received).toBe(0);
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  test("a request that had no connection at the deadline is not sent after it", async () => {
    const home = await wire().region("home");
    const client = wire().connect(kind, [home], { policy: { timeoutMs: 200 } });
    await new Promise(setImmediate);
    const failed = errorOf(client.mutation(newRequestId()));
    // Its connection is being made, and comes about during the stall.
    for (let i = 0; i < 100; i++) await null;
    blockHere(500);
    expect(kind.factsOf(await failed).code).toBe("deadline_exceeded");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(home.saw().received).toBe(0);
  });
});
