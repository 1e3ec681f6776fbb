/** How an attempt failed on the wire, as an adapter reads it from its library's error. */
export type WireFailure =
  /** The Twirp server's own error. */
  | {
      readonly kind: "twirp";
      /** In any spelling. One that is not Twirp's is judged as a gateway's. */
      readonly code: string;
      /** Its meta. `retryable` and `retry_after` are read. */
      readonly meta?: Readonly<Record<string, unknown>>;
      /** The `Retry-After` header. */
      readonly retryAfter?: string | undefined;
    }
  /** An HTTP answer that is not Twirp's. */
  | {
      readonly kind: "http";
      /** The HTTP status, if it is known. */
      readonly status?: number | undefined;
      /** The `Retry-After` header. */
      readonly retryAfter?: string | undefined;
      /** Its body broke off, so it may be half of a Twirp error. */
      readonly broken?: boolean;
      /** Its body is JSON, and may be the service's own error in another form than Twirp's: Connect's, or a gateway's. */
      readonly otherJson?: boolean;
      /** Reported second-hand (a service may pass on another's error), so it proves nothing. */
      readonly relayed?: boolean;
      /** Its body was not JSON, and nothing else is known of it. Half of a Twirp error is not JSON either. */
      readonly unreadable?: boolean;
    }
  /** A good answer began, and broke off or is none. */
  | { readonly kind: "broken" }
  /** A good answer came, all of it, and this side cannot decode it: the server is newer. */
  | { readonly kind: "undecodable" }
  /** No answer came. */
  | {
      readonly kind: "none";
      /** The platform's name for the reason (`ECONNREFUSED` …), where the error has one. */
      readonly cause?: string | undefined;
    }
  /** The request could not even be built. */
  | { readonly kind: "unsendable" };
