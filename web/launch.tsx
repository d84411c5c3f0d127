// The form that launches a run, or a sweep where a field is varied.

import type { Advice } from "../compute/theory/advice.ts";
import { Fields, type FormState, type Schema } from "./form.tsx";
import { Page } from "./layout.tsx";
import { Verdict } from "./verdict.tsx";

/** What the check of a form has to say beside it. */
export interface Check {
  /** Of fields that have no control, or of the whole. */
  readonly problems: readonly string[];
  readonly advice: Advice | undefined;
  /** Why there is no advice. */
  readonly note: string | undefined;
}

/** The verdict on what the form says now. */
export function CheckResult({ problems, advice, note }: Check) {
  return (
    <>
      {problems.length > 0 && (
        <ul class="problem">{problems.map((problem) => <li>{problem}</li>)}</ul>
      )}
      {advice && <Verdict advice={advice} />}
      {note && <p class="quiet">{note}</p>}
    </>
  );
}

/** What the page shows. */
export interface LaunchProps {
  readonly schema: Schema;
  readonly state: FormState;
  readonly check: Check;
}

/** The page with the form. */
export function LaunchPage({ schema, state, check }: LaunchProps) {
  return (
    <Page title="Launch" at="/launch" scripts={["launch"]}>
      <form method="post" action="/launch" class="split">
        <div>
          <Fields schema={schema} state={state} />
          <fieldset>
            <legend>Vary</legend>
            <label>
              <span>A line for each field that is varied: its path and its values</span>
              <textarea
                name="vary"
                rows={3}
                placeholder="optimizer.learning_rate: 0.001, 0.003, 0.01"
                aria-describedby="vary-note"
              >
                {state.values.vary ?? ""}
              </textarea>
              <small id="vary-note" class={state.problems.vary ? "problem" : undefined}>
                {state.problems.vary ?? "A run for every combination of the values: a sweep."}
              </small>
            </label>
          </fieldset>
        </div>
        <div class="aside">
          <section aria-label="Capacity" aria-live="polite" id="check">
            <CheckResult {...check} />
          </section>
          <button type="submit" class="primary">Launch</button>
        </div>
      </form>
    </Page>
  );
}
