// The datasets that a spec may name, and whether their rows are here.

import { join } from "@std/path";
import { type DatasetInfo, DATASETS, type Split, splitBits } from "../../data/datasets.ts";
import { exists } from "../write_file.ts";
import { filesBelow } from "./check_dataset.ts";

/** A dataset of the registry. */
export type DatasetDescription = Omit<DatasetInfo, "sample" | "folder" | "splits"> & {
  readonly splits: Readonly<Record<string, Split & { readonly bits: number }>>;
  /** Whether its rows ship or were downloaded; others are, by the first run that names them. */
  readonly available: boolean;
};

/** The registry, and the files below the datasets folder. */
export async function describeDatasets(
  folder: string,
): Promise<{ datasets: DatasetDescription[]; files: string[] }> {
  const datasets: DatasetDescription[] = [];
  for (const { sample, folder: _, splits, ...info } of DATASETS.values()) {
    const withBits = Object.entries(splits).map(([name, split]) =>
      [name, { ...split, bits: splitBits(split) }] as const
    );
    const available = sample !== undefined || await exists(join(folder, info.name));
    datasets.push({ ...info, splits: Object.fromEntries(withBits), available });
  }
  return { datasets, files: await filesBelow(folder) };
}
