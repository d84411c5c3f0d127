// Arrays in a request's body whose errors stay few, however long they are.

import { z } from "@hono/zod-openapi";

/**
 * An array of `min` to `max` elements. Its length is checked first: zod reports every bad element
 * of an array, and more of them than a call has arguments would break it.
 */
export function boundedArray<T extends z.ZodType>(element: T, max: number, min = 1) {
  const array = z.array(element).min(min).max(max);
  return z.array(z.unknown()).min(min).max(max).pipe(array).openapi(documented(array));
}

/** At most `max` tokens' ids, of which only the first that is none is reported. */
export function idArray(max: number) {
  const id = z.int().min(0).max(2 ** 32 - 1);
  return z.array(z.unknown()).max(max).superRefine((ids, context) => {
    const at = ids.findIndex((value) => !id.safeParse(value).success);
    if (at < 0) return;
    const found = JSON.stringify(ids[at])?.slice(0, 60);
    context.addIssue({
      code: "custom",
      path: [at],
      message: `Expected an id, an integer from 0 to ${2 ** 32 - 1}, but found ${found}`,
    });
  }).transform((ids) => ids as number[]).openapi(documented(z.array(id).max(max)));
}

function documented(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: "input" });
  return json;
}
