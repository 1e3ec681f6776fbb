/**
 * nginx as a reverse proxy.
 *
 * It must not replay requests itself, because the tests count executions. By default it does not: `proxy_next_upstream`
 * is `error timeout`, so a request goes to the next server only if it was not sent yet or if its HTTP method is
 * idempotent. A POST that was sent is `non_idempotent`, and Twirp uses only POST. The tests verify this: each upstream
 * has a second server to go on to, which is the first one again.
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

export const nginx: ProxyProgram = {
  name: "nginx",
  command: "nginx",
  refusedStatus: 502,
  reusedStatus: 502,
  // One process without a master, so that the started pid is the one that listens.
  config: (frontends, directory) => `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log info;
events { worker_connections 256; }
http {
  access_log ${directory}/access.log;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  default_type text/html;
  limit_req_status 429;
${frontends.map(server).join("\n")}
}
`,
  args: (configPath, directory) => ["-p", directory, "-c", configPath],
};

// `max_fails=0`: a server that failed is used again for the next request. Otherwise one test's fault would disable the
// upstream for the next tests.
function server(frontend: Frontend): string {
  const { port, upstreamPort } = frontend;
  return `
  upstream of_${port} {
    server 127.0.0.1:${upstreamPort} max_fails=0;
    server 127.0.0.1:${upstreamPort} max_fails=0;
    ${frontend.manner === "persistent" ? "keepalive 8;" : ""}
  }
  limit_req_zone $http_${API_KEY_HEADER.replaceAll("-", "_")} zone=keys_of_${port}:1m rate=1r/m;
  server {
    listen 127.0.0.1:${port};
    keepalive_timeout ${frontend.manner === "persistent" ? "60s" : "0"};
    location @page { return 404 "${NOT_FOUND_PAGE}"; }
    location / {
      ${rules(frontend)}
    }
  }`;
}

function rules({ port, manner }: Frontend): string {
  const pass = `proxy_pass http://of_${port};`;
  switch (manner) {
    case "patient":
      return `client_max_body_size 0; ${pass}`;
    case "persistent":
      return `proxy_http_version 1.1; proxy_set_header Connection ""; ${pass}`;
    case "impatient":
      return `proxy_read_timeout ${IMPATIENCE_MS}ms; ${pass}`;
    case "limited":
      return `limit_req zone=keys_of_${port}; ${pass}`;
    case "capped":
      return `client_max_body_size ${BODY_LIMIT}; ${pass}`;
    case "intercepting":
      return `proxy_intercept_errors on; error_page 404 @page; ${pass}`;
    case "maintenance":
      return `add_header Retry-After ${RETRY_AFTER_SECONDS} always; return 503 "${MAINTENANCE_PAGE}";`;
  }
}
