/** What an adapter reads from its library's error: which kind of answer came, if any. */
export type Answer =
  /** The Twirp server's own error. */
  | {
      readonly kind: "twirp";
      readonly code: string;
      readonly meta?: Readonly<Record<string, unknown>>;
      readonly retryAfter?: string | undefined;
    }
  /** An HTTP answer that is not Twirp's. */
  | {
      readonly kind: "http";
      readonly status?: number | undefined;
      readonly retryAfter?: string | undefined;
      /** Its body broke off, so it may be half of a Twirp error. */
      readonly broken?: boolean;
      /** It was told of by another, who may have had it from a server behind him: it proves nothing. */
      readonly relayed?: boolean;
      /** Its body was no JSON, and more is not known: half of a Twirp error is none either. */
      readonly unreadable?: boolean;
    }
  /** A good answer began, and broke off or could not be read. */
  | { readonly kind: "broken" }
  /** No answer came. `cause` is the platform's name for why, where the error has one. */
  | { readonly kind: "none"; readonly cause?: string | undefined }
  /** The request could not even be built. */
  | { readonly kind: "unsendable" };
