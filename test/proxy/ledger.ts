/** Every call that a suite makes, and how it ended, to check the promises that hold for all calls. */
import { RpcError } from "@protobuf-ts/runtime-rpc";
import { expect } from "vitest";
import type { RegionServer } from "../support/region.js";
import { newRequestId, type TestClient } from "../support/wire.js";
import { API_KEY_HEADER } from "./proxy.js";

/** A read, an update that may be repeated, and a mutation that must not be. */
export const KINDS = ["read", "update", "mutation"] as const;

export type CallKind = (typeof KINDS)[number];

export interface CallOptions {
  /** Characters in the request. */
  readonly size?: number;
  /** The key of the rate limit. */
  readonly apiKey?: string;
  /** Whether there is a region that could answer it. */
  readonly servable?: boolean;
}

export interface MadeCall {
  readonly id: string;
  /** The region that answered. */
  readonly servedBy: Promise<string>;
}

interface Entry {
  readonly id: string;
  readonly kind: CallKind;
  readonly servable: boolean;
  readonly ended: Promise<{ ok: true } | { ok: false; error: unknown }>;
}

export class Ledger {
  readonly #entries: Entry[] = [];

  call(client: TestClient, kind: CallKind, { size = 8, apiKey = "", servable = true }: CallOptions = {}): MadeCall {
    const id = newRequestId();
    const options = apiKey === "" ? {} : { meta: { [API_KEY_HEADER]: apiKey } };
    const servedBy = send(client, kind, id, "x".repeat(size), options);
    const ended = servedBy.then(
      () => ({ ok: true }) as const,
      (error: unknown) => ({ ok: false, error }) as const,
    );
    this.#entries.push({ id, kind, servable, ended });
    return { id, servedBy };
  }

  /** Checks that no mutation ran twice and that no read or update failed that could have succeeded. */
  async expectPromisesKept(servers: readonly RegionServer[]): Promise<void> {
    const kinds = new Set(this.#entries.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([...KINDS].sort());
    for (const { id, kind, servable, ended } of this.#entries) {
      const end = await ended;
      const runs = servers.reduce((sum, server) => sum + server.saw(id).executed, 0);
      if (kind === "mutation") expect(runs, `runs of the mutation ${id}`).toBeLessThanOrEqual(1);
      else if (servable) expect(end, `the ${kind} ${id}`).toEqual({ ok: true });
      if (end.ok) expect(runs, `runs of ${id}, which was answered`).toBeGreaterThanOrEqual(1);
      else expect(end.error, `the error of ${id}`).toBeInstanceOf(RpcError);
    }
  }
}

async function send(
  { rooms }: TestClient,
  kind: CallKind,
  requestId: string,
  text: string,
  options: { meta?: Record<string, string> },
): Promise<string> {
  switch (kind) {
    case "read":
      return (await rooms.getRoom({ name: text, requestId }, options).response).servedBy;
    case "update":
      return (await rooms.updateRoomMetadata({ name: "lobby", metadata: text, requestId }, options).response).servedBy;
    case "mutation":
      return (await rooms.dialParticipant({ room: "lobby", phoneNumber: text, requestId }, options).response).servedBy;
  }
}
