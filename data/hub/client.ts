// Requests to the hub: to the configured endpoint and nowhere else (it may redirect to where it keeps
// large files), patient with a hub that is busy.

import { withoutRevision } from "./repository_id.ts";

/** How the hub is reached. */
export interface HubOptions {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Nothing is asked of the hub. */
  readonly offline: boolean;
}

/** One use of the hub. */
export interface HubSession extends HubOptions {
  readonly signal?: AbortSignal | undefined;
  /** Wait before the first repetition, in milliseconds; doubled each time. @default {1000} */
  readonly retryMs?: number;
}

/** Repetitions of a request that failed for the moment. */
export const RETRIES = 5;
/** Longest wait that a hub may ask for, in milliseconds. */
const MAX_WAIT_MS = 5 * 60_000;

/**
 * Asks the hub; repeats where it cannot be reached, has an error of its own (5xx) or asks to wait (429).
 *
 * @throws {RangeError} if the hub must not be asked, or the address is not its own.
 * @throws {Error} if it could not be reached.
 */
export async function hubFetch(
  session: HubSession,
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  const { endpoint, token, offline, signal } = session;
  const url = new URL(input instanceof Request ? input.url : input);
  if (offline) throw new RangeError(`Cannot ask ${endpoint}: HF_HUB_OFFLINE is set`);
  if (url.origin !== new URL(endpoint).origin) {
    throw new RangeError(`Cannot ask ${url.origin}: expected ${endpoint}, the hub's endpoint`);
  }
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  for (let attempt = 0;; attempt++) {
    const response = await once(session, url, { ...init, headers, signal: signal ?? null });
    if (response instanceof Response && response.status !== 429 && response.status < 500) {
      return response;
    }
    if (attempt === RETRIES) {
      if (response instanceof Response) return response;
      throw new Error(`Cannot reach ${endpoint}: ${response.message}`, { cause: response });
    }
    const wait = response instanceof Response ? retryAfter(response) : undefined;
    if (response instanceof Response) await response.body?.cancel();
    await pause(session, attempt, wait);
  }
}

// fetch() fails with a TypeError when there is no connection; that is nobody's mistake here.
async function once(session: HubSession, url: URL, init: RequestInit): Promise<Response | Error> {
  try {
    return await fetch(url, init);
  } catch (error) {
    session.signal?.throwIfAborted();
    return error as Error;
  }
}

/** Waits before a request is made again; `wait` is what the hub asked for, in milliseconds. */
export function pause(
  { retryMs = 1000, signal }: HubSession,
  attempt: number,
  wait: number = retryMs * 2 ** attempt,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, Math.min(wait, MAX_WAIT_MS));
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

function retryAfter(response: Response): number | undefined {
  const value = response.headers.get("Retry-After");
  if (value === null) return undefined;
  const wait = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/**
 * What an answer that is no success means, for whoever named the repository. A busy hub is an Error:
 * another attempt may have more luck; the others are RangeErrors.
 */
export function statusError(
  { endpoint, token }: HubOptions,
  name: string,
  status: number,
  code: string | undefined,
): Error {
  const cannot = `Cannot download "${name}": ${endpoint} answers ${status}`;
  if (status === 429 || status >= 500) return new Error(`${cannot}: it is busy, try again later`);
  if (code === "GatedRepo" || (status === 403 && code === undefined)) {
    return new RangeError(
      `${cannot}: it is gated: expected a HF_TOKEN of an account that was granted access at ` +
        `${endpoint}/${withoutRevision(name)}`,
    );
  }
  if (status === 401 || status === 403) {
    return new RangeError(
      `${cannot}: it does not exist or is private: expected its exact name` +
        (token === undefined ? ", or HF_TOKEN to be set" : ", and a HF_TOKEN that may read it"),
    );
  }
  if (code === "RevisionNotFound") {
    return new RangeError(
      `${cannot}: it has no such revision: expected a branch, a tag or a commit after "@"`,
    );
  }
  if (status === 404) {
    return new RangeError(
      `${cannot}: there is no such repository or file: expected its exact name`,
    );
  }
  return new RangeError(cannot);
}
