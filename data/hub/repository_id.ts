// Names of repositories on the hub: OWNER/NAME, or OWNER/NAME@REVISION for one branch, tag or commit. A
// revision has a folder of its own, so that several lie beside each other.

/** A repository and which of its commits. */
export interface RepositoryId {
  /** OWNER/NAME. */
  readonly id: string;
  /** A branch, a tag or a commit; undefined: what the hub serves by default. */
  readonly revision: string | undefined;
}

const PATTERN =
  /^([A-Za-z0-9_][A-Za-z0-9_.-]{0,95}\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95})(?:@([A-Za-z0-9_][A-Za-z0-9_.-]{0,99}))?$/;

/** Reads a name; undefined where it is none of a repository. */
export function parseRepositoryId(name: string): RepositoryId | undefined {
  const match = PATTERN.exec(name);
  return match ? { id: match[1]!, revision: match[2] } : undefined;
}

/** Whether a name can be that of a repository on the hub, and no way out of a folder. */
export function isRepositoryId(name: string): boolean {
  return PATTERN.test(name);
}

/** A name without its revision. */
export function withoutRevision(name: string): string {
  return parseRepositoryId(name)?.id ?? name;
}
