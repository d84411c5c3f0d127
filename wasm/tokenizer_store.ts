/** Tokenisers by model name: shipped ones, and folders that users put under their models folder. */

import { join, resolve, sep } from "@std/path";
import { loadTokenizer, TOKENIZER_FILES, type TokenizerFiles } from "./load_tokenizer.ts";

/** How many tokenisers stay loaded: each holds tens of megabytes. */
const KEPT = 4;

/** The models that come with the package: `noregret/NAME` is `data/models/NAME`. */
const SHIPPED = resolve(import.meta.dirname!, "..", "data", "models");
const SHIPPED_OWNER = "noregret/";

interface Loaded {
  files: Promise<TokenizerFiles>;
  changed: number;
}

/** Loads tokenisers on demand and keeps those used last. */
export class TokenizerStore {
  readonly #home: string;
  readonly #loaded = new Map<string, Loaded>();

  /**
   * A store that has nothing loaded yet.
   *
   * @param home The folder that holds `models/`.
   */
  constructor(home: string) {
    this.#home = home;
  }

  /**
   * The tokeniser of a model; read again if its file has changed.
   *
   * @throws {Deno.errors.NotFound} If there is no such model.
   * @throws {RangeError} If the name leads out of the models folder.
   */
  async open(name: string): Promise<TokenizerFiles> {
    const folder = await this.#folder(name);
    const info = await Deno.stat(join(folder, "tokenizer.json")).catch(() => undefined);
    const changed = info?.mtime?.getTime() ?? 0;
    let entry = this.#loaded.get(folder);
    if (!entry || entry.changed !== changed) entry = { files: loadTokenizer(folder), changed };
    this.#loaded.delete(folder);
    this.#loaded.set(folder, entry);
    while (this.#loaded.size > KEPT) this.#loaded.delete(this.#loaded.keys().next().value!);
    try {
      return await entry.files;
    } catch (error) {
      this.#loaded.delete(folder);
      if (error instanceof Deno.errors.NotFound) {
        throw new Deno.errors.NotFound(`Cannot open model "${name}": it has no tokenizer.json`);
      }
      throw error;
    }
  }

  async #folder(name: string): Promise<string> {
    const parts = name.split("/");
    if (parts.some((part) => part === "" || part === "." || part === "..") || /[\\\0]/.test(name)) {
      throw new RangeError(`Cannot open model "${name}": expected a name inside the models folder`);
    }
    const roots = [[resolve(this.#home, "models"), name]];
    if (name.startsWith(SHIPPED_OWNER)) {
      roots.unshift([SHIPPED, name.slice(SHIPPED_OWNER.length)]);
    }
    for (const [root, inside] of roots as [string, string][]) {
      let real: string;
      let base: string;
      try {
        base = await Deno.realPath(root);
        real = await Deno.realPath(join(root, inside));
        for (const file of TOKENIZER_FILES) {
          // A file that links out of the folder would be read, and told, as well.
          const target = await Deno.realPath(join(real, file)).catch(() => join(real, file));
          if (!target.startsWith(base + sep)) real = "";
        }
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) continue;
        if (error instanceof Deno.errors.NotADirectory) continue;
        throw error;
      }
      if (!real.startsWith(base + sep)) {
        throw new RangeError(`Cannot open model "${name}": it leads out of the models folder`);
      }
      return real;
    }
    throw new Deno.errors.NotFound(
      `Cannot open model "${name}": no such model`,
    );
  }
}
