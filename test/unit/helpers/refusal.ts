import { expect } from "vitest";
import { createFailover, type FailoverOptions } from "../../../src/failover.js";
import { InvalidOptionError } from "../../../src/support/errors.js";

/** Returns the `InvalidOptionError` that `what` throws. Fails the test if it throws nothing or another kind of error. */
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

/** Returns the message of the error that `createFailover` throws for these options, which may be any JavaScript values. */
export function messageFor(options: Record<string, unknown>): string {
  const given = { regions: ["https://eu.example.com/twirp"], ...options };
  return refusalOf(() => createFailover(given as unknown as FailoverOptions)).message;
}
