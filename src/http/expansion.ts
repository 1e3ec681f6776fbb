/**
 * How long a compressed body becomes. `fetch` decompresses without a limit, and does not tell how far it is, so the body is
 * decompressed a second time beside it, only to be counted. That is done in Node alone, and for few answers: what is short
 * enough for its greatest possible expansion is not touched.
 */

/** The part of Node's `Transform` that is needed; this file is loaded where there is no Node. */
interface Decoder {
  write(chunk: Uint8Array): unknown;
  end(): unknown;
  destroy(): unknown;
  pipe(to: Decoder): Decoder;
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "error" | "end" | "close", listener: () => void): unknown;
}

/** The part of `node:zlib` that is needed. */
interface Zlib {
  createGunzip(): Decoder;
  createInflate(): Decoder;
  createInflateRaw(): Decoder;
  createBrotliDecompress(): Decoder;
  /** In Node 22.15, 23.8 and later. */
  createZstdDecompress?(): Decoder;
}

/** The most that a byte of `deflate` or `gzip` can stand for. Brotli and Zstandard have no such limit worth naming. */
const MAX_DEFLATE_RATIO = 1_032;

export class Expansion {
  readonly #codings: readonly string[];
  /** How much compressed input cannot be too long, whatever it holds. */
  readonly #harmlessBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #first: Decoder | undefined;
  #stages: readonly Decoder[] = [];
  #stopped = false;

  /**
   * @param encoding the `Content-Encoding` header.
   * @param maxBytes after decompression.
   * @param onExceeded called once there is more.
   */
  constructor(
    encoding: string,
    private readonly maxBytes: number,
    private readonly onExceeded: () => void,
  ) {
    this.#codings = encoding
      .toLowerCase()
      .split(",")
      .map((coding) => coding.trim());
    const [only = ""] = this.#codings;
    const isDeflate = this.#codings.length === 1 && /^(?:x-)?gzip$|^deflate$/.test(only);
    this.#harmlessBytes = isDeflate ? Math.floor(maxBytes / MAX_DEFLATE_RATIO) : 0;
  }

  write(chunk: Uint8Array): void {
    if (this.#stopped) return;
    if (this.#first !== undefined) {
      this.#first.write(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#heldBytes > this.#harmlessBytes) this.#start();
  }

  /** All of the body was written. Resolves once it is known how long it becomes, or cannot be. */
  async end(): Promise<void> {
    const last = this.#stages.at(-1);
    if (last === undefined || this.#stopped) return;
    await new Promise<void>((resolve) => {
      last.on("end", resolve);
      last.on("close", resolve);
      for (const stage of this.#stages) stage.on("error", resolve);
      this.#first?.end();
    });
  }

  /** Gives everything free. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
    for (const stage of this.#stages) stage.destroy();
  }

  #start(): void {
    const [head] = this.#held;
    // The last coding was applied last.
    const stages = this.#codings.toReversed().map((coding) => decoderOf(coding, head));
    // `fetch` passes on as it is what it cannot decode.
    if (!stages.every((stage) => stage !== undefined)) {
      this.stop();
      return;
    }
    this.#stages = stages;
    this.#first = stages[0];
    // A body that is no such thing is for `fetch` to complain of.
    for (const stage of stages) stage.on("error", ignore);
    const last = stages.reduce((from, to) => from.pipe(to));
    let size = 0;
    last.on("data", (chunk: Uint8Array) => {
      size += chunk.byteLength;
      if (size <= this.maxBytes || this.#stopped) return;
      this.stop();
      this.onExceeded();
    });
    for (const chunk of this.#held.splice(0)) this.#first?.write(chunk);
  }
}

/** By the names that undici's `fetch` knows. */
function decoderOf(coding: string, head: Uint8Array | undefined): Decoder | undefined {
  const zlib = zlibOfNode();
  if (zlib === undefined) return undefined;
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return zlib.createGunzip();
    case "deflate":
      // Servers leave out the header of `zlib`, whose low four bits are 8.
      return head !== undefined && ((head[0] ?? 0) & 0x0f) === 0x08 ? zlib.createInflate() : zlib.createInflateRaw();
    case "br":
      return zlib.createBrotliDecompress();
    case "zstd":
      return zlib.createZstdDecompress?.();
    default:
      return undefined;
  }
}

/** `undefined` elsewhere than in Node, and in 22.0 to 22.2. */
function zlibOfNode(): Zlib | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(id: string): unknown } };
  return process?.getBuiltinModule?.("node:zlib") as Zlib | undefined;
}

function ignore(): void {}
