/** `npm run example:livekit`, as a user runs it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

test("the example runs, and its claims hold", async () => {
  const child = spawn(process.execPath, ["--import", tsx, "examples/livekit/main.ts"], { cwd: root, timeout: 25_000 });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  const [code] = await once(child, "close");
  expect(text).not.toContain("NOT SO");
  expect(code, text).toBe(0);
  // After a lost answer two calls went on, and the phone call did not.
  expect(text.match(/failed over us-east → eu-west \(internal/g)).toHaveLength(2);
  expect(text).toMatch(/UpdateRoomMetadata failed over us-east → eu-west \(internal/);
  expect(text).toContain("livekit.SIP/CreateSIPParticipant not replayed: not_idempotent");
  expect(text).toMatch(/✗ sip\.createSipParticipant\(…, "\+1 555 0102"\) {2}\(\d+ ms\): 500 internal/);
  // A room is not created twice, but it is created elsewhere if home cannot have created it.
  expect(text).toMatch(/CreateRoom failed over us-east → eu-west \(unavailable/);
  expect(text).toContain('✓ rooms.createRoom({ name: "annex" })');
  // The SDK's own loop made the phone ring twice. When the region was dead, ours made it ring once, elsewhere.
  expect(text).toContain("+1 555 0199 rang twice: that was the SDK's own loop");
  expect(text).toMatch(/CreateSIPParticipant failed over us-east → eu-west \(unavailable|region us-east ejected/);
  expect(text).toContain("✓ +1 555 0103 rang once, although us-east was dead");
});
