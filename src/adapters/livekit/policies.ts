/**
 * What is known about LiveKit's methods: whether each may run twice for one call, and how long those take that wait for a
 * phone to be answered. The reason for each is in docs/livekit.md. A test compares the two with each other and with the
 * methods that the SDK calls.
 */

import type { MethodPolicy } from "../../policy/policy.js";
import type { PolicyTable } from "../../policy/policy-table.js";
import { MAX_TIMER_MS } from "../../support/clock.js";
import { RINGS_MS } from "./timeout.js";

/** The method only reads, or a second run leaves everything as the first left it. */
const TWICE: MethodPolicy = Object.freeze({ idempotent: true });

/** Written out, so that a `"*"` of the user's cannot declare it idempotent. */
const ONCE: MethodPolicy = Object.freeze({ idempotent: false });

/**
 * The method may wait until somebody answers: LiveKit's 30 s of ringing plus the SDK's margin of 2 s. An attempt has all of that
 * time, because a phone rings behind it.
 */
const RINGS: MethodPolicy = Object.freeze({
  idempotent: false,
  timeoutMs: RINGS_MS,
  perAttemptTimeoutMs: MAX_TIMER_MS,
});

/** The method waits for a participant's answer, which takes up to 15 s by default. */
const ASKS: MethodPolicy = Object.freeze({ idempotent: false, timeoutMs: 17_000, perAttemptTimeoutMs: MAX_TIMER_MS });

function methodsOf(service: string, methods: Readonly<Record<string, MethodPolicy>>): PolicyTable {
  return Object.fromEntries(Object.entries(methods).map(([name, policy]) => [`livekit.${service}/${name}`, policy]));
}

/**
 * The policies of all methods of LiveKit's server APIs. A method that is missing here is not replayed after an attempt that
 * may have run.
 */
export const livekitPolicies: PolicyTable = Object.freeze({
  ...methodsOf("RoomService", {
    CreateRoom: ONCE,
    ListRooms: TWICE,
    DeleteRoom: TWICE,
    ListParticipants: TWICE,
    GetParticipant: TWICE,
    RemoveParticipant: TWICE,
    MutePublishedTrack: TWICE,
    UpdateParticipant: TWICE,
    UpdateSubscriptions: TWICE,
    SendData: ONCE,
    UpdateRoomMetadata: TWICE,
    ForwardParticipant: ONCE,
    MoveParticipant: ONCE,
    PerformRpc: ASKS,
  }),
  ...methodsOf("Egress", {
    StartEgress: ONCE,
    StartRoomCompositeEgress: ONCE,
    StartWebEgress: ONCE,
    StartParticipantEgress: ONCE,
    StartTrackCompositeEgress: ONCE,
    StartTrackEgress: ONCE,
    UpdateLayout: TWICE,
    UpdateStream: ONCE,
    ListEgress: TWICE,
    StopEgress: TWICE,
  }),
  ...methodsOf("Ingress", {
    CreateIngress: ONCE,
    UpdateIngress: TWICE,
    ListIngress: TWICE,
    DeleteIngress: TWICE,
  }),
  ...methodsOf("SIP", {
    CreateSIPTrunk: ONCE,
    CreateSIPInboundTrunk: ONCE,
    CreateSIPOutboundTrunk: ONCE,
    UpdateSIPInboundTrunk: TWICE,
    UpdateSIPOutboundTrunk: TWICE,
    GetSIPInboundTrunk: TWICE,
    GetSIPOutboundTrunk: TWICE,
    ListSIPTrunk: TWICE,
    ListSIPInboundTrunk: TWICE,
    ListSIPOutboundTrunk: TWICE,
    DeleteSIPTrunk: TWICE,
    CreateSIPDispatchRule: ONCE,
    UpdateSIPDispatchRule: TWICE,
    ListSIPDispatchRule: TWICE,
    DeleteSIPDispatchRule: TWICE,
    CreateSIPParticipant: RINGS,
    TransferSIPParticipant: RINGS,
  }),
  ...methodsOf("AgentDispatchService", {
    CreateDispatch: ONCE,
    DeleteDispatch: TWICE,
    ListDispatch: TWICE,
  }),
  ...methodsOf("Connector", {
    DialWhatsAppCall: RINGS,
    AcceptWhatsAppCall: RINGS,
    ConnectWhatsAppCall: ONCE,
    DisconnectWhatsAppCall: TWICE,
    ConnectTwilioCall: ONCE,
  }),
  ...methodsOf("PhoneNumberService", {
    SearchPhoneNumbers: TWICE,
    PurchasePhoneNumber: ONCE,
    ListPhoneNumbers: TWICE,
    GetPhoneNumber: TWICE,
    UpdatePhoneNumber: TWICE,
    ReleasePhoneNumbers: ONCE,
  }),
});

/** The methods of these policies, by service. */
const METHODS = new Map<string, string[]>();
for (const [service = "", method = ""] of Object.keys(livekitPolicies).map((key) => key.split("/"))) {
  METHODS.set(service, [...(METHODS.get(service) ?? []), method]);
}

/** The methods that a service of LiveKit's is known to have; there may be newer ones. */
export function livekitMethods(service: string): readonly string[] | undefined {
  return METHODS.get(service);
}
