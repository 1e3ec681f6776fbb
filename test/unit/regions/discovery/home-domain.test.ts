/** Whose hosts get the token where the user names none, held against the Public Suffix List itself. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { getPublicSuffix } from "tldts";
import { describe, expect, test } from "vitest";
// @ts-expect-error: a script, without types.
import * as script from "../../../../scripts/suffixes.mjs";
import { httpRegions } from "../../../../src/regions/discovery/http.js";

interface Rule {
  readonly rule: string;
  readonly isPrivate: boolean;
}

const RULES: readonly Rule[] = script.publicSuffixRules();
const UNLISTED: readonly string[] = script.UNLISTED;

/** Whether a list that comes from `home` may name `other`. */
async function allows(home: string, other: string): Promise<boolean> {
  const source = httpRegions({ home: `https://${home}/twirp` });
  const answer = JSON.stringify({ regions: [{ region: "other", url: `https://${other}` }] });
  return (await source.restore?.(answer, () => {}))?.length === 2;
}

const suffixOf = (host: string) => getPublicSuffix(host, { allowPrivateDomains: true, validateHostname: false }) ?? "";

/** By the list itself: the suffix, and the label before it, which its owner chose. */
const siteOf = (host: string) =>
  host
    .split(".")
    .slice(-suffixOf(host).split(".").length - 1)
    .join(".");

