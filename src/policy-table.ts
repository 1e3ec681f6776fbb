/** Which policy governs which method. */
import { didYouMean, InvalidOptionError } from "./errors.js";
import { checkObject } from "./options.js";
import {
  checkPolicy,
  DEFAULT_POLICY,
  type MethodPolicy,
  mergePolicy,
  type PolicyPatch,
  type ResolvedPolicy,
} from "./policy.js";

/**
 * Policies by method, in the names of the `.proto`: `"acme.rooms.v1.RoomService/GetRoom"`, all methods of a
 * service `"acme.rooms.v1.RoomService/*"`, or every method `"*"`. Each option is taken from the most exact
 * entry that has it.
 */
export type PolicyTable = { readonly [key in "*" | `${string}/*` | `${string}/${string}`]?: MethodPolicy };

/** What the `.proto` says of a method, with `option idempotency_level`. */
export type IdempotencyLevel = "NO_SIDE_EFFECTS" | "IDEMPOTENT";

const KEY = /^(?:\*|[A-Za-z_][\w.]*\/(?:\*|[A-Za-z_]\w*))$/;

/** A checked `PolicyTable`, and what it comes to for each method that was asked for. */
export class Policies {
  readonly #patches = new Map<string, PolicyPatch>();
  readonly #resolved = new Map<IdempotencyLevel | undefined, Map<string, Map<string, ResolvedPolicy>>>();

  /** @throws InvalidOptionError */
  constructor(
    table: PolicyTable,
    private readonly warn: (message: string) => void,
  ) {
    for (const [key, policy] of Object.entries(checkObject("policies", table))) {
      if (!KEY.test(key)) {
        throw new InvalidOptionError("a key of policies", '"*", "pkg.Service/*" or "pkg.Service/Method"', key);
      }
      if (policy !== undefined) this.#patches.set(key, checkPolicy(`policies["${key}"]`, policy, warn));
    }
  }

  /** The policy of a method. The same object every time, so the usual call pays for three look-ups. */
  resolve(service: string, method: string, level: IdempotencyLevel | undefined): ResolvedPolicy {
    const services = getOrCreate(this.#resolved, level, () => new Map<string, Map<string, ResolvedPolicy>>());
    const methods = getOrCreate(services, service, () => new Map<string, ResolvedPolicy>());
    return getOrCreate(methods, method, () => this.#merge(service, method, level));
  }

  /**
   * The policy of one call that brings its own: that one over the method's.
   *
   * @throws InvalidOptionError
   */
  override(base: ResolvedPolicy, own: MethodPolicy | false): ResolvedPolicy {
    if (own === false) return mergePolicy(base, { failover: false });
    return mergePolicy(base, checkPolicy("the call's failover", own, this.warn));
  }

  /** From the least exact to the most, so that the most exact wins; the `.proto` ranks above `"*"` alone. */
  #merge(service: string, method: string, level: IdempotencyLevel | undefined): ResolvedPolicy {
    const layers = [
      this.#patches.get("*"),
      level === undefined ? undefined : { idempotent: true },
      this.#patches.get(`${service}/*`),
      this.#patches.get(`${service}/${method}`),
    ];
    return layers.reduce<ResolvedPolicy>(
      (policy, patch) => (patch ? mergePolicy(policy, patch) : policy),
      DEFAULT_POLICY,
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

/** The part of a generated service description that `policiesFor` reads; protobuf-ts's `ServiceType` has it. */
export interface ServiceInfo {
  readonly typeName: string;
  readonly methods: readonly { readonly name: string; readonly localName: string }[];
}

/** The names of a client's methods, its other properties left out. */
type MethodName<Client> = {
  [K in keyof Client]: Client[K] extends (...args: never[]) => unknown ? K : never;
}[keyof Client];

/**
 * Declares the policies of one service in the method names of its generated client, checked twice: by the
 * compiler against the client's interface, and here against the generated service, for JavaScript and for a
 * `.proto` that has moved on. `"*"` stands for all methods of the service.
 *
 * ```ts
 * const policies = policiesFor<IRoomServiceClient>(RoomService, {
 *   "*": { timeoutMs: 3_000 },
 *   getRoom: { perAttemptTimeoutMs: 500 },
 *   dialParticipant: { timeoutMs: 60_000 },
 * });
 * createFailover({ regions, policies });             // spread several tables into one for several services
 * ```
 *
 * @throws InvalidOptionError for a method that the service does not have; its message lists those it has.
 */
export function policiesFor<Client>(
  service: ServiceInfo,
  policies: { readonly [M in MethodName<Client> | "*"]?: MethodPolicy },
): PolicyTable {
  const protoNames = new Map(service.methods.map((method) => [method.localName, method.name]));
  const table: Record<string, MethodPolicy> = {};
  for (const [name, policy] of Object.entries<MethodPolicy | undefined>(policies)) {
    const protoName = name === "*" ? "*" : protoNames.get(name);
    if (protoName === undefined) {
      const known = [...protoNames.keys()];
      throw new InvalidOptionError(
        `a key of policiesFor(${service.typeName})`,
        `"*" or a method of that service (${known.join(", ")})`,
        name,
        didYouMean(name, known),
      );
    }
    if (policy === undefined) continue;
    checkPolicy(`policiesFor(${service.typeName}).${name}`, policy, () => {});
    table[`${service.typeName}/${protoName}`] = policy;
  }
  return table;
}
