// The datasets at hand.

import { type DatasetInfo, DATASETS } from "../../data/datasets.ts";
import { filesBelow } from "./check_dataset.ts";

/** A dataset of the registry; `available` if its rows ship. */
export type DatasetDescription = Omit<DatasetInfo, "sample"> & { readonly available: boolean };

/** The registry, and the files below the datasets folder. */
export async function describeDatasets(
  folder: string,
): Promise<{ datasets: DatasetDescription[]; files: string[] }> {
  const datasets = [...DATASETS.values()].map(({ sample, ...info }) => ({
    ...info,
    available: sample !== undefined,
  }));
  return { datasets, files: await filesBelow(folder) };
}
