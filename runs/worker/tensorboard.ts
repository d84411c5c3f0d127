// TensorBoard event files: a run's metrics as scalars, written while it trains. The file is a list of
// TFRecords (length, masked CRC-32C of it, bytes, masked CRC-32C of them), each a protobuf `Event`
// (tensorflow/core/util/event.proto).

import { join } from "@std/path";
import type { MetricPoint } from "../spec/run.ts";

/** An open event file. */
export class EventFile implements Disposable {
  private constructor(readonly file: Deno.FsFile) {}

  /** Starts a new file in a run's folder; the first record says from which step on it counts. */
  static async create(folder: string, step: number): Promise<EventFile> {
    await Deno.mkdir(folder, { recursive: true });
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, "0");
    const name = `events.out.tfevents.${seconds}.${Deno.hostname()}.${Deno.pid}.noregret`;
    const file = new EventFile(
      await Deno.open(join(folder, name), { write: true, createNew: true }),
    );
    const now = Date.now() / 1000;
    await file.#write([
      record([double(1, now), bytes(3, "brain.Event:2")]),
      // SessionLog.START: what older files hold behind this step is void.
      record([double(1, now), integer(2, step), bytes(7, integer(1, 1))]),
    ]);
    return file;
  }

  /** Writes a record for each point. When this returns, they are on disk. */
  async add(points: readonly MetricPoint[]): Promise<void> {
    const now = Date.now() / 1000;
    await this.#write(points.map(({ step, ...values }) => {
      const scalars = Object.entries(values).filter(([, value]) => typeof value === "number");
      const summary = scalars.map(([tag, value]) => bytes(1, [bytes(1, tag), float(2, value)]));
      return record([double(1, now), integer(2, step), bytes(5, summary)]);
    }));
  }

  async #write(records: readonly Uint8Array[]): Promise<void> {
    const all = concat(records);
    for (let at = 0; at < all.length;) at += await this.file.write(all.subarray(at));
    await this.file.syncData();
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

function record(fields: readonly Uint8Array[]): Uint8Array {
  const data = concat(fields);
  const head = new Uint8Array(12), tail = new Uint8Array(4);
  new DataView(head.buffer).setBigUint64(0, BigInt(data.length), true);
  new DataView(head.buffer).setUint32(8, mask(crc32c(head.subarray(0, 8))), true);
  new DataView(tail.buffer).setUint32(0, mask(crc32c(data)), true);
  return concat([head, data, tail]);
}

// Fields of a protobuf message, by their number.
function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = field << 3 | 1;
  new DataView(out.buffer).setFloat64(1, value, true);
  return out;
}

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = field << 3 | 5;
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.of(field << 3, ...varint(value));
}

function bytes(field: number, value: string | Uint8Array | readonly Uint8Array[]): Uint8Array {
  const content = typeof value === "string"
    ? new TextEncoder().encode(value)
    : value instanceof Uint8Array
    ? value
    : concat(value);
  return concat([Uint8Array.of(field << 3 | 2, ...varint(content.length)), content]);
}

function varint(value: number): number[] {
  const out = [];
  for (; value >= 128; value = Math.floor(value / 128)) out.push(value % 128 + 128);
  return [...out, value];
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** TFRecord's masking of a checksum, so that checksums of checksums differ. */
function mask(crc: number): number {
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

// One entry a byte, of the reflected Castagnoli polynomial.
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C (RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = TABLE[(crc ^ byte) & 255]! ^ crc >>> 8;
  return (crc ^ 0xffffffff) >>> 0;
}
