/**
 * What repeats a request by itself, below: a `fetch` with retries of its own, undici's `fetch` after a 421, an interceptor. A
 * method that may not run twice must not, and what the last of several requests came to says nothing about the first.
 */
import { type RpcInterceptor, UnaryCall } from "@protobuf-ts/runtime-rpc";
import fetchRetry from "fetch-retry";
import nodeFetch from "node-fetch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LIBRARIES } from "../support/clients.js";
import * as faults from "../support/faults.js";
import { type RegionServer, refusedUrl, startRegion } from "../support/region.js";
import { AnyClient, METHODS, TestClient } from "../support/test-clients.js";

let home: RegionServer;
let second: RegionServer;
let regions: { id: string; url: string }[];
beforeEach(async () => {
  home = await startRegion("home");
  second = await startRegion("second");
  regions = [home, second].map(({ id, url }) => ({ id, url }));
});
afterEach(async () => {
  await home.close();
  await second.close();
});

/** As a polyfill or a setup file puts it there. */
async function withFetch<T>(fetch: typeof globalThis.fetch, call: () => Promise<T>): Promise<T> {
  const real = globalThis.fetch;
  globalThis.fetch = fetch;
  try {
    return await call();
  } finally {
    globalThis.fetch = real;
  }
}

const foreign = nodeFetch as unknown as typeof globalThis.fetch;
const retrying = fetchRetry(foreign, { retries: 2, retryDelay: 5 });

describe.each(LIBRARIES)("$name", (library) => {
  const connect = (given: typeof regions) => new AnyClient({ ...library, format: "JSON" }, given, {});

  test("a fetch that retries by itself: what its last request came to proves nothing", async () => {
    // It runs, its answer is lost, and whoever comes after it is refused.
    home.always({ after: () => void home.close() });
    const client = connect(regions);
    await expect(withFetch(retrying, () => client.mutation("once"))).rejects.toThrow();
    expect(home.executed).toEqual(["once"]);
    expect(second.executed).toEqual([]);
    expect(client.eventsOf("attempt")[0]).toMatchObject({ execution: "unknown" });
  });

  test("a fetch that ignores the dispatcher: one warning says what that costs", async () => {
    const client = connect([{ id: "refused", url: await refusedUrl() }, ...regions]);
    for (const id of ["first", "second"]) {
      await expect(withFetch(foreign, () => client.mutation(id))).rejects.toThrow();
    }
    expect(client.eventsOf("warning").map(({ message }) => message)).toEqual([
      expect.stringMatching(/never came to the dispatcher.*proofOfSending: false/),
    ]);
  });

  test("undici's fetch does not send a mutation again after a 421", async () => {
    home.script(faults.ran(faults.http(421)));
    const client = connect(regions);
    await expect(client.mutation("once")).rejects.toThrow();
    expect(home.saw("once")).toEqual({ received: 1, executed: 1 });
    expect(second.executed).toEqual([]);
    expect(client.eventsOf("attempt")).toEqual([
      expect.objectContaining({ ok: false, httpStatus: 421, execution: "unknown" }),
    ]);
  });

  test("undici's fetch may send again after a 421 what may run twice", async () => {
    home.script(faults.http(421));
    const client = connect(regions);
    expect(await client.update("twice")).toBe("home");
    expect(home.saw("twice").received).toBe(2);
  });
});

test.each([307, 308])("a user who follows redirects: a mutation goes where a %i says", async (status) => {
  const location = `${second.url}/acme.rooms.v1.RoomService/DialParticipant`;
  home.script({ instead: ({ res }) => void res.writeHead(status, { location }).end() });
  // As JSON, because undici cannot send bytes a second time.
  const client = new TestClient(regions, { transport: { sendJson: true } });
  expect(await METHODS.mutation(client.rooms, "moved", { fetchInit: { redirect: "follow" } })).toBe("second");
  expect(client.attemptsIn("home")).toBe(1);
});

/** Gets itself another token after a 401, and sends the request again: no handler runs without one. */
const authorizing: RpcInterceptor = {
  interceptUnary(next, method, input, options) {
    const call = next(method, input, options);
    const again = call.response.then(
      () => call,
      () => next(method, input, { ...options, meta: { ...options.meta, authorization: "renewed" } }),
    );
    const part = <K extends "headers" | "response" | "status" | "trailers">(name: K) => {
      call[name].catch(() => {});
      const promise = again.then((made) => made[name]);
      promise.catch(() => {});
      return promise as UnaryCall[K];
    };
    return new UnaryCall(method, {}, input, part("headers"), part("response"), part("status"), part("trailers"));
  },
};

test("an interceptor below may send a mutation again with another token after a 401", async () => {
  home.script(faults.json(401, { code: "unauthenticated", msg: "expired" }));
  const client = new TestClient(regions, { below: [authorizing] });
  expect(await METHODS.mutation(client.rooms, "authorized")).toBe("home");
  expect(home.saw("authorized")).toEqual({ received: 2, executed: 1 });
});

test("an interceptor below may not send a mutation again after an answer that a handler may have given", async () => {
  home.script(faults.ran(faults.html(503)));
  const client = new TestClient(regions, { below: [authorizing] });
  await expect(METHODS.mutation(client.rooms, "once")).rejects.toThrow();
  expect(home.saw("once")).toEqual({ received: 1, executed: 1 });
  expect(second.executed).toEqual([]);
});
