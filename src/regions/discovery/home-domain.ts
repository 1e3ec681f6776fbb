/**
 * The domain whose hosts count as home's own where the user names none. Every host in it may get the user's token, so in
 * doubt it is home alone.
 *
 * It is loaded when the first list arrives that needs it, because of the names that come with it.
 */
import { PLATFORMS, REGISTRIES } from "./suffix-data.js";

const platforms = namesIn(PLATFORMS);
const registries = namesIn(REGISTRIES);

/** Names like `co.uk`. A company with so short a name in a country's domain is taken for one, too. */
const SHORT_REGISTRY = /^.{1,3}\...$/;

/**
 * All labels of home but the first, if what is left is one owner's: `livekit.cloud` for `my.livekit.cloud`, and
 * `example.co.uk` for `eu.example.co.uk`. Home itself where it stands directly below a registry (`example.com`), or
 * anywhere on a platform that gives names to strangers (`rooms.us-central1.run.app`).
 */
export function homeDomain(host: string): string {
  // A dot at the end only says that the name is complete.
  const labels = host.split(".").filter((label) => label !== "");
  const isAddress = host.startsWith("[") || /^\d+$/.test(labels.at(-1) ?? "");
  const below = (count: number) => labels.slice(-count).join(".");
  const isRegistered = labels.length > (isRegistry(below(2)) ? 3 : 2);
  const isOwn = !isAddress && isRegistered && !labels.some((_, i) => platforms.has(below(i + 1)));
  return isOwn && !platforms.has(`*.${below(1)}`) ? below(labels.length - 1) : below(labels.length);
}

function isRegistry(domain: string): boolean {
  return SHORT_REGISTRY.test(domain) || registries.has(domain);
}

/** The data has one line for each top-level domain: `com blogspot herokuapp …`. */
function namesIn(lines: string): ReadonlySet<string> {
  const names = lines.split("\n").flatMap((line) => {
    const [top, ...rest] = line.split(" ");
    return rest.map((name) => `${name}.${top}`);
  });
  return new Set(names);
}
