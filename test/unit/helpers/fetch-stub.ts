import { afterEach, beforeEach, vi } from "vitest";

/** Replaces the global `fetch` in every test of the file with a stub that the test controls. Call it once per file. */
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
