// The store that the configuration names.

import type { Configuration } from "../configuration.ts";
import type { ArtifactStore } from "./artifact_store.ts";
import { localArtifacts } from "./local_artifacts.ts";

/** A job waits for a store that does not answer rather than to lose a checkpoint; a client does not. */
const PATIENCE_MS = { service: 5_000, job: 5 * 60_000 } as const;

/** Opens the store of artifacts, for a process that serves or one that trains. */
export async function openArtifacts(
  { home, s3 }: Pick<Configuration, "home" | "s3">,
  role: keyof typeof PATIENCE_MS = "service",
): Promise<ArtifactStore> {
  if (s3 === undefined) return localArtifacts(home);
  // Loaded on use: a machine that has its own disk needs no client.
  const { S3Bucket } = await import("./s3_bucket.ts");
  const { s3Artifacts } = await import("./s3_artifacts.ts");
  return s3Artifacts(new S3Bucket(s3, PATIENCE_MS[role]), home);
}
