/**
 * HAProxy as a reverse proxy.
 *
 * It must not replay requests itself, because the tests count executions. By default it does not: `retry-on` is
 * `conn-failure`, so a request goes to another server (`option redispatch`) only before a connection exists, and never
 * after it was sent. The tests verify this: each backend has a second server to go on to, which is the first one again.
 */
import {
  API_KEY_HEADER,
  BODY_LIMIT,
  type Frontend,
  IMPATIENCE_MS,
  MAINTENANCE_PAGE,
  NOT_FOUND_PAGE,
  type ProxyProgram,
  RETRY_AFTER_SECONDS,
} from "./proxy.js";

export const haproxy: ProxyProgram = {
  name: "HAProxy",
  command: "haproxy",
  refusedStatus: 503,
  // It closes the client's connection without an answer, because it expects the client to send the request again.
  reusedStatus: undefined,
  // One thread, because with several threads each would count a key's requests before it knows the counts of the others.
  config: (frontends) => `
global
  maxconn 256
  nbthread 1
defaults
  mode http
  retries 2
  option redispatch 1
  timeout connect 100ms
  timeout client 10s
  timeout server 10s
${frontends.map(section).join("\n")}
`,
  args: (configPath) => ["-db", "-f", configPath],
};

function section(frontend: Frontend): string {
  const { port, upstreamPort } = frontend;
  return `
frontend at_${port}
  bind 127.0.0.1:${port}
  ${frontend.manner === "persistent" ? "option http-keep-alive" : "option httpclose"}
  ${rules(frontend).join("\n  ")}
  default_backend of_${port}
backend of_${port}
  timeout server ${frontend.manner === "impatient" ? IMPATIENCE_MS : 10_000}ms
  server first 127.0.0.1:${upstreamPort}
  server second 127.0.0.1:${upstreamPort}`;
}

function rules({ manner }: Frontend): readonly string[] {
  switch (manner) {
    case "patient":
    case "persistent":
    case "impatient":
      return [];
    case "limited":
      return [
        "stick-table type string len 64 size 1k expire 60s store http_req_rate(60s)",
        `http-request track-sc0 req.hdr(${API_KEY_HEADER})`,
        "http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1 }",
      ];
    case "capped":
      return [`http-request deny deny_status 413 if { req.body_size gt ${BODY_LIMIT} }`];
    case "intercepting":
      return [
        `http-response return status 404 content-type text/html string ${quoted(NOT_FOUND_PAGE)} if { status 404 }`,
      ];
    case "maintenance": {
      const page = quoted(MAINTENANCE_PAGE);
      return [
        `http-request return status 503 content-type text/html string ${page} hdr Retry-After ${RETRY_AFTER_SECONDS}`,
      ];
    }
  }
}

/** Quotes a text as one word of the configuration. */
function quoted(text: string): string {
  return text.replaceAll(" ", "\\ ");
}
