// The three sizes of figure 6. docs/figures.md says how the numbers were found.

import type { RunSpecInput } from "../runs/spec/run_spec.ts";
import type { GrpoTask } from "../runs/spec/grpo.ts";
import type { Preset } from "./figure.ts";
import { doublings } from "./fig2_presets.ts";

/** Problems to learn from, and held-out ones. */
export interface Fig6Dataset {
  readonly name: string;
  /** Whose `test` split is asked; absent: its own. */
  readonly evalName?: string;
}

/** A plan for figure 6. */
export interface Fig6Preset {
  readonly model: string;
  /** One panel each. */
  readonly datasets: readonly Fig6Dataset[];
  readonly ranks: readonly number[];
  /** Seeds of the ranks above 1, which no claim is about; absent: as many as of rank 1. */
  readonly otherSeeds?: number;
  /** Learning rates of LoRA, for every rank. */
  readonly loraRates: readonly number[];
  readonly fullRates: readonly number[];
  /** What full fine-tuning trains: the matrices that LoRA adapts, or everything. */
  readonly full: "matrices" | "model";
  readonly steps: number;
  readonly seeds: number;
  /** Held-out problems; absent: all of them. */
  readonly evalLimit?: number;
  /** The supervised start. */
  readonly warmUp?: GrpoTask["warm_up"];
  readonly task: Pick<
    GrpoTask,
    | "num_generations"
    | "temperature"
    | "eval_temperature"
    | "max_prompt_length"
    | "max_completion_length"
    | "reasoning_delimiter"
  >;
  readonly base: Pick<
    RunSpecInput,
    "batch_size" | "gradient_accumulation_steps" | "dtype" | "gradient_checkpointing" | "save_steps"
  >;
}

const TINY_TASK = {
  num_generations: 8,
  temperature: 1,
  eval_temperature: 1,
  max_prompt_length: 160,
  max_completion_length: 16,
  // Without it a policy learns that "8/2=####" is equal to 4.
  reasoning_delimiter: "####",
} as const;

const GRADE_SCHOOL = { name: "noregret/grade-school-1" };
/** Half of its answers are given up: who starts from it is right some of the time. */
const HALF_SOLVED = { name: "noregret/half-solved" };

/** Each preset of figure 6. */
export const FIG6_PRESETS: Readonly<Record<Preset, Fig6Preset>> = {
  smoke: {
    model: "noregret/tiny",
    datasets: [GRADE_SCHOOL],
    ranks: [1],
    loraRates: [1e-3],
    fullRates: [2.5e-4],
    full: "matrices",
    steps: 2,
    seeds: 1,
    evalLimit: 32,
    warmUp: {
      dataset: HALF_SOLVED,
      max_steps: 20,
      batch_size: 4,
      max_length: 256,
      learning_rate: 2e-3,
      seed: 0,
    },
    task: TINY_TASK,
    base: { batch_size: 16, gradient_accumulation_steps: 4, save_steps: 1_000_000 },
  },
  laptop: {
    model: "noregret/tiny",
    datasets: [GRADE_SCHOOL],
    ranks: [1, 2, 4, 8, 16, 32],
    otherSeeds: 1,
    loraRates: doublings(2.5e-4, 4),
    fullRates: doublings(6.25e-5, 5),
    full: "matrices",
    steps: 48,
    seeds: 7,
    evalLimit: 1024,
    warmUp: {
      dataset: HALF_SOLVED,
      max_steps: 800,
      batch_size: 8,
      max_length: 256,
      learning_rate: 2e-3,
      seed: 0,
    },
    task: TINY_TASK,
    base: { batch_size: 64, gradient_accumulation_steps: 8, save_steps: 1_000_000 },
  },
  paper: {
    model: "meta-llama/Llama-3.1-8B",
    datasets: [
      { name: "DigitalLearningGmbH/MATH-lighteval" },
      { name: "openai/gsm8k" },
      // Nothing of it is held out.
      { name: "zwhe99/DeepMath-103K", evalName: "DigitalLearningGmbH/MATH-lighteval" },
    ],
    ranks: [1, 2, 4, 8, 16, 32],
    loraRates: doublings(2e-5, 8),
    fullRates: doublings(2e-6, 8),
    full: "model",
    // 10,000 problems of 32 completions each, as the guide has it: 320,000 episodes.
    steps: 10_000,
    seeds: 1,
    task: {
      num_generations: 32,
      temperature: 0.8,
      eval_temperature: 0.8,
      max_prompt_length: 2048,
      max_completion_length: 1024,
    },
    base: {
      batch_size: 32,
      gradient_accumulation_steps: 32,
      dtype: "bf16",
      gradient_checkpointing: true,
      save_steps: 100,
    },
  },
};
