// The shapes of the models that figures name.

import type { Architecture } from "../compute/theory/architecture.ts";
import { findArchitecture } from "../compute/theory/architectures.ts";

const SHIPPED = "noregret/";

/** Shapes of a model: one that ships, or one that the theory knows; undefined for any other. */
export function architectureOf(model: string): Architecture | undefined {
  if (!model.startsWith(SHIPPED)) return findArchitecture(model);
  const name = model.slice(SHIPPED.length);
  const file = new URL(`../data/models/${name}/config.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(file));
}

/** The same. @throws {RangeError} for a model whose shapes are not known. */
export function shapesOf(model: string): Architecture {
  const shapes = architectureOf(model);
  if (shapes) return shapes;
  throw new RangeError(`Cannot plan for "${model}": the shapes of this model are not known`);
}
