/** A key of the policy table that was probably meant for a method that is called, with clients of each library. */

import { RoomServiceClient, SipClient } from "livekit-server-sdk";
import { createFailover } from "twirp-failover";
import { attachFailover, livekitFailover } from "twirp-failover/livekit";
import { describe, expect, test } from "vitest";
import { protobufTs } from "../support/client-protobuf-ts.js";
import { CALLS, KEY, SECRET, sdkClients, startLivekit } from "../support/livekit.js";
import { CLIENTS, newRequestId, useWire } from "../support/wire.js";

const SERVICE = "acme.rooms.v1.RoomService";

describe.each(CLIENTS)("a misspelt key, $name, $format", (kind) => {
  const wire = useWire();

  test("of a method is a warning", async () => {
    const policies = { [`${SERVICE}/getRoom`]: { idempotent: false } };
    const { client } = await wire().pair(kind, { policies });
    await client.read(newRequestId());
    await client.read(newRequestId());
    await client.mutation(newRequestId());
    expect(client.eventsOf("warning")).toHaveLength(1);
    const { message } = client.eventsOf("warning")[0] ?? {};
    expect(message).toContain(`policies["${SERVICE}/getRoom"]`);
    expect(message).toContain(`did you mean "${SERVICE}/GetRoom"?`);
  });

  test("of a service is a warning", async () => {
    const { client } = await wire().pair(kind, { policies: { "RoomService/GetRoom": { idempotent: false } } });
    await client.read(newRequestId());
    await client.mutation(newRequestId());
    expect(client.eventsOf("warning").map(({ message }) => message)).toEqual([
      expect.stringContaining(`did you mean "${SERVICE}"?`),
    ]);
  });

  test("is none where every key names a method", async () => {
    const methods = ["GetRoom", "ListRooms", "UpdateRoomMetadata", "DialParticipant", "StartRecording", "*"];
    const policies = Object.fromEntries(methods.map((name) => [`${SERVICE}/${name}`, {}]));
    const { client } = await wire().pair(kind, { policies });
    await client.read(newRequestId());
    await client.update(newRequestId());
    await client.mutation(newRequestId());
    expect(client.eventsOf("warning")).toEqual([]);
  });
});

test("protobuf-ts's clients know all methods of their service, so the first call tells of all keys", async () => {
  const failover = createFailover({
    regions: ["http://127.0.0.1:1/twirp"],
    policies: { [`${SERVICE}/dialParticipant`]: {}, [`${SERVICE}/ListRoom`]: {} },
  });
  const warnings: string[] = [];
  failover.on("warning", ({ message }) => warnings.push(message));
  const { call } = protobufTs.connect(failover, "binary");
  await expect(call("GetRoom", { name: "lobby", requestId: "" }, { failover: false })).rejects.toThrow();
  expect(warnings.filter((message) => message.startsWith("policies"))).toEqual([
    expect.stringContaining(`did you mean "${SERVICE}/DialParticipant"?`),
    expect.stringContaining(`did you mean "${SERVICE}/ListRooms"?`),
  ]);
});

describe("a misspelt key, livekit-server-sdk", () => {
  test.each([
    ["livekit.SIP/CreateSipParticipant", "livekit.SIP/CreateSIPParticipant"],
    ["livekit.SIP/ListSIPTrunks", "livekit.SIP/ListSIPTrunk"],
    ["livekit.Sip/*", "livekit.SIP"],
  ])("%s is a warning", async (key, meant) => {
    const home = await startLivekit("home");
    try {
      const failover = livekitFailover({ url: home.origin, token: "ey", policies: { [key]: { maxAttempts: 1 } } });
      const warnings: string[] = [];
      failover.on("warning", ({ message }) => warnings.push(message));
      await attachFailover(new RoomServiceClient(home.origin, KEY, SECRET), failover).listRooms();
      expect(warnings.filter((message) => message.startsWith("policies"))).toEqual([]);
      const sip = attachFailover(new SipClient(home.origin, KEY, SECRET), failover);
      await sip.listSipInboundTrunk();
      await sip.listSipOutboundTrunk();
      expect(warnings).toEqual([expect.stringContaining(`did you mean "${meant}"?`)]);
    } finally {
      await home.close();
    }
  });

  test("all of its own keys are right", async () => {
    const home = await startLivekit("home");
    try {
      const failover = livekitFailover({ url: home.origin, token: "ey" });
      const warnings: string[] = [];
      failover.on("warning", ({ message }) => warnings.push(message));
      const clients = sdkClients(home.origin);
      attachFailover(clients, failover);
      for (const { call } of CALLS) await call(clients);
      expect(warnings.filter((message) => message.startsWith("policies"))).toEqual([]);
    } finally {
      await home.close();
    }
  });
});
