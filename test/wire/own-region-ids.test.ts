/** What the user calls a region is its name in events and in the status, from the first call on. */
import { describe, expect, test } from "vitest";
import { entryOf, listOf, serveList } from "../support/discovery.js";
import { failoverTo, useLivekit } from "../support/livekit.js";
import { CLIENTS, newRequestId, useWire } from "../support/wire.js";

describe.each(CLIENTS)("regions that the user named, $name, $format", (kind) => {
  const wire = useWire();

  test("have one name before and after the list comes in, and metrics by it are whole", async () => {
    const [home, second] = [await wire().region("us-east"), await wire().region("eu-west")];
    const list = serveList(home, listOf(entryOf(home), entryOf(second, 40)), true);
    const client = wire().discovering(kind, {
      home: { id: "virginia", url: home.url },
      fallback: [{ id: "dublin", url: second.url }],
    });
    await client.read(newRequestId());
    await list.asked;
    list.release();
    await client.failover.ready();
    await client.read(newRequestId());
    await home.close();
    await client.read(newRequestId());

    expect(client.eventsOf("attempt").map(({ region, ok }) => [region, ok])).toEqual([
      ["virginia", true],
      ["virginia", true],
      ["virginia", false],
      ["dublin", true],
    ]);
    expect(client.failover.regions()).toMatchObject([
      { id: "virginia", url: home.url, home: true },
      { id: "dublin", url: second.url, home: false },
    ]);
    expect(client.eventsOf("regions_changed")).toEqual([]);
  });
});

describe("regions of LiveKit that the user named", () => {
  const livekit = useLivekit();

  test("keep their names", async () => {
    const [home, second] = [await livekit().region("us-east"), await livekit().region("eu-west")];
    home.list({ region: home.id, url: home.origin }, { region: second.id, url: second.origin, distance: "9" });
    const fallback = [{ id: "dublin", url: `${second.origin}/twirp` }];
    const failover = failoverTo(home, { homeId: "virginia", fallback });
    const ids = () => failover.regions().map(({ id }) => id);
    expect(ids()).toEqual(["virginia", "dublin"]);
    await failover.ready();
    expect(home.asked).toHaveLength(1);
    expect(ids()).toEqual(["virginia", "dublin"]);
  });

  test.each(["", 7, null])("a name that is %j is refused", async (homeId) => {
    const home = await livekit().region("home");
    expect(() => failoverTo(home, { homeId: homeId as string })).toThrow(
      "livekitFailover.homeId must be a non-empty string",
    );
  });
});
