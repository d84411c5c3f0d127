// Faults of the world around a run: they pass, or another host does not have them, so they are no
// failure of the run.

import { ArtifactStoreError } from "./artifacts/artifact_store.ts";

/** Whether a disk, or the database's disk, is full. */
export function isFull(error: unknown): boolean {
  const { code } = fields(error);
  // PostgreSQL's disk_full; ENOSPC and EDQUOT from files.
  return code === "ENOSPC" || code === "EDQUOT" || code === "53100" ||
    isSqlite(error, "database or disk is full") ||
    error instanceof Error && /\(os error (28|122)\)/.test(error.message);
}

/**
 * Whether a database or the store of artifacts does not answer: the connection is refused, broken or silent, the server starts or
 * ends, or another process holds SQLite's lock for too long.
 */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof ArtifactStoreError) return true;
  const { code } = fields(error);
  if (isSqlite(error, "database is locked")) return true;
  // Classes 08 (connection) and 57P (shutdown, crash, start); 25P03: idle in a transaction for too long.
  if (typeof code === "string" && (/^(08...|57P..|25P03|53300)$/.test(code) || SOCKET.has(code))) {
    return true;
  }
  return error instanceof Error && (MESSAGES.test(error.message) ||
    error instanceof AggregateError && error.errors.some(isUnreachable));
}

const SOCKET = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

// What pg throws without a code.
const MESSAGES =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed and is not queryable)/;

// By its words: `exec` gives no number.
function isSqlite(error: unknown, message: string): boolean {
  return fields(error).code === "ERR_SQLITE_ERROR" && (error as Error).message === message;
}

function fields(error: unknown): { readonly code?: unknown } {
  return typeof error === "object" && error !== null ? error : {};
}
