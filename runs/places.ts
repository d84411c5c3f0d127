// Where what a spec names may lie: on this disk, or where every host keeps what its runs make.

import type { ArtifactStore } from "./artifacts/artifact_store.ts";
import type { HomePaths } from "./configuration.ts";

/** This host's data folder, and the artifacts of all. */
export interface Places {
  readonly paths: HomePaths;
  readonly artifacts: ArtifactStore;
}
