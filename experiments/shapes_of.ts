// The shapes of the models that figures name.

import type { Architecture } from "../compute/theory/architecture.ts";
import { findArchitecture } from "../compute/theory/architectures.ts";

/** Shapes of a model. @throws {RangeError} for one whose shapes are not known. */
export function shapesOf(model: string): Architecture {
  const shapes = findArchitecture(model);
  if (shapes) return shapes;
  throw new RangeError(`Cannot plan for "${model}": the shapes of this model are not known`);
}
