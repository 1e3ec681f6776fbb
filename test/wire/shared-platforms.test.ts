/** Regions on hosting platforms, where anybody can have the name next door: who has it must not receive a thing. */
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serveList } from "../support/discovery.js";
import * as faults from "../support/faults.js";
import { NamedHosts } from "../support/named-hosts.js";
import { errorOf, METHODS, newRequestId, useWire } from "../support/wire.js";

const TOKEN = "Bearer s3cret";

describe("a list that names the host next door", () => {
  const wire = useWire();
  let network: NamedHosts;
  beforeEach(async () => {
    network = new NamedHosts();
    await network.start();
  });
  afterEach(() => network.stop());

  /** Home's list names `neighbour`, which belongs to nobody of the test, and home answers nothing that counts. */
  async function call(home: string, neighbour: string, allowedHosts?: string[]) {
    const server = await wire().region("home");
    network.name(home, server.url);
    const list = JSON.stringify({ regions: [{ region: "next-door", url: `https://${neighbour}`, distance: "1" }] });
    serveList(server, ({ res }) => void res.writeHead(200, { connection: "close" }).end(list));
    server.always(faults.http(429));
    const source = { home: `https://${home}/twirp`, headers: { authorization: TOKEN }, allowedHosts };
    const client = wire().discovering(false, source, { policy: { maxAttempts: 5, sameRegion: false } });
    await client.failover.ready();
    await errorOf(METHODS.mutation(client.rooms, newRequestId(), { meta: { authorization: TOKEN } }));
    expect(server.saw().received).toBe(1);
    return client.eventsOf("warning").map(({ message }) => message);
  }

  test.each([
    ["my-svc-abc.us-central1.run.app", "evil.us-central1.run.app"],
    ["a1b2c3.execute-api.us-east-1.amazonaws.com", "evil.execute-api.us-east-1.amazonaws.com"],
    ["abc.lambda-url.eu-west-1.on.aws", "evil.lambda-url.eu-west-1.on.aws"],
    ["rooms.uc.r.appspot.com", "evil.uc.r.appspot.com"],
    ["rooms-abc.ondigitalocean.app", "evil.ondigitalocean.app"],
    ["rooms.eu.ngrok.io", "evil.eu.ngrok.io"],
    ["example.tokyo.jp", "evil.tokyo.jp"],
  ])("of %s sends no token to %s", async (home, neighbour) => {
    const warnings = await call(home, neighbour);
    expect(network.strangers).toEqual([]);
    expect([...network.dialled]).toEqual([home]);
    expect(warnings).toEqual([
      `discovery: a region was left out: "next-door" is at "${neighbour}", which is not in allowedHosts (${home})`,
    ]);
  });

  test("sends it there if the user says so: these tests can fail", async () => {
    expect(await call("rooms.eu.ngrok.io", "mine.eu.ngrok.io", ["eu.ngrok.io"])).toEqual([]);
    expect(network.strangers.join()).toContain(TOKEN);
  });
});

test("the names of the platforms are in no bundle that does not ask for them: they are a chunk of their own", async () => {
  const { outputs } = (
    await build({
      entryPoints: [new URL("../../src/index.ts", import.meta.url).pathname],
      bundle: true,
      splitting: true,
      format: "esm",
      outdir: "out",
      write: false,
      metafile: true,
    })
  ).metafile;
  const withNames = Object.values(outputs).filter(({ inputs }) =>
    Object.keys(inputs).some((path) => path.endsWith("suffix-data.ts")),
  );
  expect(withNames.map(({ entryPoint }) => entryPoint)).toEqual(["src/regions/discovery/home-domain.ts"]);
  const entry = Object.values(outputs).find(({ entryPoint }) => entryPoint === "src/index.ts");
  const imported = entry?.imports.filter(({ path }) => path.includes("home-domain"));
  expect(imported).toMatchObject([{ kind: "dynamic-import" }]);
});
