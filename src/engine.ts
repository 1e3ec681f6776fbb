/**
 * One call, start to end.
 *
 * The first attempt is all there is to a call that succeeds. When it fails, `#replay` takes over: it asks whether the
 * call may be replayed (`replay.ts`: the policy and what happened), where (`picking.ts`), and whether an attempt, time
 * and a token are left; then p-retry waits as long as the call's `Backoff` says, and the next attempt follows. When any
 * of the questions is answered with no, the caller gets the error that tells the most, as it was.
 *
 * p-retry is told of a failure by throwing, and asks by its hooks whether and when to go on; the answer, `decision`, is
 * made in between.
 */
import pRetry from "p-retry";
import { onAbort } from "./abort.js";
import { type Attempt, makeAttempt, type Succeeded } from "./attempt.js";
import { Backoff } from "./backoff.js";
import { Call } from "./call.js";
import { type Clock, sleep, waitAtMost } from "./clock.js";
import type { Emitter } from "./events.js";
import { failedRegions, untriedRegions } from "./picking.js";
import type { Policies } from "./policy-table.js";
import { DISCOVERY_TIMEOUT_MS } from "./region-cache.js";
import type { RegionDirectory } from "./region-directory.js";
import type { Region } from "./regions.js";
import { type RefusalReason, refusalBy } from "./replay.js";
import { Report } from "./report.js";
import type { RpcCall } from "./rpc-call.js";
import type { Throttle } from "./throttling.js";
import { attachTrace, type FailedAttempt } from "./trace.js";

export interface EngineParts {
  readonly policies: Policies;
  readonly directory: RegionDirectory;
  readonly throttle: Throttle;
  readonly events: Emitter;
  readonly clock: Clock;
}

/** A replay that was decided on. */
interface Replay {
  readonly region: Region;
  /** A failover after an attempt that never ran: it adds no load anywhere, so it neither waits nor costs. */
  readonly free: boolean;
  readonly waitMs: number;
}

/** What p-retry is told of a failed attempt; what there is to know of it, the call's trail holds. */
const FAILED = new Error("the attempt failed");

