/** The part of a response's body that was read. */
export interface BoundedBody {
  /** After decompression. */
  readonly bytes: Uint8Array;
  /** Whether there was more than allowed. The rest was not read, and its connection is closed. */
  readonly more: boolean;
}

/** Reads at most `maxBytes` of a response's body. Rejects if it breaks off. */
export async function readBounded(response: Response, maxBytes: number): Promise<BoundedBody> {
  if (response.body === null) return { bytes: new Uint8Array(0), more: false };
  const chunks: Uint8Array[] = [];
  let size = 0;
  // With a reader, because not every browser can iterate over a stream.
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { bytes: joined(chunks, size), more: false };
    const left = maxBytes - size;
    chunks.push(value.subarray(0, left));
    size += Math.min(value.byteLength, left);
    if (value.byteLength > left) {
      // Not waited for, because a stream that hangs may hang here too.
      reader.cancel().catch(() => {});
      return { bytes: joined(chunks, size), more: true };
    }
  }
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
