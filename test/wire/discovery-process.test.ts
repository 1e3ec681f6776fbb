/** A process ends when its own work is done: neither our timers nor a request for a list keep it alive. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { entryOf, listOf, serveList } from "../support/discovery.js";
import { refusedUrl } from "../support/region.js";
import { useWire } from "../support/wire.js";

const PROGRAM = fileURLToPath(new URL("../support/discovering-process.ts", import.meta.url));
const GIVEN_UP_MS = 2_000;
/** The time that a busy machine takes to end a process that has nothing left to do. */
const SLACK_MS = 900;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  /** From the end of its work to the end of the process. */
  readonly lingeredMs: number;
}

function run(work: string, home: string): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, work, home], { timeout: 15_000 });
  let output = "";
  let doneAt = Number.NaN;
  child.stdout.on("data", (text) => {
    output += text;
    doneAt = performance.now();
  });
  child.stderr.on("data", (text) => {
    output += text;
  });
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, output, lingeredMs: performance.now() - doneAt }));
  });
}

describe("a process", () => {
  const wire = useWire();

  test("that made one call and has its list ends at once", async () => {
    const home = await wire().region("home");
    const list = serveList(home, listOf(entryOf(home)));
    const { code, output, lingeredMs } = await run("call", home.url);
    expect([code, output]).toEqual([0, "done\n"]);
    expect(list.requests.length).toBeLessThanOrEqual(1);
    expect(lingeredMs).toBeLessThan(SLACK_MS);
  });

  test("that made no call ends at once, without a request for the list", async () => {
    const home = await wire().region("home");
    const list = serveList(home, listOf(entryOf(home)));
    const { code, output, lingeredMs } = await run("none", home.url);
    expect([code, output]).toEqual([0, "done\n"]);
    expect(list.requests).toHaveLength(0);
    expect(lingeredMs).toBeLessThan(SLACK_MS);
  });

  test("that waited for its list ends at once afterwards", async () => {
    const home = await wire().region("home");
    serveList(home, listOf(entryOf(home)));
    const { code, output, lingeredMs } = await run("ready", home.url);
    expect([code, output]).toEqual([0, "done\n"]);
    expect(lingeredMs).toBeLessThan(SLACK_MS);
  });

  test("whose request for the list hangs stays alive only for that request, at most two seconds", async () => {
    const home = await wire().region("home");
    const list = serveList(home, () => {});
    const { code, output, lingeredMs } = await run("call", home.url);
    expect([code, output]).toEqual([0, "done\n"]);
    expect(list.requests).toHaveLength(1);
    expect(lingeredMs).toBeLessThan(GIVEN_UP_MS + SLACK_MS);
  });

  test("whose store hangs ends at once", async () => {
    const { code, output, lingeredMs } = await run("call, hanging store", await refusedUrl());
    expect([code, output]).toEqual([0, "done\n"]);
    expect(lingeredMs).toBeLessThan(SLACK_MS);
  });

  test("whose source hangs, without a connection, ends at once", async () => {
    const { code, output, lingeredMs } = await run("call, hanging source", await refusedUrl());
    expect([code, output]).toEqual([0, "done\n"]);
    expect(lingeredMs).toBeLessThan(SLACK_MS);
  });

  // Otherwise, if nothing else keeps the process alive, Node would end it during the wait with code 13.
  test("that waits for ready() while its store hangs goes on afterwards", async () => {
    const { code, output } = await run("ready, hanging store", await refusedUrl());
    expect([code, output]).toEqual([0, "done\n"]);
  });
});
