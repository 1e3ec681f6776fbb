import { onAbort } from "../../support/abort.js";
import { type Clock, type Timer, unref } from "../../support/clock.js";

/** How long everyone who was asked may be silent before the next is asked as well, in milliseconds. */
export const STAGGER_MS = 500;

/**
 * Asks one after the other until one answers. The next is asked when all before it have failed, or have been silent for
 * `STAGGER_MS`. Rejects with the first error when all have failed. Questions that are still open are aborted.
 */
export function firstAnswer<T>(
  questions: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal,
  clock: Clock,
): Promise<T> {
  const controller = new AbortController();
  const forget = onAbort(signal, () => controller.abort(signal.reason));
  let timer: Timer | undefined;
  const stopWaiting = () => {
    if (timer !== undefined) clock.clearTimeout(timer);
  };

  const answered = new Promise<T>((resolve, reject) => {
    let asked = 0;
    let failures = 0;
    let firstError: unknown;
    const askNext = () => {
      stopWaiting();
      const n = asked++;
      questions[n]?.(controller.signal).then(resolve, (error: unknown) => {
        if (n === 0) firstError = error;
        failures++;
        if (failures === questions.length) reject(firstError);
        else if (failures === asked) askNext();
      });
      if (asked < questions.length) {
        timer = clock.setTimeout(askNext, STAGGER_MS);
        unref(timer);
      }
    };
    askNext();
  });
  return answered.finally(() => {
    stopWaiting();
    forget();
    controller.abort();
  });
}
