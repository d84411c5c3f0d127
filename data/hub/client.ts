// Requests to the hub: to the configured endpoint and where it is known to keep large files, nowhere else
// whatever it redirects to, patient with a hub that is busy.

import { withoutRevision } from "./repository_id.ts";

/** How the hub is reached. */
export interface HubOptions {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Hosts that the endpoint may redirect to, with `*.` for all below one. */
  readonly stores: readonly string[];
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
/** Redirections of one request. */
const MOST_REDIRECTS = 10;
/** Longest wait that a hub may ask for, in milliseconds. */
const MAX_WAIT_MS = 5 * 60_000;

/**
 * Asks the hub; repeats where it cannot be reached, has an error of its own (5xx) or asks to wait (429).
 *
 * @throws {RangeError} if the hub must not be asked, or the address is neither its own nor a store's.
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
    return await follow(session, url, init);
  } catch (error) {
    session.signal?.throwIfAborted();
    if (error instanceof RangeError) throw error;
    return error as Error;
  }
}

// Each step is looked at before it is taken: a hub must not send us to hosts that only we can reach.
async function follow(session: HubSession, first: URL, init: RequestInit): Promise<Response> {
  const { endpoint } = session, headers = new Headers(init.headers);
  let url = first;
  for (let step = 0; step <= MOST_REDIRECTS; step++) {
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    const location = response.headers.get("Location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    url = new URL(location, url);
    if (url.origin === new URL(endpoint).origin) continue;
    headers.delete("Authorization");
    if (!isStore(session, url)) {
      throw new RangeError(
        `Cannot follow ${endpoint} to ${url.origin}: expected ${
          ["the endpoint", ...session.stores].join(", ")
        }`,
      );
    }
  }
  throw new RangeError(`Cannot follow ${endpoint}: it redirects more than ${MOST_REDIRECTS} times`);
}

function isStore({ stores }: HubOptions, { protocol, host, hostname }: URL): boolean {
  return /^https?:$/.test(protocol) &&
    stores.some((store) =>
      store.startsWith("*.") ? hostname.endsWith(store.slice(1)) : host === store
    );
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
