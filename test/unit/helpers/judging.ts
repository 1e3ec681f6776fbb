/** Judges one failure by itself, without a call. */

import { type Outcome, outcomeOfFailure } from "../../../src/outcome/outcome.js";
import { Transmission } from "../../../src/outcome/transmission.js";
import type { TwirpCode } from "../../../src/outcome/twirp-code.js";
import type { WireFailure } from "../../../src/outcome/wire-failure.js";
import { clockWith, EPOCH } from "./simulation.js";

/** What was observed of the request as it was sent. */
export type Seen = "nothing" | "waiting" | "started" | { readonly httpStatus: number };

export function transmissionThat(seen: Seen): Transmission {
  const transmission = new Transmission(clockWith());
  if (seen === "nothing") return transmission;
  transmission.onHandedOver();
  if (seen === "started") transmission.onStarted();
  else if (seen !== "waiting") transmission.onAnswered(seen.httpStatus);
  return transmission;
}

interface Circumstances {
  readonly seen?: Seen;
  readonly route?: string;
  readonly notExecutedCodes?: readonly TwirpCode[];
  readonly warn?: (message: string) => void;
}

/** What the judged call has called, unless a test says otherwise. */
export const ROUTE = "acme.rooms.v1.RoomService/DialParticipant";

export function judge(
  failure: WireFailure,
  { seen = "nothing", route = ROUTE, notExecutedCodes = [], warn = () => {} }: Circumstances = {},
): Outcome {
  return outcomeOfFailure(failure, {
    transmission: transmissionThat(seen),
    route,
    notExecutedCodes: new Set(notExecutedCodes),
    dateMs: EPOCH,
    warn,
  });
}
