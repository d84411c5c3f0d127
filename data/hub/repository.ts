// What a repository on the hub holds: its commit, its files, and the hash of each.

import {
  datasetInfo,
  HubApiError,
  type ListFileEntry,
  listFiles,
  modelInfo,
} from "@huggingface/hub";
import { parseRepositoryId } from "./repository_id.ts";
import { hubFetch, type HubSession, statusError } from "./client.ts";

/** A kind of repository. */
export type RepositoryKind = "model" | "dataset";

/** A file of a commit. */
export interface HubFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of a large file, or git's SHA-1 of a small one. */
  readonly hash: { readonly algorithm: "sha256" | "git-sha1"; readonly hex: string };
}

/** A repository at one commit. */
export interface Repository {
  readonly kind: RepositoryKind;
  /** As it was asked for: OWNER/NAME, perhaps with a revision. */
  readonly name: string;
  readonly id: string;
  readonly commit: string;
  readonly files: readonly HubFile[];
}

/**
 * Looks a repository up.
 *
 * @throws {RangeError} if it is not there or not for us, or what the hub says makes no sense.
 */
export async function openRepository(
  kind: RepositoryKind,
  name: string,
  session: HubSession,
): Promise<Repository> {
  const { id, revision } = parseRepositoryId(name)!;
  const common = {
    hubUrl: session.endpoint,
    fetch: ((input, init) => hubFetch(session, input, init)) as typeof fetch,
  };
  const at = revision === undefined ? {} : { revision };
  try {
    const info = kind === "model"
      ? await modelInfo({ ...common, name: id, ...at, additionalFields: ["sha"] })
      : await datasetInfo({ ...common, name: id, ...at, additionalFields: ["sha"] });
    const commit = info.sha;
    if (!/^[0-9a-f]{40}$/.test(commit)) throw nonsense(name, `its commit is "${commit}"`);
    const files: HubFile[] = [];
    const repo = { type: kind, name: id };
    for await (const entry of listFiles({ ...common, repo, revision: commit, recursive: true })) {
      if (entry.type === "file") files.push(fileOf(name, entry));
    }
    return { kind, name, id, commit, files };
  } catch (error) {
    if (!(error instanceof HubApiError)) throw error;
    throw statusError(session, name, error.statusCode, codeOf(error));
  }
}

/** The address of a file. */
export function fileUrl(
  endpoint: string,
  { kind, id, commit }: Repository,
  path: string,
): string {
  const prefix = kind === "dataset" ? "datasets/" : "";
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return `${endpoint}/${prefix}${id}/resolve/${commit}/${encoded}`;
}

// The hub's word for the reason is in a header that the client library does not keep; the sentence is.
function codeOf({ data }: HubApiError): string | undefined {
  const sentence = String(data?.error ?? "");
  if (/gated|restricted/i.test(sentence)) return "GatedRepo";
  if (/invalid rev/i.test(sentence)) return "RevisionNotFound";
  return /not found/i.test(sentence) ? "RepoNotFound" : undefined;
}

function fileOf(name: string, { path, size, oid, lfs }: ListFileEntry): HubFile {
  if (!/^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[^\0\\]+$/.test(path)) {
    throw nonsense(name, `it has a file "${path}"`);
  }
  const hex = lfs?.oid ?? oid ?? "";
  const algorithm = lfs ? "sha256" : "git-sha1";
  if (!(lfs ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(hex)) {
    throw nonsense(name, `"${path}" has the hash "${hex}"`);
  }
  const bytes = lfs?.size ?? size;
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw nonsense(name, `"${path}" has ${bytes} bytes`);
  }
  return { path, bytes, hash: { algorithm, hex } };
}

function nonsense(name: string, what: string): RangeError {
  return new RangeError(`Cannot download "${name}": the hub says that ${what}`);
}
