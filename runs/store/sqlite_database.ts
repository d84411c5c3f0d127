// The database of one machine: SQLite in WAL mode, through Kysely. Several processes share the file.

import { Kysely, SqliteDialect } from "kysely";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Database, Tables } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";

/**
 * All our transactions write. One that reads before it writes fails with "database is locked", whatever the
 * timeout, if another process has written in between; with the lock from the start it waits.
 */
const BEGIN = "BEGIN IMMEDIATE";

/**
 * Opens the file, creates the tables if they are missing. Every commit reaches the disk.
 *
 * @throws {RangeError} if the file is no database, or one of a newer version.
 */
export function openSqlite(path: string): Database {
  const database = new DatabaseSync(path, { timeout: 10_000 });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    migrate(database);
  } catch (error) {
    database.close();
    if (!(error as Error).message.includes("not a database")) throw error;
    throw new RangeError(`Cannot open ${path}: it is not a database, expected one or nothing`);
  }
  return new Kysely<Tables>({
    dialect: new SqliteDialect({
      database: {
        close: () => database.close(),
        prepare: (sql) => {
          const statement = database.prepare(sql === "begin" ? BEGIN : sql);
          return {
            reader: statement.columns().length > 0,
            all: (values) => statement.all(...values as SQLInputValue[]),
            run: (values) => statement.run(...values as SQLInputValue[]),
            iterate: (values) => statement.iterate(...values as SQLInputValue[]),
          };
        },
      },
    }),
  });
}

// Brings a database up to date, one transaction a step; two processes may call it at once.
function migrate(database: DatabaseSync): void {
  for (;;) {
    database.exec(BEGIN);
    try {
      const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
      const version = row.user_version;
      if (version > MIGRATIONS.length) {
        throw new RangeError(
          `Cannot open the database: it has version ${version}, ` +
            `expected at most ${MIGRATIONS.length}`,
        );
      }
      const step = MIGRATIONS[version]?.sqlite;
      if (step !== undefined) {
        database.exec(step);
        database.exec(`PRAGMA user_version = ${version + 1}`);
      }
      database.exec("COMMIT");
      if (step === undefined) return;
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }
}
