// The capacity calculator: a form whose answer is in the address, so that it can be shared.

import type { Advice } from "../compute/theory/advice.ts";
import { Verdict } from "./launch.tsx";
import { Page } from "./layout.tsx";

/** What the page shows. */
export interface CapacityProps {
  readonly models: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
  readonly advice: Advice | undefined;
}

const NUMBERS = [
  ["r", "Rank (empty: the advised one)"],
  ["examples", "Examples"],
  ["tokens_per_example", "Tokens an example"],
  ["bits_per_token", "Bits a token"],
  ["batch_size", "Batch size (empty: advised)"],
  ["max_length", "Tokens of a sequence"],
] as const;

/** The page with the calculator. */
export function CapacityPage({ models, values, problems, advice }: CapacityProps) {
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
          <div class="fields">
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
        </section>
      </form>
    </Page>
  );
}
