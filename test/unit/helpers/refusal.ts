import { expect } from "vitest";
import { createFailover, type FailoverOptions } from "../../../src/failover.js";
import { InvalidOptionError } from "../../../src/support/errors.js";

/** The error with which something refuses an option; fails the test if it does not, or in another way. */
export function refusalOf(what: () => unknown): InvalidOptionError {
  try {
    what();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).name).toBe("InvalidOptionError");
    return error as InvalidOptionError;
  }
  return expect.fail("it was not refused");
}

/** The message with which `createFailover` refuses options. They may be anything that JavaScript can pass. */
export function messageFor(options: Record<string, unknown>): string {
  const given = { regions: ["https://eu.example.com/twirp"], ...options };
  return refusalOf(() => createFailover(given as unknown as FailoverOptions)).message;
}
