// Some points of a long curve: as many seeks in the index as points are wanted, whatever its length.

import { sql } from "kysely";
import type { MetricPoint } from "../spec/run.ts";
import type { Database } from "./database.ts";

/** About `most` points, evenly over the steps, and about as many of those with a held-out loss. */
export async function samplePoints(
  database: Database,
  id: string,
  most: number,
): Promise<MetricPoint[]> {
  const points = new Map<number, MetricPoint>();
  for (const evaluated of [false, true]) {
    for (const json of await evenly(database, id, most, evaluated)) {
      const point: MetricPoint = JSON.parse(json);
      points.set(point.step, point);
    }
  }
  return [...points.values()].sort((a, b) => a.step - b.step);
}

// The condition is word for word that of the partial index `points_evaluated`.
const EVALUATED = sql`AND json LIKE '%"eval_nll"%'`;
const ANY = sql``;

/** All points that have a held-out loss, by step: few beside the others, and read without them. */
export async function evaluatedPoints(database: Database, id: string): Promise<MetricPoint[]> {
  const { rows } = await sql<{ json: string }>`
    SELECT json FROM points WHERE run_id = ${id} ${EVALUATED} ORDER BY step
  `.execute(database);
  return rows.map(({ json }) => JSON.parse(json));
}

async function evenly(
  database: Database,
  id: string,
  most: number,
  evaluated: boolean,
): Promise<string[]> {
  const kind = evaluated ? EVALUATED : ANY;
  const ends = await sql<{ first: number | null; last: number | null }>`
    SELECT
      (SELECT step FROM points WHERE run_id = ${id} ${kind} ORDER BY step LIMIT 1) AS first,
      (SELECT step FROM points WHERE run_id = ${id} ${kind} ORDER BY step DESC LIMIT 1) AS last
  `.execute(database);
  const { first, last } = ends.rows[0]!;
  if (first === null || last === null) return [];
  const width = Math.max(1, Math.ceil((last - first) / (most - 1)));
  const { rows } = await sql<{ json: string | null }>`
    WITH RECURSIVE marks (mark) AS (
      SELECT CAST(${first} AS INTEGER)
      UNION ALL SELECT mark + CAST(${width} AS INTEGER) FROM marks
      WHERE mark + CAST(${width} AS INTEGER) <= CAST(${last} AS INTEGER)
    )
    SELECT (
      SELECT json FROM points WHERE run_id = ${id} AND step >= mark ${kind} ORDER BY step LIMIT 1
    ) AS json FROM marks
    UNION SELECT json FROM points WHERE run_id = ${id} AND step = ${last}
  `.execute(database);
  return rows.flatMap(({ json }) => json ?? []);
}
