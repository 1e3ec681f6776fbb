/** Dispatchers that answer for themselves, and tell of a request's start when they please. */
import { Worker } from "node:worker_threads";
import { createThreadInterceptor } from "undici-thread-interceptor";
import { realDispatcher } from "../support/dispatcher.js";
import type { Dispatcher, Undici } from "./undici.js";

type Hooks = Record<string, (...args: unknown[]) => unknown>;

const STARTS = ["onConnect", "onRequestStart"];
const ANSWERS = ["onHeaders", "onResponseStart"];

/** Hands everything on, but tells of the start only once the answer is there. */
export class LateDispatcher implements Dispatcher {
  dispatch(options: object, handler: object): boolean {
    let start: (() => unknown) | undefined;
    const late = new Proxy(handler as Hooks, {
      get: (target, name) => {
        const hook = target[name as string];
        if (typeof hook !== "function") return hook;
        return (...args: unknown[]) => {
          if (STARTS.includes(name as string)) {
            start = () => hook.apply(target, args);
            return undefined;
          }
          if (ANSWERS.includes(name as string)) start?.();
          return hook.apply(target, args);
        };
      },
    });
    return realDispatcher(handler).dispatch(options, late);
  }
}

/** Its handler runs in a thread, and it answers after `ms`. */
const SERVER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { wire } = require("undici-thread-interceptor");
  const ran = new Int32Array(workerData.ran);
  wire({
    port: parentPort,
    server: (req, res) => {
      Atomics.add(ran, 0, 1);
      setTimeout(() => {
        res.writeHead(200, { "content-type": "application/json" });
        res.end(JSON.stringify({ participantId: "PA_1", servedBy: "thread" }));
      }, workerData.ms);
    },
  });
`;

/** A region in a thread of this process, and the dispatcher that leads there: as the README of the package says. */
export async function threadRegion({ Agent }: Undici, ms: number) {
  const ran = new SharedArrayBuffer(4);
  const worker = new Worker(SERVER, { eval: true, workerData: { ran, ms } });
  const interceptor = createThreadInterceptor({ domain: ".local" });
  await interceptor.route("home", worker);
  return {
    url: "http://home.local/twirp",
    dispatcher: new Agent().compose(interceptor),
    executed: () => new Int32Array(ran)[0],
    close: () => worker.terminate(),
  };
}
