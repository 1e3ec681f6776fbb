/**
 * Finds keys of the policy table that were meant for a method that is called, but are spelt differently. Such a key applies
 * to nothing, so a method that may not run twice could be replayed, or the other way round, and nothing would tell.
 *
 * Keys cannot be checked at construction, because a table has no list of services. What is called is known only by the
 * calls, so the first call of each method is compared with the keys.
 */
import { editDistance, show } from "../support/errors.js";

/** What the table says of one service. */
interface ServiceKeys {
  /** The methods with a key of their own. */
  readonly methods: ReadonlySet<string>;
  /** Those of them that may be misspelt: no call has shown yet that they exist. */
  readonly unconfirmed: Set<string>;
  called: boolean;
}

/** All methods of a service, if the adapter knows them. */
export interface KnownMethods {
  readonly methods?: readonly string[] | undefined;
}

export class MisspeltKeys {
  /** By the name of the service. It holds names of the table alone, so calls cannot make it grow. */
  readonly #services = new Map<string, ServiceKeys>();
  /** The services that no call was of so far. */
  readonly #uncalled = new Set<string>();

  /** @param keys of a policy table. */
  constructor(
    keys: Iterable<string>,
    private readonly warn: (message: string) => void,
  ) {
    const methodsOf = new Map<string, Set<string>>();
    for (const key of keys) {
      const [service = "", method] = key.split("/");
      if (method === undefined) continue; // "*"
      const methods = methodsOf.get(service) ?? new Set();
      methodsOf.set(service, method === "*" ? methods : methods.add(method));
    }
    for (const [service, methods] of methodsOf) {
      this.#services.set(service, { methods, unconfirmed: new Set(methods), called: false });
      this.#uncalled.add(service);
    }
  }

  /**
   * Compares the keys with a method that is called, and warns of each that was probably meant for it, once.
   *
   * @param known has all methods of the service, if the adapter knows them. They are read once.
   */
  compare(service: string, method: string, known: KnownMethods): void {
    const own = this.#services.get(service);
    if (this.#uncalled.size > 0) this.#compareServices(service, own);
    if (own === undefined) return;
    const all = own.called ? undefined : known.methods;
    own.called = true;
    if (all !== undefined) this.#compareAll(service, own, all.includes(method) ? all : [...all, method]);
    else if (own.unconfirmed.size > 0) this.#compareOne(service, own, method);
  }

  #compareServices(service: string, own: ServiceKeys | undefined): void {
    this.#uncalled.delete(service);
    for (const other of this.#uncalled) {
      const isSure = isSameInAnyCase(other, service) || service.endsWith(`.${other}`);
      // A service that has keys of its own is spelt right, so its neighbour is another service.
      if (!isSure && (own !== undefined || !isProbablySame(other, service))) continue;
      this.#uncalled.delete(other);
      this.warn(`policies has keys of the service ${show(other)}, which is not called; did you mean ${show(service)}?`);
    }
  }

  #compareAll(service: string, { unconfirmed }: ServiceKeys, all: readonly string[]): void {
    for (const key of unconfirmed) {
      if (all.includes(key)) continue;
      const meant = all.find((name) => isSameInAnyCase(name, key)) ?? all.find((name) => isNear(name, key));
      if (meant === undefined) continue;
      const what = `policies[${show(`${service}/${key}`)}] applies to nothing: ${service} has no method ${show(key)}`;
      this.warn(`${what}; did you mean ${show(`${service}/${meant}`)}?`);
    }
    unconfirmed.clear();
  }

  /** Without a list of methods, any key may name one that is called later. */
  #compareOne(service: string, { methods, unconfirmed }: ServiceKeys, method: string): void {
    unconfirmed.delete(method);
    for (const key of unconfirmed) {
      if (!isSameInAnyCase(key, method) && (methods.has(method) || !isProbablySame(key, method))) continue;
      unconfirmed.delete(key);
      const called = `${service}/${method}`;
      const what = `policies[${show(`${service}/${key}`)}] does not apply to ${called}, which is called`;
      this.warn(`${what}; did you mean ${show(called)}?`);
    }
  }
}

function isSameInAnyCase(a: string, b: string): boolean {
  return a.length === b.length && a.toLowerCase() === b.toLowerCase();
}

/** Within two edits; one, where the names are so short that two would make any name of any other. */
function isNear(a: string, b: string): boolean {
  const most = Math.min(a.length, b.length) < 6 ? 1 : 2;
  // First by the lengths, because comparing long names takes long.
  return Math.abs(a.length - b.length) <= most && editDistance(a.toLowerCase(), b.toLowerCase()) <= most;
}

/**
 * Whether two names that may both be right are more likely one that is misspelt. Those that begin differently (`GetRoom`,
 * `SetRoom`) or differ in a number (`rooms.v1`, `rooms.v2`) are not.
 */
function isProbablySame(a: string, b: string): boolean {
  return isNear(a, b) && initialOf(a) === initialOf(b) && a.replace(/\d/g, "") !== b.replace(/\d/g, "");
}

/** The first letter of a method, or of a service without its package. */
function initialOf(name: string): string | undefined {
  return name[name.lastIndexOf(".") + 1]?.toLowerCase();
}
