/** Loads every entry by `require`, makes a call with a client that twirp-ts generated, and prints what it found. */
const { createServer } = require("node:http");
const { createFailover } = require("twirp-failover");
const { failoverRpc } = require("twirp-failover/twirp-ts");
const { RoomServiceClientJSON } = require("./gen/rooms.twirp.js");

const ENTRIES = ["", "/adapter", "/livekit", "/protobuf-ts", "/srv", "/twirp-ts"];

async function main() {
  const names = ENTRIES.map((entry) => `twirp-failover${entry}`);
  const same = await Promise.all(names.map(async (name) => require(name) === (await import(name))));

  const [dead, alive] = [await listen(), await listen()];
  await close(dead.server);
  const failover = createFailover({ regions: [dead.url, alive.url] });
  const room = await new RoomServiceClientJSON(failoverRpc(failover)).GetRoom({ name: "lobby" });
  await close(alive.server);
  console.log(JSON.stringify({ same, room: room.name }));
}

async function listen() {
  const server = createServer((_, res) => {
    res.writeHead(200, { "content-type": "application/json" }).end('{ "name": "lobby" }');
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}/twirp` };
}

function close(server) {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}

main();
