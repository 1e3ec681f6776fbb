/** A proxy's retries: a client without failover behind an nginx that goes on to the next region. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { findProgram, freePort, Program } from "../../test/proxy/program.js";
import { ATTEMPT_TIMEOUT_MS, CALL_TIMEOUT_MS, type Client, REQUESTS } from "./client.js";

export const NGINX = findProgram("nginx");

/**
 * Replays every POST that failed, `non_idempotent` ones included, because to nginx every Twirp call is one. It runs in the
 * client's own network, so the regions' outage does not take it away.
 */
export async function behindNginx(origins: readonly string[]): Promise<Client> {
  if (NGINX === undefined) throw new Error("nginx is not installed");
  const directory = mkdtempSync(join(tmpdir(), "outage-nginx-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const port = await freePort();
  const config = join(directory, "nginx.conf");
  writeFileSync(config, configOf(origins, port, directory));
  await Program.start(NGINX, ["-p", directory, "-c", config], [port]);
  const rooms = new RoomServiceClient(new TwirpFetchTransport({ baseUrl: `http://127.0.0.1:${port}/twirp` }));
  const abort = () => AbortSignal.timeout(CALL_TIMEOUT_MS);
  const calls = {
    GetRoom: () => rooms.getRoom(REQUESTS.GetRoom, { abort: abort() }).response,
    ListRooms: () => rooms.listRooms(REQUESTS.ListRooms, { abort: abort() }).response,
    DialParticipant: () => rooms.dialParticipant(REQUESTS.DialParticipant, { abort: abort() }).response,
  };
  return { call: async (method) => calls[method]() };
}

function configOf(origins: readonly string[], port: number, directory: string): string {
  const servers = origins.map((origin, i) => `server ${new URL(origin).host}${i === 0 ? "" : " backup"};`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((x) => `${x}_temp_path ${directory}/${x};`);
  return `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  ${paths.join("\n  ")}
  upstream regions { ${servers.join(" ")} keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://regions;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout 1s;
      proxy_read_timeout ${ATTEMPT_TIMEOUT_MS / 1000}s;
      proxy_next_upstream error timeout http_500 http_502 http_503 http_504 http_429 non_idempotent;
    }
  }
}
`;
}
