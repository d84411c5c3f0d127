// The first page: what trains, what waits, what has ended.

import type { Run } from "../runs/spec/run.ts";
import { Page } from "./layout.tsx";
import { RunTable } from "./run_table.tsx";

const STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;

/** What the page shows. */
export interface RunsProps {
  readonly runs: readonly Run[];
  readonly status: string | undefined;
  /** Of the next page. */
  readonly cursor: string | undefined;
}

/** The runs of a page, newest first. */
export function RunsPage({ runs, status, cursor }: RunsProps) {
  const more = new URLSearchParams({ ...(status && { status }), ...(cursor && { cursor }) });
  return (
    <Page title="Runs" at="/" scripts={["refresh", "auto"]}>
      <form class="row" method="get" data-auto>
        <label>
          <span>Status</span>
          <select name="status">
            <option value="">any</option>
            {STATES.map((each) => <option selected={each === status}>{each}</option>)}
          </select>
        </label>
        <button type="submit">Show</button>
      </form>
      <form method="get" action="/compare" data-refresh="2000">
        {runs.length === 0
          ? (
            <p>
              There are no runs here. <a href="/launch">Launch one</a>.
            </p>
          )
          : (
            <>
              <RunTable runs={runs} />
              <p class="row">
                <button type="submit">Compare the chosen runs</button>
                {cursor && <a href={`/?${more}`}>Older runs</a>}
              </p>
            </>
          )}
      </form>
    </Page>
  );
}
