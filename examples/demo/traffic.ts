/** The load: calls at a steady rate, even if earlier ones have not ended. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import type { Stopwatch } from "./stopwatch.js";

export type Kind = "reads" | "updates" | "mutations";

/** One call from the caller's side. Times are in milliseconds since the traffic began. */
export interface CallRecord {
  readonly requestId: string;
  readonly method: Method;
  readonly kind: Kind;
  readonly startedMs: number;
  /** Absent while it is under way. */
  endedMs?: number;
  /** Absent if it succeeded. */
  error?: unknown;
  attempts: number;
}

const METHODS = {
  getRoom: { kind: "reads", call: (client, requestId) => client.getRoom({ name: "lobby", requestId }) },
  listRooms: { kind: "reads", call: (client, requestId) => client.listRooms({ limit: 10, requestId }) },
  updateRoomMetadata: {
    kind: "updates",
    call: (client, requestId) => client.updateRoomMetadata({ name: "lobby", metadata: "on air", requestId }),
  },
  dialParticipant: {
    kind: "mutations",
    call: (client, requestId) => client.dialParticipant({ room: "lobby", phoneNumber: "+15550100", requestId }),
  },
  startRecording: {
    kind: "mutations",
    call: (client, requestId) => client.startRecording({ room: "lobby", requestId }),
  },
} satisfies Record<string, MethodInfo>;

interface MethodInfo {
  readonly kind: Kind;
  call(client: RoomServiceClient, requestId: string): { readonly response: Promise<object> };
}

export type Method = keyof typeof METHODS;

/** Ten calls, which repeat: six reads, two updates and two mutations. */
const MIX: readonly Method[] = [
  ...(["getRoom", "updateRoomMetadata", "getRoom", "dialParticipant", "listRooms"] as const),
  ...(["getRoom", "updateRoomMetadata", "listRooms", "startRecording", "getRoom"] as const),
];

/** How often to check whether a call is due. */
const TICK_MS = 4;

export class Traffic {
  readonly calls: CallRecord[] = [];
  readonly #byId = new Map<string, CallRecord>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    private readonly perSecond: number,
    private readonly stopwatch: Stopwatch,
    private readonly onFailure: (call: CallRecord) => void,
  ) {}

  get underWay(): number {
    return this.#underWay.size;
  }

  progress(): string {
    const failed = this.calls.filter(({ error }) => error !== undefined).length;
    const over = this.calls.length - this.underWay;
    const time = `${(this.stopwatch.ms() / 1000).toFixed(1)} s`;
    return `${time.padStart(8)}  ${over - failed} calls succeeded, ${failed} failed, ${this.underWay} under way`;
  }

  countAttempt(requestId: string): void {
    const call = this.#byId.get(requestId);
    if (call) call.attempts++;
  }

  /** Resolves when the last call is over. */
  async run(client: RoomServiceClient, durationMs: number): Promise<void> {
    for (;;) {
      // The number of due calls is derived from the clock, so that a late tick makes up for missed calls.
      const due = Math.min(this.stopwatch.ms(), durationMs) * (this.perSecond / 1000);
      while (this.calls.length < Math.floor(due)) this.#send(client);
      if (this.stopwatch.ms() >= durationMs) break;
      await sleep(TICK_MS);
    }
    await Promise.all(this.#underWay);
  }

  /** Makes a few uncounted calls of each method, so that the first second does not measure cold code. */
  async warmUp(client: RoomServiceClient): Promise<void> {
    for (let round = 0; round < 3; round++) {
      const calls = Object.values(METHODS).map(({ call }) => call(client, `warm-up-${round}`).response);
      await Promise.all(calls);
    }
  }

  #send(client: RoomServiceClient): void {
    const n = this.calls.length;
    const method = MIX[n % MIX.length] as Method;
    const { kind, call } = METHODS[method];
    const record: CallRecord = {
      requestId: `call-${n + 1}`,
      method,
      kind,
      startedMs: this.stopwatch.ms(),
      attempts: 0,
    };
    this.calls.push(record);
    this.#byId.set(record.requestId, record);

    const over = call(client, record.requestId).response.then(
      () => {
        record.endedMs = this.stopwatch.ms();
      },
      (error: unknown) => {
        record.endedMs = this.stopwatch.ms();
        record.error = error;
        this.onFailure(record);
      },
    );
    this.#underWay.add(over);
    void over.then(() => this.#underWay.delete(over));
  }
}

/** `GetRoom failed: UNKNOWN (fetch failed)` */
export function describeFailure({ method, error }: CallRecord): string {
  const { code, message } = error as { code?: string; message?: string };
  return `${method.replace(/^./, (first) => first.toUpperCase())} failed: ${code ?? "error"} (${message})`;
}
