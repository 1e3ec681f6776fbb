/** A hand-written client of thirty lines: cockatiel's retry, with a breaker and a timeout for each region. */
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import {
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from "cockatiel";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import { ATTEMPT_TIMEOUT_MS, CALL_TIMEOUT_MS, type Client, type Method, MUTATION, REQUESTS } from "./client.js";

export function byHand(origins: readonly string[]): Client {
  const regions = origins.map((origin) => ({
    rooms: new RoomServiceClient(new TwirpFetchTransport({ baseUrl: `${origin}/twirp` })),
    guard: wrap(
      circuitBreaker(handleAll, { halfOpenAfter: 30_000, breaker: new ConsecutiveBreaker(3) }),
      timeout(ATTEMPT_TIMEOUT_MS, TimeoutStrategy.Aggressive),
    ),
  }));
  const whole = wrap(
    timeout(CALL_TIMEOUT_MS, TimeoutStrategy.Aggressive),
    retry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff({ initialDelay: 200 }) }),
  );

  const call = async (method: Method): Promise<unknown> => {
    if (method === MUTATION) throw new Error("it does not know which methods may run twice");
    return whole.execute(async ({ signal }) => {
      let last: unknown;
      for (const { rooms, guard } of regions) {
        const send = (abort: AbortSignal): Promise<unknown> =>
          (method === "GetRoom"
            ? rooms.getRoom(REQUESTS.GetRoom, { abort })
            : rooms.listRooms(REQUESTS.ListRooms, { abort })
          ).response;
        try {
          return await guard.execute((attempt) => send(attempt.signal), signal);
        } catch (error) {
          last = error;
        }
      }
      throw last;
    });
  };
  return { call };
}
