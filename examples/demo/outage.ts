/** The ten seconds of the demo: constant traffic, while the home region dies and comes back. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import type { EventLog } from "./event-log.js";
import type { RegionProcess } from "./fleet.js";
import type { Outage } from "./results.js";
import type { Stopwatch } from "./stopwatch.js";
import type { Traffic } from "./traffic.js";

export const KILL_AT_MS = 2_000;
export const RESTART_AT_MS = 6_000;
export const DURATION_MS = 10_000;

/** Resolves when the last call is over. */
export async function runOutage(
  home: RegionProcess,
  client: RoomServiceClient,
  traffic: Traffic,
  log: EventLog,
  stopwatch: Stopwatch,
): Promise<Outage> {
  stopwatch.restart();
  log.start();
  log.marker("calls begin, all regions are up");
  const over = traffic.run(client, DURATION_MS);

  await sleep(KILL_AT_MS - stopwatch.ms());
  const { pid } = home;
  const killedMs = stopwatch.ms();
  const killed = home.kill();
  log.marker(`${home.id} killed (SIGKILL, pid ${pid})`);
  await killed;

  await sleep(RESTART_AT_MS - stopwatch.ms());
  await home.start();
  const backMs = stopwatch.ms();
  log.marker(`${home.id} back on the same port (pid ${home.pid})`);

  await over;
  log.stop();
  return { killedMs, backMs };
}
