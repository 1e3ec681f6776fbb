/** The RPC libraries that the tests call the Go server with, each behind the same few words. */
import { type MethodInfo, RpcError, type RpcTransport, ServiceType, stackIntercept } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import type { Failover, PolicyTable } from "twirp-failover";
import { failoverInterceptor } from "twirp-failover/protobuf-ts";
import { RoomServiceClient } from "../../proto/gen/rooms.client.js";
import {
  type DialParticipantRequest,
  type DialParticipantResponse,
  GetRoomRequest,
  type ListRoomsRequest,
  type ListRoomsResponse,
  Room,
  type StartRecordingRequest,
  type StartRecordingResponse,
  type UpdateRoomMetadataRequest,
} from "../../proto/gen/rooms.js";

/** By their names in the `.proto`. */
export interface Methods {
  GetRoom: { request: GetRoomRequest; response: Room };
  ListRooms: { request: ListRoomsRequest; response: ListRoomsResponse };
  UpdateRoomMetadata: { request: UpdateRoomMetadataRequest; response: Room };
  DialParticipant: { request: DialParticipantRequest; response: DialParticipantResponse };
  StartRecording: { request: StartRecordingRequest; response: StartRecordingResponse };
}

export type Method = keyof Methods;

/** How a call ended: with a response, or with the library's error and what it says. */
export interface Result<T> {
  readonly response?: T;
  readonly error?: unknown;
  /** As the server spelt it. */
  readonly code?: string;
  readonly message?: string;
  readonly meta?: Readonly<Record<string, unknown>>;
}

export interface Client {
  call<M extends Method>(method: M, request: Methods[M]["request"]): Promise<Result<Methods[M]["response"]>>;
  /** Calls a method of another service, which takes a `GetRoomRequest` and of which nothing else is known. */
  callOther(service: string, method: string, request: GetRoomRequest): Promise<Result<object>>;
}

export type Format = "binary" | "JSON";

export interface Adapter {
  readonly name: string;
  /** The class of the errors that its users catch. */
  readonly errorClass: new (
    ...args: never[]
  ) => Error;
  /** What its clients cannot know by themselves of the `.proto`: which methods may run twice. */
  readonly policies: PolicyTable;
  connect(failover: Failover, format: Format): Client;
}

const protobufTs: Adapter = {
  name: "protobuf-ts",
  errorClass: RpcError,
  policies: {},
  connect(failover, format) {
    const transport = new TwirpFetchTransport({
      baseUrl: "",
      sendJson: format === "JSON",
      interceptors: [failoverInterceptor(failover)],
    });
    const rooms = new RoomServiceClient(transport);
    // The generated methods, by the names of the `.proto`.
    const methods: { [M in Method]: (request: Methods[M]["request"]) => Promise<Methods[M]["response"]> } = {
      GetRoom: (request) => rooms.getRoom(request).response,
      ListRooms: (request) => rooms.listRooms(request).response,
      UpdateRoomMetadata: (request) => rooms.updateRoomMetadata(request).response,
      DialParticipant: (request) => rooms.dialParticipant(request).response,
      StartRecording: (request) => rooms.startRecording(request).response,
    };
    return {
      call: (method, request) => resultOf(methods[method](request), readRpcError),
      callOther: (service, method, request) => resultOf(callOther(transport, service, method, request), readRpcError),
    };
  },
};

function callOther(transport: RpcTransport, service: string, name: string, request: GetRoomRequest): Promise<object> {
  const [method] = new ServiceType(service, [{ name, I: GetRoomRequest, O: Room }]).methods as [MethodInfo];
  const options = transport.mergeOptions({});
  return stackIntercept<object, object>("unary", transport, method, options, request).response;
}

const readRpcError = (error: unknown) => {
  const { code, message, meta } = error as RpcError;
  return { code, message, meta };
};

/** @param read what an error of the library says. */
async function resultOf<T>(call: Promise<T>, read: (error: unknown) => Result<T>): Promise<Result<T>> {
  try {
    return { response: await call };
  } catch (error) {
    return { error, ...read(error) };
  }
}

/** A library that is added here is put to all tests. */
export const ADAPTERS: readonly Adapter[] = [protobufTs];
