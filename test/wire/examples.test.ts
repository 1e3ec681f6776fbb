/** The first examples in the documentation, run as a user would run them. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test.each(["protobuf-ts", "twirp-ts"])("examples/%s prints what it does, and ends", async (adapter) => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const program = ["--import", "tsx", `examples/${adapter}/main.ts`];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, program, { cwd: root, timeout: 20_000 });
  expect(stderr).toBe("");
  const lines = stdout
    .replace(/\d+ ms/g, "n ms")
    .trimEnd()
    .split("\n");
  expect(lines.slice(0, 8)).toEqual([
    "All regions are up:",
    "  GetRoom was served by us-east",
    "us-east is down. Nothing could be sent there, so a mutation may go elsewhere too:",
    "  acme.rooms.v1.RoomService/GetRoom failed over us-east → eu-west (unavailable: ECONNREFUSED, attempt 1, n ms)",
    "  GetRoom was served by eu-west",
    "  acme.rooms.v1.RoomService/DialParticipant failed over us-east → eu-west (unavailable: ECONNREFUSED, attempt 1, n ms)",
    "  DialParticipant was served by eu-west, and rang 1 phone",
    "eu-west is down too, and the caller waits half a second:",
  ]);
  // On a slow machine the caller's timeout ends first.
  expect(lines.at(-1)).toMatch(/^ {2}(unavailable|deadline_exceeded) after us-east: ECONNREFUSED, eu-west: \w+/);
});
