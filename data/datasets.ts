// The registry of datasets: what each one is, and how much there is to learn in it. The texts of this
// project ship with it, and so do generators of rows in the schemas of the datasets that may not; the
// others are described here so that plans can be made, and are read from the datasets folder.

import { GENERATED } from "./generated/generated.ts";
import type { RowGenerator } from "./generated/rows.ts";

/** What a row looks like. */
export type RowSchema = "text" | "messages" | "problem";

/** A part of a dataset. */
export interface Split {
  readonly rows: number;
  /** Tokens of the whole split: exact for those that ship (bytes), an estimate for the others. */
  readonly tokens: number;
}

/** A dataset. */
export interface DatasetInfo {
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  readonly schema: RowSchema;
  readonly splits: Readonly<Record<string, Split>>;
  /** Where it ships: a file in data/samples, or what generates a split's first rows. */
  readonly sample?: string | RowGenerator<object>;
  /** Folder of its repository on the hub that is read, where there are several. */
  readonly folder?: string;
  /** Its own names of the columns that a row is read for. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Bytes of its files on the hub, about. */
  readonly download_bytes?: number;
}

/** Information in a token, for capacity estimates (Schulman et al. 2025, "LoRA Without Regret"). */
export const BITS_PER_TOKEN = 1;

/** About so many rows are the `test` split of a dataset whose makers publish none. */
const HELD_OUT_ROWS = 1024;

/** Datasets whose `test` split is a share of what their makers publish as `train`. */
const WITHOUT_TEST: readonly string[] = [
  "allenai/tulu-3-sft-mixture",
  "open-thoughts/OpenThoughts3-1.2M",
  "zwhe99/DeepMath-103K",
];

/** The share of a dataset's rows that is its `test` split; 0 where its makers publish one. */
export function heldOutShare({ name, splits }: DatasetInfo): number {
  if (!WITHOUT_TEST.includes(name)) return 0;
  const { train, test } = splits;
  return test!.rows / (train!.rows + test!.rows);
}

/** Every known dataset, by name. */
export const DATASETS: ReadonlyMap<string, DatasetInfo> = new Map(
  ([
    {
      name: "stdlib/sotu",
      description: "State of the Union addresses, 1900–2021",
      licence: "CC0-1.0",
      schema: "text",
      splits: {
        train: { rows: 117, tokens: 5_140_644 },
        test: { rows: 6, tokens: 179_589 },
      },
      sample: "sotu.jsonl.gz",
    },
    {
      name: "stdlib/moby-dick",
      description: "The chapters of Herman Melville's Moby-Dick",
      licence: "CC0-1.0",
      schema: "text",
      splits: {
        train: { rows: 122, tokens: 1_099_904 },
        test: { rows: 13, tokens: 92_846 },
      },
      sample: "moby_dick.jsonl.gz",
    },
    ...GENERATED,
    {
      name: "allenai/tulu-3-sft-mixture",
      description: "Instructions and conversations of many kinds (Lambert et al. 2024)",
      licence: "ODC-BY-1.0",
      schema: "messages",
      splits: {
        train: { rows: 939_343 - HELD_OUT_ROWS, tokens: 938_319_000 },
        test: { rows: HELD_OUT_ROWS, tokens: 1_024_000 },
      },
      folder: "data",
      download_bytes: 1_412_954_868,
    },
    {
      name: "open-thoughts/OpenThoughts3-1.2M",
      description: "Reasoning traces of up to 16k tokens (Guha et al. 2025)",
      licence: "Apache-2.0",
      schema: "messages",
      splits: {
        train: { rows: 1_200_000 - HELD_OUT_ROWS, tokens: 13_728_000_000 },
        test: { rows: HELD_OUT_ROWS, tokens: 11_725_000 },
      },
      folder: "data",
      download_bytes: 28_000_000_000,
    },
    {
      name: "DigitalLearningGmbH/MATH-lighteval",
      description: "Competition mathematics (Hendrycks et al. 2021)",
      licence: "MIT",
      schema: "problem",
      splits: {
        train: { rows: 7_500, tokens: 2_250_000 },
        test: { rows: 5_000, tokens: 1_500_000 },
      },
      folder: "data",
      download_bytes: 4_848_021,
    },
    {
      name: "openai/gsm8k",
      description: "Grade school mathematics (Cobbe et al. 2021)",
      licence: "MIT",
      schema: "problem",
      splits: {
        train: { rows: 7_473, tokens: 1_120_000 },
        test: { rows: 1_319, tokens: 198_000 },
      },
      folder: "main",
      download_bytes: 2_725_633,
    },
    {
      name: "zwhe99/DeepMath-103K",
      description: "Hard mathematics with verified answers (He et al. 2025)",
      licence: "MIT",
      schema: "problem",
      splits: {
        train: { rows: 103_110 - HELD_OUT_ROWS, tokens: 500_000_000 },
        test: { rows: HELD_OUT_ROWS, tokens: 5_000_000 },
      },
      folder: "data",
      // Three traces a problem: the first is learnt from, final_answer is what answers are held against.
      columns: { problem: "question", solution: "r1_solution_1" },
      download_bytes: 2_135_928_958,
    },
  ] as DatasetInfo[]).map((info) => [info.name, info]),
);

/** Bits that a split holds, at {@linkcode BITS_PER_TOKEN}. */
export function splitBits(split: Split): number {
  return split.tokens * BITS_PER_TOKEN;
}

/**
 * Looks a dataset up.
 *
 * @throws {RangeError} naming the known ones.
 */
export function findDataset(name: string): DatasetInfo {
  const info = DATASETS.get(name);
  if (info) return info;
  const known = [...DATASETS.keys()].map((one) => `"${one}"`).join(", ");
  throw new RangeError(`Cannot find dataset "${name}": expected one of ${known}`);
}

/**
 * The split that a dataset is read from: the one asked for, else `train`, or for evaluation `test`.
 *
 * @returns undefined for evaluation where the dataset holds nothing out.
 * @throws {RangeError} naming the dataset's splits.
 */
export function findSplit(
  info: DatasetInfo,
  asked: string | undefined,
  purpose: "train" | "test",
): string | undefined {
  if (asked === undefined) return info.splits[purpose] ? purpose : undefined;
  if (info.splits[asked]) return asked;
  const known = Object.keys(info.splits).map((one) => `"${one}"`).join(", ");
  throw new RangeError(
    `Cannot read split "${asked}" of "${info.name}": expected one of ${known}`,
  );
}
