/** A failure around the demo. Its message is enough, so no stack trace is printed. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}
