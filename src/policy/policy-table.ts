/** Which policy governs which method. */
import { checkObject } from "../support/checks.js";
import { InvalidOptionError, show } from "../support/errors.js";
import { type KnownMethods, MisspeltKeys } from "./misspelt-keys.js";
import {
  checkPolicy,
  DEFAULT_POLICY,
  type MethodPolicy,
  mergePolicy,
  type PolicyPatch,
  type ResolvedPolicy,
} from "./policy.js";

/**
 * Policies by method, in the names of the `.proto`: `"acme.rooms.v1.RoomService/GetRoom"` for one method,
 * `"acme.rooms.v1.RoomService/*"` for all methods of a service, `"*"` for every method. Each option is taken from the
 * most exact entry that has it.
 */
export type PolicyTable = {
  readonly [key in "*" | `${string}/*` | `${string}/${string}`]?: MethodPolicy | undefined;
};

/** What the `.proto` says of a method, with `option idempotency_level`. */
export type IdempotencyLevel = "NO_SIDE_EFFECTS" | "IDEMPOTENT";

/** Whether a level says so. Descriptors of other libraries have a number for "unknown". */
export function isIdempotent(level: unknown): boolean {
  return level === "NO_SIDE_EFFECTS" || level === "IDEMPOTENT";
}

const KEY = /^(?:\*|[A-Za-z_][\w.]*\/(?:\*|[A-Za-z_]\w*))$/;

/** How many methods are remembered. Their names may come from outside, through a proxy, without end. */
const MAX_METHODS = 1_000;

/** A checked `PolicyTable`, and the policy that it gives to each method that was called. */
export class Policies {
  readonly #patches = new Map<string, PolicyPatch>();
  readonly #resolved = new Map<IdempotencyLevel | undefined, Map<string, Map<string, ResolvedPolicy>>>();
  #remembered = 0;
  readonly #misspelt: MisspeltKeys;

  /** @throws InvalidOptionError */
  constructor(
    table: PolicyTable,
    private readonly warn: (message: string) => void,
  ) {
    for (const [key, policy] of Object.entries(checkObject("policies", table))) {
      const option = `policies[${show(key)}]`;
      if (!KEY.test(key)) {
        const problem = `${option} has a key that names no method; use "*", "pkg.Service/*" or "pkg.Service/Method"`;
        throw new InvalidOptionError(option, key, problem);
      }
      if (policy !== undefined) this.#patches.set(key, checkPolicy(option, policy, warn));
    }
    this.#misspelt = new MisspeltKeys(this.#patches.keys(), warn);
  }

  /**
   * The policy of a method. It is made once, so a call pays for three look-ups.
   *
   * @param known has all methods of the service, if the adapter knows them; they are read at most once.
   */
  resolve(
    service: string,
    method: string,
    level: IdempotencyLevel | undefined,
    known: KnownMethods = {},
  ): ResolvedPolicy {
    return this.#resolved.get(level)?.get(service)?.get(method) ?? this.#remember(service, method, level, known);
  }

  #remember(service: string, method: string, level: IdempotencyLevel | undefined, known: KnownMethods): ResolvedPolicy {
    // All at once: a client has fewer methods, and whoever has more only pays for making their policies again.
    if (this.#remembered >= MAX_METHODS) {
      this.#resolved.clear();
      this.#remembered = 0;
    }
    this.#remembered++;
    this.#misspelt.compare(service, method, known);
    const policy = this.#merge(service, method, level);
    const services = getOrCreate(this.#resolved, level, () => new Map<string, Map<string, ResolvedPolicy>>());
    getOrCreate(services, service, () => new Map<string, ResolvedPolicy>()).set(method, policy);
    return policy;
  }

  /**
   * The policy of one call that brings its own, which takes precedence over the method's.
   *
   * @throws InvalidOptionError
   */
  override(base: ResolvedPolicy, own: MethodPolicy | false): ResolvedPolicy {
    if (own === false) return mergePolicy(base, { replay: false });
    return mergePolicy(base, checkPolicy("the call's failover", own, this.warn));
  }

  /** From the least exact to the most, so that the most exact wins. The `.proto` ranks only above `"*"`. */
  #merge(service: string, method: string, level: IdempotencyLevel | undefined): ResolvedPolicy {
    const layers = [
      this.#patches.get("*"),
      isIdempotent(level) ? { idempotent: true } : undefined,
      this.#patches.get(`${service}/*`),
      this.#patches.get(`${service}/${method}`),
    ];
    return layers.reduce<ResolvedPolicy>(
      (policy, patch) => (patch ? mergePolicy(policy, patch) : policy),
      { ...DEFAULT_POLICY }, // Its own object for each method, because that names the method.
    );
  }
}

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}
