import assert from "@std/assert";
import { readConfiguration } from "../../runs/configuration.ts";

const from = (values: Record<string, string>) => readConfiguration((name) => values[name]);

Deno.test("readConfiguration() has a default for every variable", () => {
  const configuration = from({});
  assert.equal(configuration.host, "127.0.0.1");
  assert.equal(configuration.port, 8000);
  assert.equal(configuration.jobs, 1);
  assert.equal(configuration.threads, undefined);
  assert.equal(configuration.gpu, "auto");
  assert.equal(configuration.lease, 15_000);
  assert.equal(configuration.databaseUrl, undefined);
  assert.match(configuration.home, /\/\.noregret$/);
});

Deno.test("readConfiguration() names the variable, its value and what is allowed", () => {
  const cases: [string, string, RegExp][] = [
    ["PORT", "80000", /PORT: found "80000", expected an integer from 0 to 65535/],
    ["PORT", "eighty", /PORT/],
    ["NOREGRET_JOBS", "-1", /NOREGRET_JOBS/],
    ["NOREGRET_THREADS", "0", /NOREGRET_THREADS: found "0", expected an integer from 1/],
    ["NOREGRET_AUTOTUNE", "maybe", /NOREGRET_AUTOTUNE: found "maybe", expected "on" or "off"/],
    [
      "NOREGRET_GPU",
      "cuda",
      /NOREGRET_GPU: found "cuda", expected "auto", "deno", "dawn" or "off"/,
    ],
    ["NOREGRET_LEASE", "1", /NOREGRET_LEASE: found "1", expected an integer from 2/],
    ["DATABASE_URL", "mysql://localhost/runs", /DATABASE_URL: expected an address like postgres:/],
    ["DATABASE_URL", "postgres:///runs?host=/run", /DATABASE_URL: expected an address like/],
    ["HF_ENDPOINT", "hub.example", /HF_ENDPOINT: found "hub.example", expected an address/],
    ["HF_ENDPOINT", "https://me:secret@hub.example", /HF_ENDPOINT: (?!.*secret).*without user/],
    ["HF_ENDPOINT", "https://:secret@hub.example", /HF_ENDPOINT: (?!.*secret).*without user/],
    ["HF_ENDPOINT", "https://hub.example/?key=secret", /HF_ENDPOINT: (?!.*secret).*and query/],
    ["NOREGRET_BODY_LIMIT", "1e3", /NOREGRET_BODY_LIMIT/],
  ];
  for (const [name, value, message] of cases) {
    assert.throws(() => from({ [name]: value }), (error: unknown) => {
      assert.match((error as Error).message, message);
      return error instanceof RangeError;
    });
  }
});
