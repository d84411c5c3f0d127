// Sweeps: how far they are, and which of their runs is best.

import type { Sweep } from "../runs/spec/sweep.ts";
import { number, time } from "./format.ts";
import { Page, Scroll } from "./layout.tsx";
import { Status } from "./run_table.tsx";

function changesOf(changes: Readonly<Record<string, unknown>>): string {
  return Object.entries(changes).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join(", ");
}

/** All sweeps. */
export function SweepsPage({ sweeps }: { sweeps: readonly Sweep[] }) {
  return (
    <Page title="Sweeps" at="/sweeps" scripts={["refresh"]}>
      <div data-refresh="2000">
        {sweeps.length === 0
          ? (
            <p>
              There are no sweeps.{" "}
              <a href="/launch">Launch one</a>: name a field and several values under “Vary”.
            </p>
          )
          : (
            <Scroll label="Sweeps">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Sweep</th>
                    <th scope="col">Status</th>
                    <th scope="col">Runs</th>
                    <th scope="col">Best so far</th>
                  </tr>
                </thead>
                <tbody>
                  {sweeps.map((sweep) => (
                    <tr>
                      <td>
                        <a href={`/sweeps/${sweep.id}`}>{time(sweep.created_at)}</a>
                      </td>
                      <td>{sweep.status}</td>
                      <td>
                        <progress
                          value={sweep.progress}
                          max={1}
                          aria-label={`${Math.round(100 * sweep.progress)} %`}
                        >
                        </progress>{" "}
                        {sweep.finished} of {sweep.total}
                      </td>
                      <td>
                        {sweep.best
                          ? `${number(sweep.best.value)} with ${changesOf(sweep.best.changes)}`
                          : "–"}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )}
      </div>
    </Page>
  );
}

/** One sweep. */
export function SweepPage({ sweep }: { sweep: Sweep }) {
  return (
    <Page title="Sweep" at="/sweeps" scripts={["refresh"]}>
      <p class="quiet">
        <code>{sweep.id}</code>, created {time(sweep.created_at)}, judged by{" "}
        <code>{sweep.metric}</code>
      </p>
      <div class="row">
        <a class="button" href={`/compare?sweep=${sweep.id}`}>
          Compare its runs
        </a>
        {sweep.status === "running" && (
          <form method="post" action={`/sweeps/${sweep.id}/cancel`}>
            <button type="submit">Cancel the sweep</button>
          </form>
        )}
      </div>
      <div data-refresh="2000">
        <p>
          {sweep.finished} of {sweep.total} runs have ended.
          {sweep.best &&
            ` Best: ${number(sweep.best.value)} with ${changesOf(sweep.best.changes)}.`}
        </p>
        <Scroll label="Runs of the sweep">
          <table>
            <thead>
              <tr>
                <th scope="col">Run</th>
                <th scope="col">Status</th>
                <th scope="col">Progress</th>
                <th scope="col" class="number">{sweep.metric}</th>
              </tr>
            </thead>
            <tbody>
              {sweep.runs.map((run) => (
                <tr>
                  <td>
                    <a href={`/runs/${run.run_id}`}>{changesOf(run.changes)}</a>
                  </td>
                  <td>
                    <Status status={run.status} />
                    {run.stopped_early && " (stopped early)"}
                  </td>
                  <td>
                    <progress
                      value={run.progress}
                      max={1}
                      aria-label={`${Math.round(100 * run.progress)} %`}
                    >
                    </progress>
                  </td>
                  <td class="number">{number(run.value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </div>
    </Page>
  );
}
