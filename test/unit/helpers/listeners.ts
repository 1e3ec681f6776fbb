/** Counts the listeners on an abort signal, because the platform has no way to ask for the number. */
export function countListeners(signal: AbortSignal): () => number {
  const active = new Map<unknown, number>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
    active.set(listener, 1);
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    active.delete(listener);
    remove(type, listener);
  };
  return () => active.size;
}
