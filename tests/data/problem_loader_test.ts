import assert from "@std/assert";
import { ProblemLoader } from "../../data/problem_loader.ts";

const problems = Array.from({ length: 10 }, (_, i) => i);

Deno.test("ProblemLoader takes each problem once an epoch, in an order of its own", () => {
  const loader = new ProblemLoader(problems, 2, 7);
  assert.equal(loader.steps(3), 6);
  const taken = Array.from({ length: 5 }, () => loader.next(4)!).flat();
  assert.deepEqual(taken.slice(0, 10).toSorted((a, b) => a - b), problems);
  assert.deepEqual(taken.slice(10).toSorted((a, b) => a - b), problems);
  assert.notDeepEqual(taken.slice(0, 10), taken.slice(10));
  assert.equal(loader.next(1), undefined);
});

Deno.test("ProblemLoader goes on where its cursor says, and refuses a place that is not there", () => {
  const straight = new ProblemLoader(problems, 3, 1);
  straight.next(7);
  const cursor = JSON.parse(JSON.stringify(straight.cursor()));
  const expected = straight.next(8);
  const resumed = new ProblemLoader(problems, 3, 1);
  resumed.seek(cursor);
  assert.deepEqual(resumed.next(8), expected);
  for (const bad of [null, {}, { problems: 31 }, { problems: -1 }, { problems: 0.5 }]) {
    assert.throws(() => resumed.seek(bad), /Cannot go to problem/);
  }
});
