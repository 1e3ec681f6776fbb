/** The part of a response's body that was read. */
export interface BoundedBody {
  /** After decompression. */
  readonly bytes: Uint8Array;
  /** Whether there was more than allowed. The rest was not read, and its connection is closed. */
  readonly more: boolean;
}

/**
 * Reads at most `maxBytes` of a response's body. Rejects if it breaks off. Of a `fetch` without streams all of the body is
 * in memory before its length is known.
 */
export async function readBounded(response: Response, maxBytes: number): Promise<BoundedBody> {
  const body: unknown = response.body;
  if (body === null) return { bytes: new Uint8Array(0), more: false };
  const source = sourceOf(body) ?? once(new Uint8Array(await response.arrayBuffer()));
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await source.next();
    if (done) return { bytes: joined(chunks, size), more: false };
    const chunk = typeof value === "string" ? new TextEncoder().encode(value) : (value as Uint8Array);
    const left = maxBytes - size;
    chunks.push(chunk.subarray(0, left));
    size += Math.min(chunk.byteLength, left);
    if (chunk.byteLength > left) {
      source.stop();
      return { bytes: joined(chunks, size), more: true };
    }
  }
}

/** Does without a response's body, so that its connection is free for others, or closed. */
export function discardBody(response: Response): void {
  sourceOf(response.body)?.stop();
}

interface Source {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  /** Is not waited for, because a stream that hangs may hang here too. */
  stop(): void;
}

/** A web stream, or the Node stream of `node-fetch`. By a reader where there is one: not every browser can iterate. */
function sourceOf(body: unknown): Source | undefined {
  const stream = (body ?? {}) as Partial<ReadableStream & AsyncIterable<unknown> & { destroy(): unknown }>;
  if (typeof stream.getReader === "function") {
    const reader = stream.getReader();
    return { next: () => reader.read(), stop: () => void reader.cancel().catch(ignore) };
  }
  const iterator = stream[Symbol.asyncIterator]?.();
  if (iterator === undefined) return undefined;
  // An iterator that has not begun ends without a word to its stream.
  const stop = () => (stream.destroy ? void stream.destroy() : void iterator.return?.().catch(ignore));
  return { next: () => iterator.next(), stop };
}

function once(value: Uint8Array): Source {
  const all = [{ value }];
  return { next: async () => all.pop() ?? { done: true }, stop: ignore };
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function ignore(): void {}
