// The few operations of an S3-compatible store that artifacts need, signed (AWS signature 4) and tried again
// where the store or the network fails for a moment.

import { AwsClient } from "aws4fetch";
import { ArtifactStoreError } from "./artifact_store.ts";

/** Where objects go, and who we are there. */
export interface S3Location {
  readonly bucket: string;
  /** What every key begins with: empty, or ends in `/`. */
  readonly prefix: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** An object of a listing. */
export interface S3Object {
  /** Without the location's prefix. */
  readonly key: string;
  readonly modified: Date;
}

/** An answer takes this long at most to begin, in milliseconds; an upload's begins when it has gone. */
const TIMEOUT_MS = 10 * 60_000;
const FIRST_WAIT_MS = 250, LONGEST_WAIT_MS = 15_000;

/** Objects of a bucket below a prefix. */
export class S3Bucket {
  readonly #client: AwsClient;

  /**
   * @param patience how long a store that does not answer is asked again, in milliseconds.
   * @param page objects that are listed in one answer.
   */
  constructor(readonly location: S3Location, readonly patience: number, readonly page = 1000) {
    const { accessKeyId, secretAccessKey, sessionToken, region } = location;
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      region,
      service: "s3",
      retries: 0,
    });
  }

  /** An object; undefined where there is none of this key. */
  async get(key: string): Promise<Response | undefined> {
    const response = await this.#ask("GET", this.#url(key), [200, 404]);
    if (response.status === 200) return response;
    await response.body?.cancel();
  }

  /** Stores an object. `sha256`, in hexadecimal, is part of the signature: the store refuses other bytes. */
  async put(key: string, bytes: Uint8Array<ArrayBuffer>, sha256: string): Promise<void> {
    const init = { headers: { "X-Amz-Content-Sha256": sha256 }, body: bytes };
    const response = await this.#ask("PUT", this.#url(key), [200], init);
    await response.body?.cancel();
  }

  /** Removes an object, if there is one. */
  async delete(key: string): Promise<void> {
    const response = await this.#ask("DELETE", this.#url(key), [200, 204, 404]);
    await response.body?.cancel();
  }

  /** The objects whose keys begin with `start`, at most `most`. */
  async list(start: string, most = Infinity): Promise<S3Object[]> {
    const { endpoint, bucket, prefix } = this.location;
    const found: S3Object[] = [];
    let token: string | undefined;
    do {
      const url = new URL(`${endpoint}/${bucket}`);
      url.searchParams.set("list-type", "2");
      url.searchParams.set("prefix", prefix + start);
      url.searchParams.set("max-keys", String(Math.min(most, this.page)));
      if (token !== undefined) url.searchParams.set("continuation-token", token);
      const xml = await (await this.#ask("GET", url.href, [200])).text();
      for (const [, entry] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const key = element(entry!, "Key");
        const modified = new Date(element(entry!, "LastModified") ?? 0);
        if (key !== undefined) found.push({ key: key.slice(prefix.length), modified });
      }
      token = element(xml, "NextContinuationToken");
    } while (token !== undefined && found.length < most);
    return found;
  }

  #url(key: string): string {
    const { endpoint, bucket, prefix } = this.location;
    return `${endpoint}/${bucket}/${(prefix + key).split("/").map(encodeURIComponent).join("/")}`;
  }

  async #ask(
    method: string,
    url: string,
    expected: readonly number[],
    init: { headers?: Record<string, string>; body?: Uint8Array<ArrayBuffer> } = {},
  ): Promise<Response> {
    const until = performance.now() + this.patience;
    for (let wait = FIRST_WAIT_MS;; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      let problem: string;
      try {
        const request = await this.#client.sign(url, { method, ...init });
        const response = await fetch(request, { signal: AbortSignal.timeout(TIMEOUT_MS) });
        if (expected.includes(response.status)) return response;
        problem = `it answered ${response.status} ${element(await response.text(), "Code") ?? ""}`;
        if (response.status < 500 && response.status !== 429) throw this.#error(problem.trim());
      } catch (error) {
        if (error instanceof ArtifactStoreError) throw error;
        problem = (error as Error).message;
      }
      if (performance.now() + wait > until) throw this.#error(problem);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  #error(problem: string): ArtifactStoreError {
    const { endpoint, bucket } = this.location;
    return new ArtifactStoreError(
      `Cannot use bucket "${bucket}" at ${endpoint}: ${problem}, ` +
        "expected a bucket that the keys may read, list and write",
    );
  }
}

/** The text of the first element of this name. Our own keys need no other escape than `&`. */
function element(xml: string, name: string): string | undefined {
  const text = xml.match(new RegExp(`<${name}>([^<]*)</${name}>`))?.[1];
  return text?.replaceAll("&amp;", "&");
}