/** Home, and a host of somebody else's on the same platform. */
const STRANGERS: readonly [home: string, stranger: string][] = [
  ["my-svc-abc.us-central1.run.app", "evil.us-central1.run.app"],
  ["my-svc-abc-uc.a.run.app", "evil-uc.a.run.app"],
  ["my-svc-123456789.europe-west1.run.app", "evil-1.europe-west1.run.app"],
  ["a1b2c3.execute-api.us-east-1.amazonaws.com", "evil.execute-api.us-east-1.amazonaws.com"],
  ["a1b2c3.execute-api.us-east-1.amazonaws.com", "evil.lambda.us-east-1.amazonaws.com"],
  ["a1b2c3.execute-api.cn-north-1.amazonaws.com.cn", "evil.execute-api.cn-north-1.amazonaws.com.cn"],
  ["abc.lambda-url.eu-west-1.on.aws", "evil.lambda-url.eu-west-1.on.aws"],
  ["abc.lambda-url.xx-new-1.on.aws", "evil.lambda-url.xx-new-1.on.aws"],
  ["my-lb-1.us-east-1.elb.amazonaws.com", "evil-2.us-east-1.elb.amazonaws.com"],
  ["my-lb-1.elb.us-east-1.amazonaws.com", "evil-2.elb.us-east-1.amazonaws.com"],
  ["ec2-1-2-3-4.compute-1.amazonaws.com", "ec2-5-6-7-8.compute-1.amazonaws.com"],
  ["my-env.us-east-1.elasticbeanstalk.com", "evil.us-east-1.elasticbeanstalk.com"],
  ["abc.us-east-1.awsapprunner.com", "evil.us-east-1.awsapprunner.com"],
  ["bucket.s3.amazonaws.com", "evil.s3.amazonaws.com"],
  ["bucket.s3.eu-west-1.amazonaws.com", "evil.s3.eu-west-1.amazonaws.com"],
  ["main.d123.amplifyapp.com", "evil.amplifyapp.com"],
  ["d111111abcdef8.cloudfront.net", "d222222abcdef8.cloudfront.net"],
  ["rooms.vercel.app", "evil.vercel.app"],
  ["rooms-git-main-team.vercel.app", "evil-git-main-team.vercel.app"],
  ["rooms.fly.dev", "evil.fly.dev"],
  ["rooms.azurewebsites.net", "evil.azurewebsites.net"],
  ["rooms-abc.westeurope-01.azurewebsites.net", "evil-abc.westeurope-01.azurewebsites.net"],
  ["rooms.kindsea-1.eastus.azurecontainerapps.io", "evil.kindsea-1.eastus.azurecontainerapps.io"],
  ["rooms.eastus.azurecontainer.io", "evil.eastus.azurecontainer.io"],
  ["rooms.westeurope.cloudapp.azure.com", "evil.westeurope.cloudapp.azure.com"],
  ["rooms.azure-api.net", "evil.azure-api.net"],
  ["rooms.azurefd.net", "evil.azurefd.net"],
  ["rooms.trafficmanager.net", "evil.trafficmanager.net"],
  ["rooms-1a2b3c.herokuapp.com", "evil.herokuapp.com"],
  ["rooms.github.io", "evil.github.io"],
  ["abc-8080.app.github.dev", "evil-8080.app.github.dev"],
  ["rooms.gitlab.io", "evil.gitlab.io"],
  ["rooms.pages.dev", "evil.pages.dev"],
  ["preview.rooms.pages.dev", "evil.pages.dev"],
  ["rooms.me.workers.dev", "rooms.evil.workers.dev"],
  ["rooms.netlify.app", "evil.netlify.app"],
  ["rooms.onrender.com", "evil.onrender.com"],
  ["rooms-abc.ondigitalocean.app", "evil.ondigitalocean.app"],
  ["rooms.appspot.com", "evil.appspot.com"],
  ["rooms.uc.r.appspot.com", "evil.uc.r.appspot.com"],
  ["us-central1-rooms.cloudfunctions.net", "us-central1-evil.cloudfunctions.net"],
  ["rooms.firebaseapp.com", "evil.firebaseapp.com"],
  ["rooms.web.app", "evil.web.app"],
  ["rooms.ngrok.io", "evil.ngrok.io"],
  ["rooms.eu.ngrok.io", "evil.eu.ngrok.io"],
  ["rooms.ngrok-free.app", "evil.ngrok-free.app"],
  ["rooms.ngrok.app", "evil.ngrok.app"],
  ["rooms.ngrok.dev", "evil.ngrok.dev"],
  ["rooms.trycloudflare.com", "evil.trycloudflare.com"],
  ["rooms.loca.lt", "evil.loca.lt"],
  ["abc-8080.euw.devtunnels.ms", "evil-8080.euw.devtunnels.ms"],
  ["rooms.tail1234.ts.net", "rooms.tail9999.ts.net"],
  ["rooms.10.0.0.1.nip.io", "rooms.6.6.6.6.nip.io"],
  ["10-0-0-1.sslip.io", "6-6-6-6.sslip.io"],
  ["rooms.up.railway.app", "evil.up.railway.app"],
  ["rooms.deno.dev", "evil.deno.dev"],
  ["rooms.supabase.co", "evil.supabase.co"],
  ["rooms.koyeb.app", "evil.koyeb.app"],
  ["rooms.hf.space", "evil.hf.space"],
  // Registries.
  ["example.com", "evil.com"],
  ["example.co.uk", "evil.co.uk"],
  ["example.com.au", "evil.com.au"],
  ["example.gov.br", "evil.gov.br"],
  ["rooms.sp.gov.br", "rooms.rj.gov.br"],
  ["example.gouv.fr", "evil.gouv.fr"],
  ["example.tokyo.jp", "evil.tokyo.jp"],
  ["example.chiyoda.tokyo.jp", "evil.chiyoda.tokyo.jp"],
  ["example.bergen.no", "evil.bergen.no"],
  ["school.k12.ca.us", "evil.k12.ca.us"],
  ["example.whatever.ck", "evil.whatever.ck"],
  ["example.uk.com", "evil.uk.com"],
  ["example.eu.org", "evil.eu.org"],
  ["xn--n3h.xn--55qx5d.cn", "evil.xn--55qx5d.cn"],
];

/** Home, and a host in the same domain, which is one owner's. */
const SIBLINGS: readonly [home: string, sibling: string][] = [
  ["my.livekit.cloud", "eu.livekit.cloud"],
  ["my.livekit.cloud", "my.eu.livekit.cloud"],
  ["us-east.example.com", "eu-west.example.com"],
  ["rooms.us.example.com", "rooms2.us.example.com"],
  ["rooms.us.example.io", "rooms2.us.example.io"],
  ["rooms.example.io", "rooms2.example.io"],
  ["rooms.example.de", "rooms2.example.de"],
  ["rooms.example.no", "rooms2.example.no"],
  ["rooms.example.jp", "rooms2.example.jp"],
  ["rooms.example.co.jp", "rooms2.example.co.jp"],
  ["rooms.example.co.uk", "rooms2.example.co.uk"],
  ["rooms.example.com.au", "rooms2.example.com.au"],
  ["rooms.example.gouv.fr", "rooms2.example.gouv.fr"],
  ["rooms.example.bergen.no", "rooms2.example.bergen.no"],
  ["rooms.xn--bcher-kva.example", "rooms2.xn--bcher-kva.example"],
  ["rooms.ns.svc.cluster.local", "rooms2.ns.svc.cluster.local"],
  ["us.rooms.internal", "eu.rooms.internal"],
];

