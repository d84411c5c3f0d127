// The form that launches a run, or a sweep where a field is varied.

import type { Advice } from "../compute/theory/advice.ts";
import { bytes, count, number } from "./format.ts";
import { Fields, type FormState, type Schema } from "./form.tsx";
import { Page } from "./layout.tsx";

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

/** Capacity against data, cost and advice. */
export function Verdict({ advice }: { advice: Advice }) {
  const { recommended, flops_per_token: flops, memory_bytes: memory } = advice;
  return (
    <>
      <p>
        <strong class={`verdict ${advice.verdict}`}>
          {advice.verdict === "fits" ? "The data fit" : "Limited by capacity"}
        </strong>
        : {count(advice.capacity_bits)} bits of capacity, {count(advice.dataset_bits)}{" "}
        bits of data (ratio {number(advice.capacity_ratio)}).
      </p>
      <table>
        <tbody>
          <tr>
            <th scope="row">Trained parameters</th>
            <td class="number">{count(advice.trainable_parameters)}</td>
          </tr>
          <tr>
            <th scope="row">Rank that holds the data</th>
            <td class="number">{number(advice.required_r)}</td>
          </tr>
          <tr>
            <th scope="row">FLOPs a token, LoRA / full</th>
            <td class="number">{number(flops.ratio)}</td>
          </tr>
          <tr>
            <th scope="row">Memory, LoRA</th>
            <td class="number">{bytes(memory.lora.total)}</td>
          </tr>
          <tr>
            <th scope="row">Memory, full</th>
            <td class="number">{bytes(memory.full.total)}</td>
          </tr>
          <tr>
            <th scope="row">Advised rank</th>
            <td class="number">{recommended.r}</td>
          </tr>
          <tr>
            <th scope="row">Advised learning rate</th>
            <td class="number">{number(recommended.learning_rate)}</td>
          </tr>
        </tbody>
      </table>
      <ul class="quiet">{recommended.reasons.map((reason) => <li>{reason}</li>)}</ul>
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
          <button type="submit" class="primary">Launch</button>
        </div>
        <section class="aside" aria-label="Capacity" aria-live="polite" id="check">
          <CheckResult {...check} />
        </section>
      </form>
    </Page>
  );
}
