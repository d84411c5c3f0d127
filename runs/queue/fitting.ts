// The rule of ../workers/placement.ts as a condition on the rows of runs.

import { type Expression, type ExpressionBuilder, sql, type SqlBool } from "kysely";
import type { Tables } from "../store/database.ts";
import type { Offer } from "../workers/placement.ts";

/** Whether a run's row may go to a device; any may without an offer. */
export function fitting(
  offer: Offer | undefined,
): (expression: ExpressionBuilder<Tables, "runs">) => Expression<SqlBool> {
  return (expression) => {
    if (offer === undefined) return sql<SqlBool>`1 = 1`;
    const { backend, takes_auto, memory_bytes } = offer;
    const suits = expression("wants", "in", takes_auto ? [backend, "auto"] : [backend]);
    if (memory_bytes === null) return suits;
    const need = `need_${backend}` as const;
    return suits.and(expression.or([
      expression(need, "is", null),
      expression(need, "<=", memory_bytes),
    ]));
  };
}
