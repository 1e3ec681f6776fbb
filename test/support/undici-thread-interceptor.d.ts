declare module "undici-thread-interceptor" {
  import type { Worker } from "node:worker_threads";

  type Dispatch = (options: object, handler: object) => boolean;

  export function createThreadInterceptor(options: { domain: string }): ((dispatch: Dispatch) => Dispatch) & {
    route(name: string, worker: Worker): Promise<void>;
  };
}