describe("a list may not name, where the user names no hosts,", () => {
  test.each(STRANGERS)("beside %s, %s", async (home, stranger) => {
    expect(await allows(home, stranger)).toBe(false);
  });

  test("a stranger of any suffix on the Public Suffix List", async () => {
    const wrong: string[] = [];
    for (const { rule } of RULES) {
      const suffix = rule.replace("*", "any");
      for (const [home, stranger] of [
        [`a.${suffix}`, `b.${suffix}`],
        [`x.a.${suffix}`, `x.b.${suffix}`],
        [`x.a.${suffix}`, `b.${suffix}`],
      ] as const) {
        if (await allows(home, stranger)) wrong.push(`${home} → ${stranger}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("a host of another owner by the Public Suffix List, whatever the two names are made of", async () => {
    const label = fc.constantFrom("a", "b", "us", "eu", "co", "com", "s3", "r", "p", "run", "on", "any", "www", "city");
    const suffix = fc.constantFrom(...RULES.map(({ rule }) => rule.replace("*", "any")));
    const labels = fc.array(label, { minLength: 1, maxLength: 4 });
    let allowed = 0;
    await fc.assert(
      fc.asyncProperty(suffix, labels, labels, fc.integer({ min: 0, max: 2 }), async (suffix, ours, theirs, above) => {
        const home = [...ours, suffix].join(".");
        // Whoever runs his service on a suffix itself is the one who gives the names below it.
        fc.pre(suffixOf(home) !== home);
        // Beside it, or beside a domain above it.
        const other = [...theirs, ...home.split(".").slice(above)].join(".");
        if (!(await allows(home, other))) return;
        allowed++;
        expect(siteOf(other), `${home} → ${other}`).toBe(siteOf(home));
      }),
      { numRuns: 3_000 },
    );
    expect(allowed).toBeGreaterThan(300);
  });
});

describe("a list may name, where the user names no hosts,", () => {
  test.each(SIBLINGS)("beside %s, %s", async (home, sibling) => {
    expect(await allows(home, sibling)).toBe(true);
  });

  test("what is below home itself, on a platform too", async () => {
    expect(await allows("rooms.pages.dev", "eu.rooms.pages.dev")).toBe(true);
  });

  test("a sibling in a domain of its own below every registry, except those that give names on several levels", async () => {
    const registries = RULES.filter(({ rule, isPrivate }) => !isPrivate && !rule.startsWith("*")).map(
      ({ rule }) => rule,
    );
    const refused: string[] = [];
    for (const rule of registries) {
      if (!(await allows(`a.my-own-company.${rule}`, `b.my-own-company.${rule}`))) refused.push(rule);
    }
    const isUpper = (domain: string) => RULES.some(({ rule }) => rule.endsWith(`.${domain}`));
    expect(refused.filter((rule) => !isUpper(rule.split(".").slice(-2).join(".")))).toEqual([]);
    expect(registries.length - refused.length).toBeGreaterThan(4_000);
    for (const rule of ["com", "de", "jp", "no", "co.uk", "com.au", "gob.mx", "bergen.no"])
      expect(refused).not.toContain(rule);
  });
});

describe("the list in the source", () => {
  test("is what scripts/suffixes.mjs makes of the installed tldts; else run `npm run suffixes`", () => {
    expect(readFileSync(script.file, "utf8") === script.render(), "suffix-data.ts is up to date").toBe(true);
  });

  test("is read in full: each rule is one of tldts's, as its own functions see it", () => {
    expect(RULES.length).toBeGreaterThan(9_000);
    expect(RULES.filter(({ isPrivate }) => isPrivate).length).toBeGreaterThan(3_000);
    const names = new Set(RULES.map(({ rule }) => rule));
    const other = RULES.filter(({ rule }) => {
      const suffix = rule.replace("*", "any");
      const { length } = suffixOf(`my-own-company.${suffix}`).split(".");
      return length !== suffix.split(".").length + (names.has(`*.${rule}`) ? 1 : 0);
    });
    expect(other).toEqual([]);
  });

  test("adds by hand only what the Public Suffix List does not have", () => {
    const isListed = (name: string) => RULES.some(({ rule }) => rule === name || rule.endsWith(`.${name}`));
    expect(UNLISTED.filter(isListed)).toEqual([]);
  });
});
