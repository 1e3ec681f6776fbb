/** Checks LiveKit's table against the methods that the SDK calls and against the documentation. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as sdk from "livekit-server-sdk";
import { describe, expect, test } from "vitest";
import { livekitPolicies } from "../../../../src/adapters/livekit/policies.js";
import { Policies } from "../../../../src/policy/policy-table.js";

/** The folder of the SDK's code, which is next to its entry. */
const dist = dirname(createRequire(import.meta.url).resolve("livekit-server-sdk"));
const clientFiles = readdirSync(dist).filter((name) => /Client\.js$/.test(name));

/** The methods that one client calls, as `livekit.Service/Method`, found in its code. */
function methodsIn(file: string): string[] {
  const code = readFileSync(join(dist, file), "utf8");
  const service = /^const svc = "(\w+)";$/m.exec(code)?.[1];
  const calls = [...code.matchAll(/\.request\(\s*svc,\s*"(\w+)"/g)].map(([, method]) => `livekit.${service}/${method}`);
  // Every call was recognised.
  expect(calls).toHaveLength(code.split(".request(").length - 1);
  return calls;
}

const doc = readFileSync(fileURLToPath(new URL("../../../../docs/livekit.md", import.meta.url)), "utf8");
const documented = [...doc.matchAll(/^\| (\w+\/\w+) \| (yes|no) \| (\d+) s \| (.+) \|$/gm)].map(
  ([, method, twice, seconds, why = ""]) => ({
    name: `livekit.${method}`,
    idempotent: twice === "yes",
    timeoutMs: Number(seconds) * 1000,
    why,
  }),
);

const policies = new Policies(livekitPolicies, (message) => expect.fail(message));

function resolved(name: string) {
  const [service = "", method = ""] = name.split("/");
  return policies.resolve(service, method, undefined);
}

describe("LiveKit's policies", () => {
  test("the scan finds every client that the SDK exports, and its methods", () => {
    const exported = Object.keys(sdk).filter((name) => name.endsWith("Client"));
    expect(clientFiles.map((name) => name.replace(".js", "")).sort()).toEqual(exported.sort());
    expect(methodsIn("SipClient.js")).toContain("livekit.SIP/CreateSIPParticipant");
    expect(clientFiles.flatMap(methodsIn).length).toBeGreaterThan(50);
  });

  test.each(clientFiles)("include every method that %s calls", (file) => {
    const known = Object.keys(livekitPolicies);
    expect(methodsIn(file).filter((name) => !known.includes(name))).toEqual([]);
  });

  test("are the same as in the documentation, in the same order", () => {
    expect(documented.map(({ name }) => name)).toEqual(Object.keys(livekitPolicies));
    expect(documented.map(({ name, idempotent, timeoutMs }) => ({ name, idempotent, timeoutMs }))).toEqual(
      Object.keys(livekitPolicies).map((name) => {
        const { idempotent, timeoutMs } = resolved(name);
        return { name, idempotent, timeoutMs };
      }),
    );
    expect(documented.filter(({ why }) => why.length < 5)).toEqual([]);
  });

  test("are explicit, so that no wider key of the user's makes a method replayable", () => {
    const wide = new Policies({ "*": { idempotent: true }, ...livekitPolicies }, () => {});
    expect(wide.resolve("livekit.SIP", "CreateSIPParticipant", undefined).idempotent).toBe(false);
    expect(Object.values(livekitPolicies).filter((policy) => policy?.idempotent === undefined)).toEqual([]);
  });

  test("never replay a method that starts, dials, sends or buys something", () => {
    const risky = /\/(?:Start|Dial|Send|Purchase|Transfer|Connect|Accept|Perform|Create)/;
    const names = Object.keys(livekitPolicies).filter((name) => risky.test(name));
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => resolved(name).idempotent)).toEqual([]);
  });

  test("replay every method that lists or gets something", () => {
    const names = Object.keys(livekitPolicies).filter((name) => /\/(?:List|Get|Search)/.test(name));
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !resolved(name).idempotent)).toEqual([]);
  });

  test("cannot be changed by an importing module", () => {
    expect(Object.isFrozen(livekitPolicies)).toBe(true);
    expect(Object.values(livekitPolicies).every((policy) => Object.isFrozen(policy))).toBe(true);
  });
});
