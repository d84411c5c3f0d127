// The safetensors format: an 8-byte little-endian header length, a JSON header, then raw tensors
// (github.com/huggingface/safetensors, README "Format"). Headers come from outside: every number is
// checked before it is used.

/** A place to read bytes from: a file, a range of a remote file, or memory. */
export interface ByteSource {
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes at `offset`; in `into`, which has as many, where that saves memory. */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
}

/** Bytes per element of the types that can be read. */
export const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Where one tensor lies; offsets count from the start of the file. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

/** Largest header that is read, as in the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;

/** A byte source over memory. */
export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

function fail(name: string, why: string): never {
  throw new SyntaxError(`Cannot read ${name}: ${why}`);
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/**
 * Reads and checks a header.
 *
 * @throws {SyntaxError} if the file is truncated, or its header lies about itself.
 */
export async function readSafetensorsHeader(
  source: ByteSource,
): Promise<Map<string, TensorEntry>> {
  const { name, size } = source;
  if (size < 8) fail(name, `${size} bytes are too few for a safetensors file`);
  const prefix = await source.read(0, 8);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(size - 8, MAX_HEADER_BYTES))) {
    fail(name, `the header claims ${length} bytes, the file has ${size - 8} after its length`);
  }
  const headerBytes = await source.read(8, Number(length));
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(headerBytes));
  } catch (error) {
    fail(name, `the header is not JSON (${(error as Error).message})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    fail(name, "the header is not a JSON object");
  }
  const dataStart = 8 + Number(length);
  const entries = new Map<string, TensorEntry>();
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    entries.set(key, checkEntry(name, key, value, dataStart, size));
  }
  checkOverlap(name, entries, dataStart, size);
  return entries;
}

function checkEntry(
  name: string,
  key: string,
  value: unknown,
  dataStart: number,
  size: number,
): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const element = typeof dtype === "string" && Object.hasOwn(ELEMENT_BYTES, dtype)
    ? ELEMENT_BYTES[dtype]
    : undefined;
  if (element === undefined) {
    fail(
      name,
      `"${key}" has dtype ${JSON.stringify(dtype)}, expected one of ` +
        Object.keys(ELEMENT_BYTES).join(", "),
    );
  }
  if (!isShape(shape)) fail(name, `"${key}" has shape ${JSON.stringify(shape)}`);
  if (!isShape(offsets) || offsets.length !== 2 || offsets[1]! < offsets[0]!) {
    fail(name, `"${key}" has data_offsets ${JSON.stringify(offsets)}`);
  }
  const bytes = offsets[1]! - offsets[0]!;
  const wanted = shape.reduce((product, n) => product * n, element);
  if (bytes !== wanted) {
    fail(
      name,
      `"${key}" [${shape}] ${dtype} needs ${wanted} bytes, its data_offsets hold ${bytes}`,
    );
  }
  if (dataStart + offsets[1]! > size) {
    fail(
      name,
      `"${key}" ends at byte ${dataStart + offsets[1]!}, the file at ${size}: it is truncated`,
    );
  }
  return { dtype: dtype as string, shape, offset: dataStart + offsets[0]!, bytes };
}

function checkOverlap(
  name: string,
  entries: Map<string, TensorEntry>,
  dataStart: number,
  size: number,
): void {
  let end = dataStart;
  const byOffset = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  for (const [key, entry] of byOffset) {
    if (entry.offset !== end) {
      fail(name, `"${key}" starts at byte ${entry.offset}, expected ${end}: holes or overlaps`);
    }
    end += entry.bytes;
  }
  if (end !== size) fail(name, `${size - end} bytes after the last tensor`);
}

/** How a tensor is written. */
export interface TensorLayout {
  readonly dtype: "F32" | "BF16" | "U32";
  readonly shape: readonly number[];
}

const bytesOf = ({ dtype, shape }: TensorLayout) =>
  shape.reduce((product, n) => product * n, ELEMENT_BYTES[dtype]!);

/** The start of a safetensors file whose tensors follow in this order. */
export function safetensorsHeader(
  tensors: ReadonlyMap<string, TensorLayout>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let position = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const end = position + bytesOf({ dtype, shape });
    header[name] = { dtype, shape, data_offsets: [position, end] };
    position = end;
  }
  // Padding with spaces to a multiple of 8 keeps the data aligned, as the reference writer does.
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const start = new Uint8Array(8 + length).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
  start.set(json, 8);
  return start;
}

/** Writes a safetensors file of f32 and bf16 (packed words) and u32 tensors. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorLayout & { readonly data: ArrayBufferView }>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const header = safetensorsHeader(tensors, metadata);
  const bytes = [...tensors.values()].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  const file = new Uint8Array(header.length + bytes);
  file.set(header);
  let at = header.length;
  for (const tensor of tensors.values()) {
    const { data } = tensor, length = bytesOf(tensor);
    file.set(new Uint8Array(data.buffer, data.byteOffset, length), at);
    at += length;
  }
  return file;
}
