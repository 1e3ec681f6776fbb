import { afterEach, beforeEach, vi } from "vitest";

/** To be called once in a file: gives each of its tests a global `fetch` that does as the test says. */
export function useFetchStub() {
  const stub = vi.fn<typeof fetch>();
  beforeEach(() => {
    stub.mockReset();
    vi.stubGlobal("fetch", stub);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  return stub;
}
