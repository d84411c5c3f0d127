// One line for each thing that an operator wants to know, on standard error: text for people, or JSON
// for machines (NOREGRET_LOG=json). Secrets are never given to it.

/** Fields of a line. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** How lines look. */
export type LogFormat = "text" | "json";

/** What is written by this process: errors only, until it says that it is a service. */
const setting = { format: "text" as LogFormat, info: false };

/** Writes lines of every level from here on, in this format. */
export function startLog(format: LogFormat): void {
  Object.assign(setting, { format, info: true });
}

/** Writes a line. `error` is shown with its stack. */
export function log(
  level: "info" | "error",
  message: string,
  fields: LogFields = {},
  error?: unknown,
): void {
  if (level === "info" && !setting.info) return;
  const time = new Date().toISOString();
  if (setting.format === "json") {
    const cause = error === undefined ? {} : { error: stackOf(error) };
    console.error(JSON.stringify({ time, level, message, ...fields, ...cause }));
    return;
  }
  const rest = Object.entries(fields).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${quoted(value)}`).join("");
  if (error === undefined) console.error(`${time} ${message}${rest}`);
  else console.error(`${time} ${message}${rest}:`, error);
}

// What a client sent must not look like a line or a field of its own.
function quoted(value: LogFields[string]): string {
  const plain = typeof value !== "string" || /^[!#-~]+$/.test(value);
  return plain ? String(value) : JSON.stringify(value);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
