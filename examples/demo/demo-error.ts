/** Something that went wrong around the demo; its message says all there is to say. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}
