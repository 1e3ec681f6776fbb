/** A process that starts in the middle of an outage knows only what an earlier process has stored. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Keyv from "keyv";
import { RegionCache, type RegionStore } from "twirp-failover";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENTS } from "../support/clients.js";
import { entryOf, listOf, serveList } from "../support/discovery.js";
import { type AnyClient, METHODS, type MethodKind, newRequestId, useWire } from "../support/wire.js";

const KINDS = Object.keys(METHODS) as MethodKind[];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "regions-"));
});
afterAll(() => rm(folder, { recursive: true }));

const inMap = (): RegionStore => {
  const kept = new Map<string, string>();
  return { get: (key) => kept.get(key), set: (key, value) => kept.set(key, value) };
};
let files = 0;
const inFile = (): RegionStore => {
  const path = join(folder, `regions-${++files}.json`);
  return {
    get: () => readFile(path, "utf8").catch(() => undefined),
    set: (_, value) => writeFile(path, value),
  };
};

const STORES: [string, () => RegionStore][] = [
  ["Keyv", () => new Keyv()],
  ["Keyv over a Map", () => new Keyv({ store: new Map(), namespace: "regions" })],
  ["a Map", inMap],
  ["a file", inFile],
];

describe.each(CLIENTS)("a store, $name, $format", (library) => {
  const wire = useWire();

  /** An earlier process learns of home and a second region. Then home goes down. */
  async function afterwards(store: RegionStore) {
    const [home, second] = [await wire().region("home"), await wire().region("second")];
    serveList(home, listOf(entryOf(home), entryOf(second, 40)));
    const first = wire().discovering(library, { home: home.url }, { cache: new RegionCache({ store }) });
    await first.failover.ready();
    expect(await first.mutation(newRequestId())).toBe("home");
    await home.close();
    // It stands for another process, so it shares only the store.
    const next = () => wire().discovering(library, { home: home.url }, { cache: new RegionCache({ store }) });
    return { home, second, next };
  }

  /** The failed request for the list in the background: home is down, and the second region has no list. */
  const asked = ({ failover }: AnyClient) => new Promise((resolve) => failover.on("discovery_failed", resolve));

  test.each(STORES)("(%s) lets the first call of a new process succeed while home refuses", async (_, storeOf) => {
    const { second, next } = await afterwards(storeOf());
    for (const kind of KINDS) {
      for (let i = 0; i < 5; i++) {
        const client = next();
        const discovery = asked(client);
        const id = newRequestId();
        expect(await client[kind](id)).toBe("second");
        expect(second.saw(id)).toEqual({ received: 1, executed: 1 });
        expect(client.eventsOf("warning")).toEqual([]);
        await discovery;
      }
    }
  });

  test("lets 60 first calls of all kinds at once succeed", async () => {
    const { second, next } = await afterwards(inMap());
    const client = next();
    const discovery = asked(client);
    const calls = Array.from({ length: 60 }, (_, i) => client[KINDS[i % 3] as MethodKind](newRequestId()));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["second"]));
    expect(second.saw()).toEqual({ received: 60, executed: 60 });
    await discovery;
  });

  test("is needed: without one the same call has nowhere to go", async () => {
    const { home } = await afterwards(inMap());
    const client = wire().discovering(library, { home: home.url });
    await expect(client.mutation(newRequestId())).rejects.toThrow("fetch failed");
    await client.failover.ready();
  });

  test("lets its regions be asked for a newer list in place of home", async () => {
    const { second, next } = await afterwards(inMap());
    const third = await wire().region("third");
    const list = serveList(second, listOf(entryOf(second, 40), entryOf(third, 50)));
    const client = next();
    const changed = new Promise<void>((resolve) =>
      client.failover.on("regions_changed", ({ regions }) => {
        if (regions.includes("third")) resolve();
      }),
    );
    expect(await client.mutation(newRequestId())).toBe("second");
    await changed;
    expect(list.requests).toHaveLength(1);
    expect(
      client.failover
        .regions()
        .map(({ id }) => id)
        .slice(1),
    ).toEqual(["second", "third"]);
    expect(client.eventsOf("discovery_failed")).toEqual([]);
  });
});

test("Keyv keeps the list for a week", async () => {
  const keyv = new Keyv();
  const ttls: unknown[] = [];
  const set = keyv.set.bind(keyv);
  const store = {
    get: (key: string) => keyv.get(key),
    set: (key: string, value: string, ttlMs: number) => {
      ttls.push(ttlMs);
      return set(key, value, ttlMs);
    },
  };
  const cache = new RegionCache({ store });
  const source = {
    key: "k",
    known: [],
    restore: () => [{ id: "a", url: "https://a.example.com" }] as const,
    load: async () => ({ regions: [{ id: "a", url: "https://a.example.com" }] as const, ttlMs: 0, answer: "x" }),
  };
  await cache.load(source, () => {});
  expect(ttls).toEqual([604_800_000]);
  expect(await keyv.get("twirp-failover:k")).toBe("x");
});
