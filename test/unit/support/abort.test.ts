import { describe, expect, test, vi } from "vitest";
import { onAbort } from "../../../src/support/abort.js";
import { countListeners } from "../helpers/listeners.js";

function caller() {
  const controller = new AbortController();
  return { controller, signal: controller.signal, listeners: countListeners(controller.signal) };
}

describe("waiting for an abort", () => {
  test("puts one listener on the signal for any number of waits, and removes it after the last one", () => {
    const { signal, listeners } = caller();
    const ends = Array.from({ length: 50 }, () => onAbort(signal, () => {}));
    expect(listeners()).toBe(1);
    for (const end of ends.slice(1)) end();
    expect(listeners()).toBe(1);
    ends[0]?.();
    expect(listeners()).toBe(0);
  });

  test("calls all functions that wait, but not those that have stopped", () => {
    const { controller, signal } = caller();
    const [one, two, stopped] = [vi.fn(), vi.fn(), vi.fn()];
    onAbort(signal, one);
    onAbort(signal, stopped)();
    onAbort(signal, two);
    controller.abort();
    expect([one, two, stopped].map((callback) => callback.mock.calls.length)).toEqual([1, 1, 0]);
  });

  test("with the same function twice waits twice", () => {
    const { controller, signal } = caller();
    const callback = vi.fn();
    const end = onAbort(signal, callback);
    onAbort(signal, callback);
    end();
    end();
    controller.abort();
    expect(callback).toHaveBeenCalledOnce();
  });

  test("may start again after it ended", () => {
    const { controller, signal, listeners } = caller();
    onAbort(signal, () => {})();
    const callback = vi.fn();
    onAbort(signal, callback);
    expect(listeners()).toBe(1);
    controller.abort();
    expect(callback).toHaveBeenCalledOnce();
  });

  test("is separate for each signal", () => {
    const [one, other] = [caller(), caller()];
    const callback = vi.fn();
    onAbort(one.signal, callback);
    onAbort(other.signal, () => {});
    other.controller.abort();
    expect(callback).not.toHaveBeenCalled();
  });

  test("without a signal does nothing", () => {
    expect(() => onAbort(undefined, () => {})()).not.toThrow();
  });
});
