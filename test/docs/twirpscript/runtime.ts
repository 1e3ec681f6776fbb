/** The part of twirpscript 0.0.72's runtime that its generated clients use, with the same types and behaviour. */
type ErrorCode =
  | "canceled"
  | "unknown"
  | "invalid_argument"
  | "malformed"
  | "deadline_exceeded"
  | "not_found"
  | "bad_route"
  | "already_exists"
  | "permission_denied"
  | "unauthenticated"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss";

interface TwirpErrorShape {
  code: ErrorCode;
  msg: string;
  meta?: Record<string, string>;
}

export class TwirpError implements TwirpErrorShape {
  code: ErrorCode;
  msg: string;
  meta?: Record<string, string>;

  constructor(error: TwirpErrorShape) {
    this.code = error.code;
    this.msg = error.msg;
    if (error.meta !== undefined) this.meta = error.meta;
  }
}

interface RpcTransportOpts {
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array | undefined | null;
}

interface RpcTransportResponse {
  arrayBuffer: () => Promise<ArrayBuffer>;
  json: () => Promise<unknown>;
  readonly headers: { get(name: string): string | null };
  readonly ok: boolean;
  readonly status: number;
  text: () => Promise<string>;
}

export type RpcTransport = (url: string, opts: RpcTransportOpts) => Promise<RpcTransportResponse>;

export interface ClientConfiguration {
  baseURL?: string;
  headers?: Record<string, string>;
  prefix?: string;
  rpcTransport?: RpcTransport;
}

export const client = {
  baseURL: "",
  headers: {} as Record<string, string>,
  prefix: "/twirp",
  rpcTransport: ((url, opts) => fetch(url, opts as RequestInit)) as RpcTransport,
};

async function makeRequest(
  contentType: string,
  path: string,
  body: string | Uint8Array | undefined,
  config: ClientConfiguration = {},
): Promise<RpcTransportResponse> {
  const url = (config.baseURL ?? client.baseURL) + (config.prefix ?? client.prefix) + path;
  const res = await (config.rpcTransport ?? client.rpcTransport)(url, {
    method: "POST",
    headers: { accept: contentType, "content-type": contentType, ...client.headers, ...config.headers },
    body,
  });
  if (!res.ok) throw new Error(`its own reading of HTTP ${res.status}`);
  return res;
}

export async function JSONrequest(path: string, body?: string, config?: ClientConfiguration): Promise<string> {
  return (await makeRequest("application/json", path, body, config)).text();
}

export async function PBrequest(path: string, body?: Uint8Array, config?: ClientConfiguration): Promise<Uint8Array> {
  return new Uint8Array(await (await makeRequest("application/protobuf", path, body, config)).arrayBuffer());
}
