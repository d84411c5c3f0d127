// Choices of variants on disk: a file for each device, driver and version of the shaders, so that a run goes on
// with what it began with.

import { join } from "@std/path";
import { z } from "zod";
import type { Choices, VariantCache } from "../../compute/backend/webgpu/tuning.ts";
import { writeFileAtomically } from "../write_file.ts";

const FILE = z.strictObject({ device: z.string(), variants: z.record(z.string(), z.string()) });

/** Keeps choices in a folder; a file that cannot be read counts as none. */
export class VariantFiles implements VariantCache {
  constructor(readonly folder: string) {}

  async load(device: string): Promise<Choices> {
    try {
      const file = FILE.parse(JSON.parse(await Deno.readTextFile(await this.#path(device))));
      return new Map(file.device === device ? Object.entries(file.variants) : []);
    } catch (error) {
      const damaged = error instanceof SyntaxError || error instanceof z.ZodError;
      if (damaged || error instanceof Deno.errors.NotFound) return new Map();
      throw error;
    }
  }

  async save(device: string, choices: Choices): Promise<Choices> {
    const all = new Map([...choices, ...await this.load(device)]);
    const variants = Object.fromEntries([...all].sort());
    const text = JSON.stringify({ device, variants }, undefined, 2);
    await writeFileAtomically(await this.#path(device), `${text}\n`);
    return all;
  }

  async #path(device: string): Promise<string> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(device));
    const hex = [...new Uint8Array(digest, 0, 8)].map((byte) => byte.toString(16).padStart(2, "0"));
    return join(this.folder, `${hex.join("")}.json`);
  }
}
