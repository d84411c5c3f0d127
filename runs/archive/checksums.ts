// The sums of an archive's files, in the form that `sha256sum --check` reads.

import { createHash } from "node:crypto";

/** The file that has the sums of all others; it is the last. */
export const SUMS_FILE = "SHA256SUMS";

/** SHA-256 sums of files, noted as their bytes pass. */
export class Checksums {
  readonly #sums = new Map<string, string>();

  /** Whether a file of this name has passed. */
  has(name: string): boolean {
    return this.#sums.has(name);
  }

  /** The bytes of a file; its sum is noted when the last has been taken. */
  async *through<T extends Uint8Array>(name: string, bytes: AsyncIterable<T>): AsyncGenerator<T> {
    const hash = createHash("sha256");
    for await (const chunk of bytes) {
      hash.update(chunk);
      yield chunk;
    }
    this.#sums.set(name, hash.digest("hex"));
  }

  /** A line for each file, in the order in which they passed. */
  toString(): string {
    return [...this.#sums].map(([name, sum]) => `${sum}  ${name}\n`).join("");
  }

  /** What of the files is not as `lines` have it; undefined where nothing is. */
  difference(lines: string): string | undefined {
    const listed = new Map(
      lines.split("\n").filter((line) => line !== "").map((line) => {
        const [sum, ...name] = line.split("  ");
        return [name.join("  "), sum];
      }),
    );
    for (const [name, sum] of this.#sums) {
      if (!listed.has(name)) return `"${name}" is not among them`;
      if (listed.get(name) !== sum) return `"${name}" has the sum ${sum}`;
    }
    const missing = [...listed.keys()].find((name) => !this.#sums.has(name));
    return missing === undefined ? undefined : `"${missing}" is missing`;
  }
}
