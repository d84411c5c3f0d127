// The database of many hosts: PostgreSQL, through Kysely.

import { Kysely, PostgresDialect } from "kysely";
// @ts-types="@types/pg"
import pg from "pg";
import { log } from "../log.ts";
import type { Database, Tables } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";

/** Held while the tables are changed: any number, the same in every version. */
const MIGRATION_LOCK = 7_265_347;
/** A query that is not answered for so long is on a connection that is dead, in milliseconds. */
const PATIENCE_MS = 30_000;
/** Changing the tables of a large database may take this long, in milliseconds. */
const MIGRATION_MS = 24 * 60 * 60 * 1000;
/** PostgreSQL's type of 64-bit integers: times, far below 2⁵³. */
const INT8 = 20;

/**
 * Connects to `url`, for `connections` at once, and brings the tables up to date; several hosts may do so at once.
 *
 * @throws {RangeError} if there is no such server, or its tables are those of a newer version.
 */
export async function openPostgres(
  url: string,
  connections: number,
  lease: number,
): Promise<{ readonly database: Database; readonly pool: pg.Pool }> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    application_name: "noregret",
    connectionTimeoutMillis: 10_000,
    query_timeout: PATIENCE_MS,
    keepAlive: true,
    // A host that vanished in the middle of a transaction must not keep the rows that it has locked.
    idle_in_transaction_session_timeout: lease,
    Client: ImpatientClient,
    types: {
      getTypeParser: ((oid: number, format?: "text") =>
        oid === INT8
          ? Number
          : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  });
  // A server that goes away ends idle connections: the pool opens new ones when it is back.
  // One that is in use between two statements has nobody else who listens: without this it would end
  // the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  pool.on("error", (error) => log("error", `PostgreSQL: ${error.message}`));
  try {
    await migrate(pool);
  } catch (error) {
    await pool.end();
    if (error instanceof RangeError) throw error;
    throw new RangeError(
      `Cannot open the database at ${withoutPassword(url)}: ${(error as Error).message}, ` +
        "expected DATABASE_URL to name a PostgreSQL server that answers",
      { cause: error },
    );
  }
  return { database: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), pool };
}

/** Hangs up where a query was not answered in time: what comes later would be taken for another's answer. */
class ImpatientClient extends pg.Client {
  // deno-lint-ignore no-explicit-any
  override query(...query: any[]): any {
    // deno-lint-ignore no-explicit-any
    const answer = (super.query as any)(...query);
    if (answer instanceof Promise) {
      answer.catch((error: Error) => {
        if (error.message === "Query read timeout") this.connection.stream.destroy();
      });
    }
    return answer;
  }
}

async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  const patiently = (text: string, values: unknown[] = []) =>
    client.query({ text, values, query_timeout: MIGRATION_MS } as pg.QueryConfig);
  try {
    await client.query("BEGIN");
    await patiently("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await client.query("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
    const { rows } = await client.query("SELECT version FROM schema_version");
    const version: number = rows[0]?.version ?? 0;
    if (version > MIGRATIONS.length) {
      throw new RangeError(
        `Cannot open the database: it has version ${version}, ` +
          `expected at most ${MIGRATIONS.length}`,
      );
    }
    for (const { postgres } of MIGRATIONS.slice(version)) await patiently(postgres);
    await client.query("DELETE FROM schema_version");
    await client.query("INSERT INTO schema_version VALUES ($1)", [MIGRATIONS.length]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

/** A database's address as it may be shown. */
function withoutPassword(url: string): string {
  return URL.canParse(url) ? Object.assign(new URL(url), { password: "" }).href : "DATABASE_URL";
}
