import { createConnection } from "node:net";
import { expect, test, vi } from "vitest";
import { newRequestId } from "../support/wire.js";
import { againstGo, KINDS } from "./against-go.js";

/** The number of open resources of child processes in this process: handles, pipes and sockets. */
function resources() {
  const names = process.getActiveResourcesInfo();
  const count = (name: string) => names.filter((each) => each === name).length;
  return { children: count("ProcessWrap"), pipes: count("PipeWrap"), sockets: count("TCPSocketWrap") };
}

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const isRefused = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("error", () => resolve(true));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });

againstGo("the processes of the Go servers", (setting) => {
  test.each(["SIGTERM", "SIGKILL"] as const)("leave nothing behind after %s", async (signal) => {
    // Some sockets of the two regions may still be closing.
    await vi.waitFor(() => expect(resources().sockets).toBe(0));
    const before = resources();
    const region = await setting().region("short-lived");
    const { rooms } = setting().connect({}, [region]);
    expect((await KINDS.read(rooms, "lobby", newRequestId())).response?.servedBy).toBe("short-lived");
    expect(isRunning(region.pid)).toBe(true);
    expect(resources()).toEqual({ children: before.children + 1, pipes: before.pipes + 2, sockets: 1 });

    const exit = await region.stop(signal);
    expect(exit).toEqual(signal === "SIGTERM" ? { code: 0, signal: null } : { code: null, signal });
    expect(await region.stop()).toBe(exit);
    expect(isRunning(region.pid)).toBe(false);
    expect(await isRefused(Number(new URL(region.origin).port))).toBe(true);
    await vi.waitFor(() => expect(resources()).toEqual(before));
  });
});
