// A form made from a JSON Schema: one control for each field, named by its dotted path. Fields of an
// alternative carry its name in brackets: `method[lora].r`.

import type { Child } from "hono/jsx";

/** The part of JSON Schema that forms are made from. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** What a form is filled with. */
export interface FormState {
  /** What was typed, by the control's name. */
  readonly values: Readonly<Record<string, string>>;
  /** What is wrong, by the field's dotted path. */
  readonly problems: Readonly<Record<string, string>>;
  /** Values to offer, by the field's dotted path. */
  readonly offers: Readonly<Record<string, readonly string[]>>;
}

/** The field that tells the alternatives of a union apart, and its values; undefined if it has none. */
function alternatives({ oneOf, anyOf }: Schema): [kind: string, schema: Schema][] | undefined {
  const kinds = (oneOf ?? anyOf)?.map((schema): [unknown, Schema] => {
    const kind = schema.properties?.kind;
    return [kind?.const ?? kind?.enum?.[0], schema];
  });
  if (!kinds?.every(([kind]) => kind !== undefined)) return undefined;
  return kinds.map(([kind, schema]) => [String(kind), schema]);
}

/** The controls of an object's fields. */
export function Fields(
  { schema, state, path = "", name = path }: {
    schema: Schema;
    state: FormState;
    path?: string;
    name?: string;
  },
) {
  return (
    <div class="fields">
      {Object.entries(schema.properties ?? {}).filter(([key]) => key !== "kind").map((
        [key, field],
      ) => (
        <Field
          schema={field}
          state={state}
          path={path === "" ? key : `${path}.${key}`}
          name={name === "" ? key : `${name}.${key}`}
          required={schema.required?.includes(key) ?? false}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  readonly schema: Schema;
  readonly state: FormState;
  readonly path: string;
  readonly name: string;
  readonly required: boolean;
}

function Field(props: FieldProps) {
  const { schema, state, path, name } = props;
  const label = path.split(".").at(-1)!;
  const kinds = alternatives(schema);
  if (kinds) {
    const chosen = state.values[`${name}.kind`] ?? kinds[0]![0];
    return (
      <fieldset>
        <legend>{label}</legend>
        <label>
          <span>kind</span>
          <select name={`${name}.kind`} data-kind={name}>
            {kinds.map(([kind]) => <option selected={kind === chosen}>{kind}</option>)}
          </select>
        </label>
        {kinds.map(([kind, inner]) => (
          <fieldset data-of={name} data-is={kind}>
            <legend>{kind}</legend>
            <Fields schema={inner} state={state} path={path} name={`${name}[${kind}]`} />
          </fieldset>
        ))}
      </fieldset>
    );
  }
  if (schema.properties) {
    return (
      <fieldset>
        <legend>{label}</legend>
        <Fields schema={schema} state={state} path={path} name={name} />
      </fieldset>
    );
  }
  return <Control {...props} label={label} />;
}

function Control({ schema, state, path, name, required, label }: FieldProps & { label: string }) {
  const value = state.values[name] ?? "";
  const problem = state.problems[path];
  const offers = state.offers[path];
  const shared = {
    name,
    id: name,
    "aria-invalid": problem ? "true" : undefined,
    "aria-describedby": `${name}-note`,
  };
  const fallback = schema.default === undefined ? "" : JSON.stringify(schema.default);
  let control: Child;
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : undefined);
  if (choices) {
    control = (
      <select {...shared}>
        <option value="">
          {fallback === "" ? "" : `${fallback.replaceAll('"', "")} (default)`}
        </option>
        {choices.map((each) => (
          <option value={String(each)} selected={String(each) === value}>{String(each)}</option>
        ))}
      </select>
    );
  } else if (schema.type === "number" || schema.type === "integer") {
    const { minimum, maximum } = schema;
    const whole = schema.type === "integer";
    control = (
      <input
        {...shared}
        type="number"
        value={value}
        placeholder={fallback}
        min={whole ? minimum : undefined}
        max={maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined}
        step={whole ? 1 : "any"}
        required={required}
      />
    );
  } else {
    control = (
      <input
        {...shared}
        value={value}
        placeholder={fallback}
        list={offers && `${name}-offers`}
        required={required}
      />
    );
  }
  return (
    <label>
      <span>{label}{required && " *"}</span>
      {control}
      {offers && (
        <datalist id={`${name}-offers`}>{offers.map((offer) => <option value={offer} />)}</datalist>
      )}
      <small id={`${name}-note`} class={problem ? "problem" : undefined}>
        {problem ?? withCode(schema.description?.split(/(?<=\.) /)[0] ?? "")}
      </small>
    </label>
  );
}

/** What stands between backticks as code. */
function withCode(text: string): Child[] {
  return text.split("`").map((part, i) => i % 2 === 1 ? <code>{part}</code> : part);
}

/**
 * What was typed into a form of `schema` as JSON: empty fields are left out, and so are the fields of
 * alternatives that were not chosen. A value that is JSON is taken as such, others as text.
 */
export function readForm(values: Readonly<Record<string, string>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(values)) {
    if (text.trim() === "") continue;
    const path: string[] = [];
    let chosen = true;
    let prefix = "";
    for (const part of name.split(".")) {
      const [, key, kind] = /^([^[]+)(?:\[(.+)\])?$/.exec(part) ?? [];
      if (key === undefined) break;
      prefix = prefix === "" ? key : `${prefix}.${key}`;
      if (kind !== undefined) {
        chosen &&= values[`${prefix}.kind`] === kind;
        prefix += `[${kind}]`;
      }
      path.push(key);
    }
    if (chosen && path.length > 0) put(out, path, parse(text.trim()));
  }
  return out;
}

/** A spec as what one would have typed; the inverse of {@linkcode readForm}. */
export function fillForm(spec: unknown, path = "", values: Record<string, string> = {}) {
  for (const [key, value] of Object.entries(spec as Record<string, unknown>)) {
    const name = path === "" ? key : `${path}.${key}`;
    if (
      typeof value === "object" && value !== null && !Array.isArray(value) && key !== "dataset" &&
      key !== "eval_dataset"
    ) {
      const { kind, ...rest } = value as Record<string, unknown>;
      if (kind !== undefined) values[`${name}.kind`] = String(kind);
      fillForm(rest, kind === undefined ? name : `${name}[${kind}]`, values);
    } else values[name] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return values;
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  // Names come from the client: none of them may reach what all objects share.
  if (path.some((key) => ["__proto__", "constructor", "prototype"].includes(key))) return;
  let at = target;
  for (const key of path.slice(0, -1)) {
    at = (at[key] ??= {}) as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
