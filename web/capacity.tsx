// The capacity calculator: a form whose answer is in the address, so that it can be shared.

import type { Advice } from "../compute/theory/advice.ts";
import type { RunTime } from "../runs/spec/capacity.ts";
import { duration, number } from "./format.ts";
import { Page } from "./layout.tsx";
import { Memory, Verdict } from "./verdict.tsx";

/** What the page shows. */
export interface CapacityProps {
  readonly models: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
  readonly advice: Advice | undefined;
  /** One pass over the data on this host; null where it has not run the model. */
  readonly runTime: RunTime;
}

const NUMBERS = [
  ["r", "Rank (empty: the advised one)"],
  ["examples", "Examples"],
  ["tokens_per_example", "Tokens an example"],
  ["bits_per_token", "Bits a token"],
  ["episodes", "Or episodes, where rewards are the data"],
  ["samples_per_episode", "Samples an episode"],
  ["bits_per_sample", "Bits a sample"],
  ["batch_size", "Batch size (empty: advised)"],
  ["max_length", "Tokens of a sequence"],
] as const;

/** The page with the calculator. */
export function CapacityPage(
  { models, values, problems, advice, runTime }: CapacityProps,
) {
  const select = (name: string, options: readonly string[]) => (
    <select name={name} id={name}>
      {options.map((option) => <option selected={option === values[name]}>{option}</option>)}
    </select>
  );
  return (
    <Page title="Capacity" at="/capacity">
      <p>Whether LoRA holds a data set, at which rank, and what it costs. Bits: 2 a parameter.</p>
      <form method="get" class="split">
        <div>
          <div class="fields bottom">
            <label>
              <span>Model</span>
              {select("model", models)}
            </label>
            <label>
              <span>Target modules</span>
              {select("target_modules", ["all", "attention", "mlp"])}
            </label>
            <label>
              <span>Frozen weights</span>
              {select("dtype", ["bf16", "f32", "nf4"])}
            </label>
            {NUMBERS.map(([name, label]) => (
              <label>
                <span>{label}</span>
                <input type="number" step="any" min="0" name={name} value={values[name] ?? ""} />
              </label>
            ))}
          </div>
          <p>
            <button type="submit" class="primary">Calculate</button>
          </p>
        </div>
        <section class="aside" aria-label="Answer">
          {problems.length > 0 && (
            <ul class="problem">{problems.map((problem) => <li>{problem}</li>)}</ul>
          )}
          {advice && <Verdict advice={advice} />}
          {advice && <Memory advice={advice} />}
          {advice && <Time runTime={runTime} />}
        </section>
      </form>
    </Page>
  );
}

/** How long one pass over the data would take here. */
function Time({ runTime }: { runTime: RunTime }) {
  if (runTime === null) {
    return <p class="quiet">No finished run of this model here says how long it would take.</p>;
  }
  const pass = (name: string, estimate: NonNullable<RunTime>["lora"]) =>
    estimate && (
      <tr>
        <th scope="row">One pass, {name}</th>
        <td class="number">{duration(estimate.seconds)}</td>
      </tr>
    );
  const speeds = [["LoRA", runTime.lora], ["full", runTime.full]] as const;
  return (
    <>
      <table>
        <tbody>{speeds.map(([name, estimate]) => pass(name, estimate))}</tbody>
      </table>
      <p class="quiet">
        At this host's {speeds.flatMap(([name, estimate]) =>
          estimate ? `${number(Math.round(estimate.tokens_per_s))} tokens/s (${name})` : []
        ).join(" and ")}, the median of {runTime.runs} finished{" "}
        {runTime.runs === 1 ? "run" : "runs"}
        .
      </p>
    </>
  );
}
