// Which variant a product is computed with on a device: measured once for a class of shapes, and kept, so that a
// run that is resumed computes as it did before. What is kept where is the caller's.

import type { ShapedCall } from "../backend.ts";
import type { KernelName } from "../kernels.ts";
import { productSources } from "./descriptions/product.ts";
import {
  type ProductShape,
  type ProductVariant,
  type VariantContext,
  variantName,
  variantsOf,
} from "./descriptions/product_variants.ts";

import type { ShapedProduct } from "./shaped_calls.ts";

/** Names of variants by class of product. */
export type Choices = ReadonlyMap<string, string>;

/** Where choices are kept, by device. */
export interface VariantCache {
  load(device: string): Promise<Choices>;
  /** Adds choices and returns all there are: where another process was first, its choice stands. */
  save(device: string, choices: Choices): Promise<Choices>;
}

/** How products are tuned. */
export interface TuningOptions {
  readonly cache: VariantCache;
  /**
   * Whether a GPU emulated on the processor is tuned too: its defaults are, and trying others takes long.
   *
   * @default {false}
   */
  readonly software?: boolean;
  /** What is tried, the default first. */
  readonly candidates?: (shape: ProductShape, context: VariantContext) => ProductVariant[];
}

/** How much faster than the default a variant must be: less is noise. */
const WORTH_IT = 0.97;

/** The class of a product: one measurement stands for sizes up to the next power of two. */
function productClass(kernel: KernelName, { m, n, k, dtype }: ProductShape): string {
  const upTo = (size: number) => 2 ** Math.ceil(Math.log2(Math.max(size, 1)));
  const vectors = n % 4 === 0 && k % 4 === 0 ? "" : " odd";
  return `${kernel} ${dtype} ${upTo(m)}x${upTo(n)}x${upTo(k)}${vectors}`;
}

/** Chooses variants on one device. */
export class Tuner {
  readonly #device: string;
  readonly #context: VariantContext;
  readonly #options: TuningOptions;
  #choices: Choices;

  private constructor(
    device: string,
    context: VariantContext,
    options: TuningOptions,
    choices: Choices,
  ) {
    this.#device = device;
    this.#context = context;
    this.#options = options;
    this.#choices = choices;
  }

  /** Reads what was chosen before; `adapter` says which device and driver it is. */
  static async open(
    adapter: string,
    context: VariantContext,
    options: TuningOptions,
  ): Promise<Tuner> {
    const device = `${adapter}; f16 ${context.features.f16}; shaders ${await shaderHash()}`;
    return new Tuner(device, context, options, await options.cache.load(device));
  }

  /** The variant chosen for a product, if one is. */
  choice(kernel: KernelName, shape: ProductShape): ProductVariant | undefined {
    const name = this.#choices.get(productClass(kernel, shape));
    return name === undefined
      ? undefined
      : this.#candidates(shape).find((variant) => variantName(variant) === name);
  }

  /**
   * Measures what is not known. `measure` gives the milliseconds of a product's call with a variant.
   *
   * @returns how many classes were measured.
   */
  async tune(
    products: readonly ShapedProduct[],
    measure: (call: ShapedCall, variant: ProductVariant) => Promise<number>,
  ): Promise<number> {
    if (this.#context.software && !this.#options.software) return 0;
    const chosen = new Map<string, string>();
    for (const { kernel, shape, call } of products) {
      const name = productClass(kernel, shape);
      if (chosen.has(name) || this.choice(kernel, shape) !== undefined) continue;
      const [standard, ...others] = this.#candidates(shape) as [ProductVariant];
      let best = { variant: standard, time: WORTH_IT * await measure(call, standard) };
      for (const variant of others) {
        const time = await measure(call, variant);
        if (time < best.time) best = { variant, time };
      }
      chosen.set(name, variantName(best.variant));
    }
    if (chosen.size > 0) this.#choices = await this.#options.cache.save(this.#device, chosen);
    return chosen.size;
  }

  #candidates(shape: ProductShape): ProductVariant[] {
    return (this.#options.candidates ?? variantsOf)(shape, this.#context);
  }
}

/** Choices hold for the WGSL that was measured. */
async function shaderHash(): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(productSources()));
  return [...new Uint8Array(digest, 0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
