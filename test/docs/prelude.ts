/** The names that the text around the snippets introduces. */
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import { createFailover } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";

export const failover = createFailover({
  regions: ["https://us-east.example.com/twirp", "https://eu-west.example.com/twirp"],
  policies: { "*": { initialBackoffMs: 1 } },
});

export const rooms = new RoomServiceClient(
  new TwirpFetchTransport({ baseUrl: "", interceptors: [failoverInterceptor(failover)] }),
);

export async function freshToken(): Promise<string> {
  return "token";
}