export class Engine {
  readonly #parts: EngineParts;
  readonly #report: Report;
  #calls = 0;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#report = new Report(parts.events, parts.clock);
  }

  /** Settles with the value of the attempt that succeeded, or rejects with the error that the caller should see. */
  async run<T>(rpc: RpcCall<T>): Promise<T> {
    const { policies, directory, clock } = this.#parts;
    const ofMethod = policies.resolve(rpc.service, rpc.method, rpc.idempotencyLevel);
    const policy = rpc.policy === undefined ? ofMethod : policies.override(ofMethod, rpc.policy);
    const call = new Call(++this.#calls, rpc, policy, clock);
    directory.warm();
    const [home] = directory.current();
    if (call.aborted || call.startedAt >= call.deadline) throw this.#fail(call, "final");

    const attempt = this.#noted(call, await makeAttempt(call, home, clock));
    return attempt.ok ? this.#succeed(call, attempt) : this.#replay(call, attempt);
  }

  /** The replays. p-retry gets the first failure to begin with, so that its attempts are numbered as ours. */
  async #replay<T>(call: Call<T>, first: FailedAttempt): Promise<T> {
    const backoff = new Backoff(call.policy, this.#parts.clock.random());
    let waits = 0;
    let last = first;
    let decision: Replay | RefusalReason = "final";

    // p-retry gets a signal of its own, since it would add a listener to the caller's for every wait.
    const controller = new AbortController();
    const forget = onAbort(call.rpc.signal, () => controller.abort());
    if (call.aborted) controller.abort();
    let succeeded: Succeeded<T> | undefined;

    const attempt = async (n: number): Promise<T> => {
      if (n > 1) {
        const { region, free } = decision as Replay;
        if (this.#parts.clock.now() >= call.deadline) {
          // A timer may come late. What begins now would begin after the deadline.
          decision = "deadline";
          throw FAILED;
        }
        this.#report.replay(call, last, region);
        if (call.aborted) throw FAILED; // By a listener.
        if (!free) waits++;
        const attempt = this.#noted(call, await makeAttempt(call, region, this.#parts.clock));
        if (attempt.ok) {
          succeeded = attempt;
          return this.#succeed(call, attempt);
        }
        last = attempt;
      }
      decision = await this.#decide(call, last, backoff.delayMs(waits + 1));
      throw FAILED;
    };

    try {
      return await pRetry(attempt, {
        ...backoff.schedule,
        retries: call.policy.maxAttempts - 1,
        signal: controller.signal,
        // A retry that is not consumed is one that p-retry does not wait for.
        shouldConsumeRetry: () => typeof decision === "object" && !decision.free,
        shouldRetry: async () => {
          if (typeof decision === "string") return false;
          // p-retry's wait follows; a server that asked for a longer one gets the difference first.
          const extraMs = decision.waitMs - backoff.delayMs(waits + 1);
          if (extraMs > 0 && !decision.free) await sleep(extraMs, call.rpc.signal, this.#parts.clock);
          return true;
        },
      });
    } catch (error) {
      // p-retry drops a result if the abort came with it. What ran and answered has not failed.
      if (succeeded !== undefined) return succeeded.value;
      if (error !== FAILED && !call.aborted) throw error;
      throw this.#fail(call, call.aborted || typeof decision !== "string" ? "final" : decision, last);
    } finally {
      forget();
    }
  }

  /** May the call be replayed after this failure, and where and when? */
  async #decide<T>(call: Call<T>, failed: FailedAttempt, backoffMs: number): Promise<Replay | RefusalReason> {
    const { throttle, clock, directory } = this.#parts;
    const refusal = refusalBy(call.policy, failed.outcome);
    if (refusal !== undefined) return refusal;

    const neverRan = failed.outcome.execution === "none";
    if (!neverRan) throttle.onFailure(failed.region.url);
    if (call.failed.length >= call.policy.maxAttempts) return "max_attempts";

    const untried = await this.#untried(call);
    const free = neverRan && untried.length > 0;
    const again = call.policy.sameRegion ? failedRegions(directory.current(), call.failed) : [];
    const candidates = untried.length > 0 ? untried : again;
    if (candidates.length === 0) return "no_region";

    if (neverRan && !free) throttle.onFailure(failed.region.url);
    const region = candidates.find(({ url }) => free || throttle.allows(url));
    if (region === undefined) return "throttled";

    const now = clock.now();
    const waitMs = free ? 0 : Math.max(backoffMs, call.pushbackLeftMs(region, now));
    return now + waitMs < call.deadline ? { region, free, waitMs } : "deadline";
  }

  /** The regions that this call has not tried; the source is asked when there is none and the list may be old. */
  async #untried<T>(call: Call<T>): Promise<Region[]> {
    const { directory, clock } = this.#parts;
    const known = untriedRegions(directory.current(), call.failed);
    if (!directory.isStale()) return known;
    const reload = directory.reload();
    if (known.length > 0) return known; // An old list is good enough to go on with.
    const withinMs = Math.min(DISCOVERY_TIMEOUT_MS, call.deadline - clock.now());
    await waitAtMost(reload, withinMs, call.rpc.signal, clock);
    return untriedRegions(directory.current(), call.failed);
  }

  #noted<T>(call: Call<T>, attempt: Attempt<T>): Attempt<T> {
    this.#report.attempt(call, attempt);
    if (!attempt.ok) call.failed.push(attempt);
    return attempt;
  }

  #succeed<T>(call: Call<T>, { value, region }: Succeeded<T>): T {
    this.#parts.throttle.onSuccess();
    this.#report.succeeded(call, region);
    return value;
  }

  /** The error for the caller, with the call's trail attached. */
  #fail<T>(call: Call<T>, reason: RefusalReason, last?: FailedAttempt): unknown {
    if (last !== undefined) this.#report.refused(call, last, reason);
    const { error, code } = call.verdict();
    attachTrace(error, {
      callId: call.id,
      service: call.rpc.service,
      method: call.rpc.method,
      attempts: call.failed,
      refused: reason,
    });
    this.#report.failed(call, code);
    return error;
  }
}
