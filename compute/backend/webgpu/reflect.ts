// What a WGSL file says about its own interface, so that descriptions bind by name and no order or
// access is written twice.

/** A storage buffer of a shader. */
export interface StorageBinding {
  readonly binding: number;
  readonly name: string;
  readonly access: "read" | "read_write";
}

/** A shader's interface: group 0, at most one uniform `Params` of u32 and f32 fields. */
export interface ShaderInterface {
  readonly storage: readonly StorageBinding[];
  readonly uniform?: {
    readonly binding: number;
    readonly fields: readonly { readonly name: string; readonly type: "u32" | "f32" }[];
  };
}

const BINDING = /@group\(0\)\s*@binding\((\d+)\)\s*var<\s*(\w+)\s*(?:,\s*(\w+)\s*)?>\s*(\w+)\s*:/g;
const PARAMS = /struct\s+Params\s*\{([^}]*)\}/;
const FIELD = /(\w+)\s*:\s*(\w+)/g;

/**
 * Reads the bindings and `struct Params` of a WGSL file.
 *
 * @throws {SyntaxError} if a field of `Params` is neither u32 nor f32.
 */
export function reflect(name: string, source: string): ShaderInterface {
  const text = source.replaceAll(/\/\/.*/g, "");
  const storage: StorageBinding[] = [];
  let uniformBinding: number | undefined;
  for (const [, binding, space, access, variable] of text.matchAll(BINDING)) {
    if (space === "uniform") uniformBinding = Number(binding);
    else {
      storage.push({
        binding: Number(binding),
        name: variable!,
        access: access === "read_write" ? "read_write" : "read",
      });
    }
  }
  if (uniformBinding === undefined) return { storage };
  const body = PARAMS.exec(text)?.[1] ?? "";
  const fields = [...body.matchAll(FIELD)].map(([, field, type]) => {
    if (type !== "u32" && type !== "f32") {
      throw new SyntaxError(
        `Cannot reflect ${name}.wgsl: Params.${field} is ${type}, expected u32 or f32`,
      );
    }
    return { name: field!, type } as const;
  });
  return { storage, uniform: { binding: uniformBinding, fields } };
}

/** Bytes of a `Params` uniform, a multiple of 16. */
function uniformBytes(shader: ShaderInterface): number {
  return Math.ceil((shader.uniform?.fields.length ?? 0) / 4) * 16;
}

/**
 * Lays numbers out as a shader's `Params`.
 *
 * @throws {TypeError} if the names are not exactly those of the struct.
 */
export function packParams(
  name: string,
  shader: ShaderInterface,
  params: Readonly<Record<string, number>>,
): ArrayBuffer {
  const bytes = new ArrayBuffer(uniformBytes(shader));
  const target = new DataView(bytes);
  const fields = shader.uniform?.fields ?? [];
  fields.forEach((field, index) => {
    const value = params[field.name];
    if (value === undefined) {
      throw new TypeError(`Cannot run ${name}.wgsl: Params.${field.name} is not given`);
    }
    if (field.type === "u32") target.setUint32(index * 4, value, true);
    else target.setFloat32(index * 4, value, true);
  });
  if (Object.keys(params).length !== fields.length) {
    throw new TypeError(
      `Cannot run ${name}.wgsl: params are ${Object.keys(params).join(", ")}, ` +
        `expected ${fields.map((field) => field.name).join(", ")}`,
    );
  }
  return bytes;
}
