/** Two regions, each a Twirp server with a proxy in front of it, and a client that knows only the proxies. */
import { afterAll, beforeAll, beforeEach, describe, test } from "vitest";
import { type RegionServer, startRegion } from "../support/region.js";
import { type ClientOptions, TestClient } from "../support/wire.js";
import { haproxy } from "./haproxy.js";
import { Ledger } from "./ledger.js";
import { nginx } from "./nginx.js";
import { findProgram, freePort } from "./program.js";
import { MANNERS, type Manner, type ProxyProgram, RunningProxy } from "./proxy.js";

/** How home is reached; `dead` is a proxy with nothing upstream. */
export type Way = Manner | "dead";

/** Enough attempts to be refused by every region. */
const SECOND: readonly Manner[] = ["patient", "limited", "maintenance"];

export class Network {
  readonly ledger = new Ledger();

  private constructor(
    readonly program: ProxyProgram,
    readonly home: RegionServer,
    readonly second: RegionServer,
    private readonly deadPort: number,
    private readonly proxy: RunningProxy,
  ) {}

  static async start(program: ProxyProgram): Promise<Network> {
    const home = await startRegion("home");
    const second = await startRegion("second");
    try {
      const deadPort = await freePort();
      const proxy = await RunningProxy.start(program, [
        ...MANNERS.map((manner) => ({ manner, upstreamPort: portOf(home) })),
        { manner: "patient", upstreamPort: deadPort },
        ...SECOND.map((manner) => ({ manner, upstreamPort: portOf(second) })),
      ]);
      return new Network(program, home, second, deadPort, proxy);
    } catch (error) {
      await Promise.all([home.close(), second.close()]);
      throw error;
    }
  }

  /** The base URL of home for this way. */
  homeUrl(way: Way): string {
    return way === "dead" ? this.proxy.url("patient", this.deadPort) : this.proxy.url(way, portOf(this.home));
  }

  secondUrl(manner: Manner = "patient"): string {
    return this.proxy.url(manner, portOf(this.second));
  }

  client(homeUrl: string, sendJson: boolean, policy: ClientOptions["policy"] = {}, secondUrl = this.secondUrl()) {
    const regions = [
      { id: "home", url: homeUrl },
      { id: "second", url: secondUrl },
    ];
    return new TestClient(regions, { transport: { sendJson }, policy });
  }

  /** Starts a separate proxy in front of home. The test that starts it must end it. */
  startProxyOfHome(): Promise<RunningProxy> {
    return RunningProxy.start(this.program, [{ manner: "persistent", upstreamPort: portOf(this.home) }]);
  }

  homeUrlBehind(proxy: RunningProxy): string {
    return proxy.url("persistent", portOf(this.home));
  }

  async stop(): Promise<void> {
    await Promise.all([this.proxy.stop(), this.home.close(), this.second.close()]);
  }
}

function portOf({ origin }: RegionServer): number {
  return Number(new URL(origin).port);
}

/**
 * Runs the tests behind each proxy, and at the end checks what must hold for all calls. If a proxy is not installed, its
 * tests are skipped with a message, but in CI they fail.
 */
export function behindEachProxy(body: (network: () => Network) => void): void {
  for (const program of [nginx, haproxy]) {
    const leftOut = findProgram(program.command) === undefined && !process.env.CI;
    if (leftOut) console.warn(`${program.name} is not installed: these tests are skipped`);
    describe.skipIf(leftOut)(`behind ${program.name}`, () => {
      let network: Network | undefined;
      const running = () => {
        if (network === undefined) throw new Error(`${program.name} is not running`);
        return network;
      };
      beforeAll(async () => {
        network = await Network.start(program);
      });
      beforeEach(() => running().home.always({}));
      afterAll(() => network?.stop());

      body(running);

      test("in the end, no mutation ran twice, and no read or update was lost", async () => {
        const { ledger, home, second } = running();
        await ledger.expectPromisesKept([home, second]);
      });
    });
  }
}
