import { failoverTrace, type Outcome } from "twirp-failover";
import { expect, test } from "vitest";
import { newRequestId } from "../support/wire.js";
import { againstGo, errorRoom, KIND_NAMES, KINDS } from "./against-go.js";

/** Which calls fail over after this error. */
type Replayed = "none" | "reads" | "all";

interface Row extends Pick<Outcome, "execution"> {
  /** The code in Go's spelling. */
  readonly go: string;
  /** The specification's spelling, if it differs. */
  readonly code?: Outcome["code"];
  readonly httpStatus: number;
  readonly replayed: Replayed;
}

/** All codes in Go. The handler ran in every one of these cases. */
const CODES: readonly Row[] = [
  { go: "canceled", httpStatus: 408, execution: "done", replayed: "none" },
  { go: "unknown", httpStatus: 500, execution: "unknown", replayed: "reads" },
  { go: "invalid_argument", httpStatus: 400, execution: "done", replayed: "none" },
  { go: "malformed", httpStatus: 400, execution: "done", replayed: "none" },
  { go: "deadline_exceeded", httpStatus: 408, execution: "unknown", replayed: "none" },
  { go: "not_found", httpStatus: 404, execution: "done", replayed: "none" },
  { go: "bad_route", httpStatus: 404, execution: "unknown", replayed: "reads" },
  { go: "already_exists", httpStatus: 409, execution: "done", replayed: "none" },
  { go: "permission_denied", httpStatus: 403, execution: "done", replayed: "none" },
  { go: "unauthenticated", httpStatus: 401, execution: "done", replayed: "none" },
  { go: "resource_exhausted", httpStatus: 429, execution: "unknown", replayed: "none" },
  { go: "failed_precondition", httpStatus: 412, execution: "done", replayed: "none" },
  { go: "aborted", httpStatus: 409, execution: "done", replayed: "none" },
  { go: "out_of_range", httpStatus: 400, execution: "done", replayed: "none" },
  { go: "unimplemented", httpStatus: 501, execution: "done", replayed: "none" },
  { go: "internal", httpStatus: 500, execution: "unknown", replayed: "reads" },
  { go: "unavailable", httpStatus: 503, execution: "unknown", replayed: "reads" },
  { go: "data_loss", code: "dataloss", httpStatus: 500, execution: "unknown", replayed: "reads" },
];

/** All characters that JSON must escape, and those that Go also escapes. */
const META = {
  plain: "a value",
  empty: "",
  quoted: 'C:\\"temp"\n\t',
  html: "<b>&amp;</b>",
  unicode: "straße 🚪🏽 שלום e\u0301 \u2028",
  nul: "a\0b",
  "a key ✓": "x",
};

againstGo("the error codes of Go", (setting) => {
  for (const { go, code = go as Outcome["code"], httpStatus, execution, replayed } of CODES) {
    const facts = { code, origin: "service", execution, httpStatus } as const;

    test(`${go} arrives unchanged, and is read as ${code}, ${execution}`, async () => {
      const { rooms } = setting().connect({ replay: false });
      const requestId = newRequestId();
      const result = await rooms.call("DialParticipant", { room: errorRoom(go, META), phoneNumber: "1", requestId });
      expect(result).toMatchObject({ code: go, message: `the handler says ${go}` });
      expect(result.meta).toEqual(META);

      const { error, outcomes } = setting().failureOf(result);
      expect(outcomes).toEqual([facts]);
      const trace = failoverTrace(error);
      expect(trace?.attempts[0]?.error).toBe(error);
      expect(trace?.refused).toBe(execution === "done" ? "answered" : "disabled");
      expect(await setting().home.received()).toMatchObject([{ requestId, ran: true }]);
    });

    for (const kind of KIND_NAMES) {
      const goesOn = replayed === "all" || (replayed === "reads" && kind === "read");
      test(`${go}: a ${kind} ${goesOn ? "fails over" : "is not replayed"}`, async () => {
        const { home, second } = setting();
        const { rooms, attempts } = setting().connect();
        const requestId = newRequestId();
        const result = await KINDS[kind](rooms, errorRoom(go), requestId);

        const run = { requestId, ran: true };
        expect(await home.received()).toMatchObject([run]);
        expect(await second.received()).toMatchObject(goesOn ? [run] : []);
        expect(attempts[0]).toMatchObject({ region: "home", ok: false, ...facts });
        expect(attempts).toHaveLength(goesOn ? 2 : 1);
        if (goesOn) expect(result.response).toMatchObject({ servedBy: "second" });
        else expect(setting().failureOf(result).outcomes).toEqual([facts]);
      });
    }
  }
});
