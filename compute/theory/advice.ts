// The answer to "does LoRA match full fine-tuning here, at which rank and learning rate, at what
// cost?", from the formulas beside this file.

import type { Architecture, Targets } from "./architecture.ts";
import { capacityBits, type Dataset, datasetBits, requiredRank } from "./capacity.ts";
import { flopsPerToken, type TokenFlops } from "./flops.ts";
import {
  fullLearningRate,
  LORA_MULTIPLIER,
  loraLearningRate,
  SHORT_LORA_MULTIPLIER,
  SHORT_RUN_STEPS,
} from "./learning_rate.ts";
import {
  activationBytes,
  adapterBytes,
  fullMemory,
  loraMemory,
  type MemoryBytes,
  type WeightType,
} from "./memory.ts";
import { baseParameters, loraParameters, parametersPerRank, rankUnit } from "./parameters.ts";

/** A question about one run. */
export interface AdviceInput {
  readonly architecture: Architecture;
  /** Rank; the recommended one if absent. */
  readonly r?: number;
  readonly targets: Targets;
  readonly dataset: Dataset;
  readonly batchSize?: number;
  readonly maxLength: number;
  readonly dtype: WeightType;
}

/** What to run, and why. */
export interface Recommendation {
  readonly r: number;
  readonly learning_rate: number;
  readonly full_learning_rate: number;
  readonly batch_size: number;
  readonly reasons: readonly string[];
}

/** The answer, under its names on the wire. */
export interface Advice {
  readonly trainable_parameters: number;
  readonly parameters_per_rank: number;
  readonly base_parameters: number;
  readonly capacity_bits: number;
  readonly dataset_bits: number;
  readonly capacity_ratio: number;
  readonly required_r: number;
  readonly verdict: "fits" | "capacity_limited";
  readonly flops_per_token: TokenFlops;
  readonly memory_bytes: { readonly lora: MemoryBytes; readonly full: MemoryBytes };
  readonly adapter_bytes: number;
  readonly recommended: Recommendation;
}

/** Largest rank that the paper tried. */
const MAX_RANK = 512;

/** Below this rank the best learning rate of supervised runs begins to differ. */
const MIN_SUPERVISED_RANK = 4;

/** Largest batch at which the paper found no gap to full fine-tuning. */
export const BATCH_SIZE = 32;

/** Answers a question. */
export function advise(input: AdviceInput): Advice {
  const { architecture, targets, dataset, maxLength, dtype } = input;
  const bits = datasetBits(dataset);
  const required = requiredRank(architecture, targets, bits);
  const recommended = recommend(input, required);
  const r = input.r ?? recommended.r;
  const trainable = loraParameters(architecture, targets, r);
  const capacity = capacityBits(trainable);
  const tokens = (input.batchSize ?? recommended.batch_size) * maxLength;
  const options = { dtype, tokens, checkpointing: false };
  const lora = loraMemory(architecture, targets, r, options);
  const reasons = [...recommended.reasons];
  if (lora.activations > lora.weights) {
    const less = activationBytes(architecture, targets, r, { ...options, checkpointing: true });
    reasons.push(
      `Activations are the largest part of the memory: gradient_checkpointing takes them from ` +
        `${size(lora.activations)} to ${size(less)}, gradient_accumulation_steps divides them`,
    );
  }
  return {
    trainable_parameters: trainable,
    parameters_per_rank: parametersPerRank(architecture, targets),
    base_parameters: baseParameters(architecture),
    capacity_bits: capacity,
    dataset_bits: bits,
    capacity_ratio: capacity / bits,
    required_r: required,
    verdict: capacity >= bits ? "fits" : "capacity_limited",
    flops_per_token: flopsPerToken(architecture, targets, r, maxLength),
    memory_bytes: {
      lora,
      full: fullMemory(architecture, options),
    },
    adapter_bytes: adapterBytes(trainable, dtype),
    recommended: { ...recommended, reasons },
  };
}

function size(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toPrecision(3)} MB` : `${(bytes / 1e9).toPrecision(3)} GB`;
}

function recommend(input: AdviceInput, required: number): Recommendation {
  const { architecture, targets, dataset } = input;
  const supervised = "examples" in dataset;
  const reasons: string[] = [];
  const least = supervised ? MIN_SUPERVISED_RANK : 1;
  const unit = rankUnit(architecture, targets);
  const power = Math.min(MAX_RANK, 2 ** Math.ceil(Math.log2(Math.max(required, least))));
  const r = unit * Math.ceil(power / unit);
  reasons.push(
    `At 2 bits a parameter the data set needs r ≥ ${required}` +
      (r > required ? `; the paper tried powers of two, of which ${power} is the next` : ""),
  );
  if (unit > 1) {
    reasons.push(
      `A token passes through ${unit} experts and each gets r / ${unit}: r is a multiple of ${unit}`,
    );
  }
  if (required > MAX_RANK) {
    reasons.push(
      `No rank up to ${MAX_RANK} holds this data set: expect LoRA to fall behind, or train all parameters`,
    );
  }
  if (!supervised) {
    reasons.push("A policy gradient learns about one bit a sample, so a small rank is enough");
  }
  const batch = Math.min(input.batchSize ?? BATCH_SIZE, BATCH_SIZE);
  if ((input.batchSize ?? 0) > BATCH_SIZE) {
    reasons.push(`LoRA falls behind above a batch of ${BATCH_SIZE}, and more rank does not help`);
  }
  const steps = supervised
    ? Math.ceil(dataset.examples / batch)
    : Math.ceil(dataset.episodes * dataset.samples_per_episode / batch);
  const short = steps < SHORT_RUN_STEPS;
  reasons.push(
    `LoRA's learning rate is ${
      short ? SHORT_LORA_MULTIPLIER : LORA_MULTIPLIER
    } times that of full ` +
      `fine-tuning, whatever the rank` +
      (short ? `: fewer than ${SHORT_RUN_STEPS} steps are a short run (here ${steps})` : ""),
  );
  if (architecture.hidden_size < 1024) {
    reasons.push(
      "The learning-rate fit knows hidden sizes from 1024 up: here it is extrapolated, sweep around it",
    );
  }
  if (targets === "attention") {
    reasons.push(
      "Attention-only LoRA falls behind even at equal parameter counts: adapt the MLP too",
    );
  }
  return {
    r,
    learning_rate: loraLearningRate(architecture, steps),
    full_learning_rate: fullLearningRate(architecture),
    batch_size: batch,
    reasons,
  };
}
