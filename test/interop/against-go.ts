/** The setup of every test against the Go server: two regions, and a client of each library in each format. */
import {
  createFailover,
  type Failover,
  type FailoverEventOf,
  type MethodPolicy,
  type Outcome,
  type PolicyTable,
} from "twirp-failover";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { findProgram } from "../proxy/program.js";
import { CLIENTS, type ClientKind } from "../support/clients.js";
import { Leaks } from "../support/leaks.js";
import { outcomesOf, QUICK } from "../support/wire.js";
import { type Client, clientOf, type Result } from "./clients.js";
import { GoRegion } from "./go-region.js";

/** A client, and the attempt events of its Failover. */
export interface Connected {
  readonly rooms: Client;
  readonly failover: Failover;
  readonly attempts: readonly FailoverEventOf<"attempt">[];
}

type RegionEntry = Pick<GoRegion, "id" | "url">;

/** Two regions: home fails as a room's name says, and for second such a name is an ordinary one. */
export class Setting {
  readonly leaks = new Leaks();
  readonly #started: GoRegion[] = [];

  private constructor(
    readonly kind: ClientKind,
    readonly home: GoRegion,
    readonly second: GoRegion,
  ) {}

  static async start(kind: ClientKind): Promise<Setting> {
    const home = await GoRegion.start("home");
    try {
      return new Setting(kind, home, await GoRegion.start("second", false));
    } catch (error) {
      await home.stop();
      throw error;
    }
  }

  /** A new region. It is killed at the end of the test. */
  async region(id: string): Promise<GoRegion> {
    const region = await GoRegion.start(id);
    this.#started.push(region);
    return region;
  }

  /** @param policy the policy of all methods. */
  connect(
    policy: MethodPolicy = {},
    regions: readonly RegionEntry[] = [this.home, this.second],
    policies: PolicyTable = {},
  ): Connected {
    const failover = createFailover({
      regions: regions.map(({ id, url }) => ({ id, url })),
      policies: { "*": { ...QUICK, ...policy }, ...this.kind.policies, ...policies },
    });
    const attempts: FailoverEventOf<"attempt">[] = [];
    failover.on("attempt", (event) => attempts.push(event));
    return { failover, attempts, rooms: clientOf(this.kind, failover) };
  }

  /** The library's own error, and the outcome of each attempt. */
  failureOf({ error }: Result<unknown>): { error: Error; outcomes: Outcome[] } {
    expect(error).toBeInstanceOf(this.kind.errorClass);
    return { error: error as Error, outcomes: outcomesOf(error) };
  }

  async forget(): Promise<void> {
    await Promise.all([this.home.forget(), this.second.forget()]);
  }

  async endTest(): Promise<void> {
    await Promise.all(this.#started.splice(0).map((region) => region.stop("SIGKILL")));
  }

  /** Each must end by itself on SIGTERM, because no test may leave a request open. */
  async stop(): Promise<void> {
    const exits = await Promise.all([this.home.stop(), this.second.stop()]);
    expect(exits).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
  }
}

/**
 * Runs tests against the Go server, for each library and format. If Go is not installed, they are skipped with a message,
 * but in CI they fail.
 */
export function againstGo(title: string, body: (setting: () => Setting) => void): void {
  const leftOut = findProgram("go") === undefined && !process.env.CI;
  if (leftOut) console.warn(`go is not installed: ${title} are skipped`);
  const name = leftOut ? `${title} (skipped: go is not installed)` : title;
  describe.skipIf(leftOut)(name, () => {
    describe.each(CLIENTS)("$name, $format", (kind) => {
      let running: Setting | undefined;
      const setting = () => {
        if (running === undefined) throw new Error("the Go server is not running");
        return running;
      };
      beforeAll(async () => {
        running = await Setting.start(kind);
      });
      beforeEach(async () => {
        await setting().forget();
        setting().leaks.start();
      });
      afterEach(async () => {
        try {
          await running?.leaks.expectNone();
        } finally {
          running?.leaks.stop();
          await running?.endTest();
        }
      });
      afterAll(() => running?.stop());

      body(setting);
    });
  });
}

/** Two kinds of calls: a read may run twice, and a mutation must not. */
export const KINDS = {
  read: (rooms: Client, room: string, requestId: string) => rooms.call("GetRoom", { name: room, requestId }),
  mutation: (rooms: Client, room: string, requestId: string) =>
    rooms.call("DialParticipant", { room, phoneNumber: "1", requestId }),
} as const;

export const KIND_NAMES = ["read", "mutation"] as const;

/** The name of a room in which every call to home fails with this Twirp error. */
export function errorRoom(code: string, meta: Readonly<Record<string, string>> = {}): string {
  return `error:${code}?${new URLSearchParams(meta)}`;
}
