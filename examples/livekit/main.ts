/**
 * `npm run example:livekit`: clients of livekit-server-sdk and a LiveKit project in three regions, of which the first
 * loses answers and then dies. Exits with 0 only if its claims held, according to the project's own record.
 */
import {
  AccessToken,
  EgressClient,
  EncodedFileOutput,
  LiveKitAPI,
  RoomServiceClient,
  ServerError,
  SipClient,
} from "livekit-server-sdk";
import { describe, failoverTrace } from "twirp-failover";
import { attachFailover, livekitFailover } from "twirp-failover/livekit";
import { Terminal } from "../demo/terminal.js";
import { API_KEY, API_SECRET, Project } from "./project.js";
import { Region } from "./region.js";

const terminal = new Terminal();
const project = new Project();
const regions: readonly Region[] = [
  new Region("us-east", 0, project, () => regions),
  new Region("eu-west", 5_600_000, project, () => regions),
  new Region("ap-south", 12_900_000, project, () => regions),
];
const [home] = regions as [Region];

// ── The code of an application ─────────────────────────────────────────────────────────────────────────────────────

for (const region of regions) await region.start();

const failover = livekitFailover({
  url: home.url,
  token: () => new AccessToken(API_KEY, API_SECRET).toJwt(),
});
for (const type of ["failover", "replay_refused", "region_ejected"] as const) {
  failover.on(type, (event) => terminal.line(`      ${describe(event)}`, "dim", 8));
}
const rooms = attachFailover(new RoomServiceClient(home.url, API_KEY, API_SECRET), failover);
const sip = attachFailover(new SipClient(home.url, API_KEY, API_SECRET), failover);
const egress = attachFailover(new EgressClient(home.url, API_KEY, API_SECRET), failover);
await failover.ready();

// ── What happens ───────────────────────────────────────────────────────────────────────────────────────────────────

const dial = (number: string, with_ = sip) => with_.createSipParticipant("ST_trunk", number, "lobby");
const record = () => egress.startRoomCompositeEgress("lobby", new EncodedFileOutput({ filepath: "lobby.mp4" }));
const list = async () => (await rooms.listRooms()).map(({ name }) => name).join(", ");

chapter("A LiveKit project in three regions, from /settings/regions");
for (const { id, url, home } of failover.regions()) {
  terminal.line(`    ${id.padEnd(10)} ${url}${home ? "   home" : ""}`);
}

chapter("All regions are up");
await show('rooms.createRoom({ name: "lobby" })', () => rooms.createRoom({ name: "lobby" }));
await show("egress.startRoomCompositeEgress", record);
await show('sip.createSipParticipant(…, "+1 555 0101")', () => dial("+1 555 0101"));
await show("rooms.listRooms()", list);

chapter("us-east runs each request, but answers 500");
home.loseAnswers(true);
await show("rooms.listRooms()", list);
await show('rooms.updateRoomMetadata("lobby", "open")', () => rooms.updateRoomMetadata("lobby", "open"));
const uncertain = await show('sip.createSipParticipant(…, "+1 555 0102")', () => dial("+1 555 0102"));

chapter("The same call with the SDK's own retry loop for LiveKit Cloud");
const stock = new LiveKitAPI({ host: home.url, apiKey: API_KEY, secret: API_SECRET }).sip;
// The switch of the SDK's own tests turns the loop on, because this host is not in LiveKit Cloud.
Object.assign((stock as unknown as { rpc: object }).rpc, { failoverForce: true });
const warn = console.warn;
console.warn = (text: string) => terminal.line(`      ${text}`, "dim", 8);
await show('sip.createSipParticipant(…, "+1 555 0199")', () => dial("+1 555 0199", stock));
console.warn = warn;

chapter("us-east is killed");
home.loseAnswers(false);
await home.kill();
await show("rooms.listRooms()", list);
await show('rooms.createRoom({ name: "annex" })', () => rooms.createRoom({ name: "annex" }));
await show('sip.createSipParticipant(…, "+1 555 0103")', () => dial("+1 555 0103"));
await show("egress.startRoomCompositeEgress", record);
await show("rooms.listRooms()", list);

// ── The result ─────────────────────────────────────────────────────────────────────────────────────────────────────

const rung = (number: string) => project.rung.filter((one) => one === number).length;
chapter("The project's own record");
const held = [
  claim(`+1 555 0101 rang ${times(rung("+1 555 0101"))}`, rung("+1 555 0101") === 1),
  claim(
    `+1 555 0102 rang ${times(rung("+1 555 0102"))}, and the caller got an error that says it may have`,
    rung("+1 555 0102") === 1 &&
      uncertain instanceof ServerError &&
      failoverTrace(uncertain)?.refused === "not_idempotent",
  ),
  claim(`+1 555 0103 rang ${times(rung("+1 555 0103"))}, although us-east was dead`, rung("+1 555 0103") === 1),
  claim(`two recordings were requested, ${project.recordings.length} are running`, project.recordings.length === 2),
  claim('the room is "open"', project.rooms.get("lobby")?.metadata === "open"),
  claim(`the rooms are ${[...project.rooms.keys()].join(" and ")}`, project.rooms.size === 2),
];
terminal.line(`    +1 555 0199 rang ${times(rung("+1 555 0199"))}: that was the SDK's own loop`, "yellow");
terminal.line();

for (const region of regions.slice(1)) await region.kill();
process.exitCode = held.every(Boolean) ? 0 : 1;

function chapter(title: string): void {
  terminal.line();
  terminal.line(`  ${title}`, "bold");
}

/** Makes a call and prints how it ended. Resolves with the error if there was one. */
async function show(what: string, call: () => Promise<unknown>): Promise<unknown> {
  const startedAt = performance.now();
  const took = () => `${Math.round(performance.now() - startedAt)} ms`;
  try {
    const result = await call();
    const said = typeof result === "string" ? `, ${result}` : "";
    terminal.line(`    ✓ ${what}  (${took()}${said})`, "green", 6);
    return undefined;
  } catch (error) {
    const { status, code } = error as Partial<ServerError>;
    terminal.line(`    ✗ ${what}  (${took()}): ${status} ${code}, ${(error as Error).message}`, "red", 6);
    return error;
  }
}

function claim(text: string, holds: boolean): boolean {
  terminal.line(holds ? `    ✓ ${text}` : `    ✗ NOT SO: ${text}`, holds ? "green" : "red", 6);
  return holds;
}

function times(n: number): string {
  return n === 1 ? "once" : n === 2 ? "twice" : `${n} times`;
}
