// Which rows are held out. The text a row starts from decides, not its place: copies of a row, and
// other answers to its question, are on the same side, so that nothing is tested that was trained on.

import { createHash } from "node:crypto";

/** Whether a row belongs to the held-out share of a dataset. `key`: see rowKey(). */
export function isHeldOut(key: string, fraction: number): boolean {
  const plain = key.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  const digest = createHash("sha256").update(plain).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48 < fraction;
}
