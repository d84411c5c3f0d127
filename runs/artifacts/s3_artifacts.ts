// Artifacts in an S3-compatible store, which every host reads and writes:
//
//   NAME/manifest.json     the folder's files: their objects, sizes and SHA-256; written last
//   NAME/UPLOAD/FILE       an upload's files, in several objects where one would be too large
//
// A folder without its manifest is not there: an upload that ends in the middle is never seen. Two uploads
// of one folder share no object, so whichever manifest stands names files that are whole.

import { createHash } from "node:crypto";
import { basename, dirname, join } from "@std/path";
import { z } from "zod";
import { openFileSource } from "../worker/file_source.ts";
import { exists, fillFolderAtomically, removeTemporaries } from "../write_file.ts";
import {
  type ArtifactStore,
  ArtifactStoreError,
  type OpenFolder,
  type StoredFolder,
} from "./artifact_store.ts";
import type { S3Bucket } from "./s3_bucket.ts";

/** Bytes of one object at most: stores allow 5 GiB in one request. */
const PART_BYTES = 1 << 30;

const MANIFEST = "manifest.json";

const Part = z.object({
  key: z.string(),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const Manifest = z.object({
  format: z.literal(1),
  files: z.record(z.string().regex(/^[A-Za-z0-9_-][\w.-]*$/), z.array(Part)),
});
type Manifest = z.infer<typeof Manifest>;
type Part = z.infer<typeof Part>;

/** A file to be uploaded. */
interface Source {
  readonly file: string;
  readonly size: number;
  /** Its bytes from one offset to another, or to its end. */
  read(from: number, to: number): Uint8Array | Promise<Uint8Array>;
}

/** A store in a bucket; `home` is the data folder, for copies that need a disk. */
export function s3Artifacts(
  bucket: S3Bucket,
  home: string,
  partBytes: number = PART_BYTES,
): ArtifactStore {
  return new S3Artifacts(bucket, home, partBytes);
}

class S3Artifacts implements ArtifactStore {
  readonly shared = true;

  constructor(readonly bucket: S3Bucket, readonly home: string, readonly partBytes: number) {}

  async put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const there = await this.#manifest(name).catch(unlessDamaged);
    if (there && sameFiles(there, files)) return;
    await this.#upload(
      name,
      [...files].map(([file, data]) => ({
        file,
        size: data.length,
        read: (from, to) => data.subarray(from, to),
      })),
    );
  }

  async adopt(name: string, folder: string): Promise<void> {
    if (await this.#manifest(name) !== undefined) return;
    using opened = new DisposableStack();
    const sources: Source[] = [];
    for await (const { name: file } of Deno.readDir(folder)) {
      const source = opened.use(await openFileSource(join(folder, file), file));
      sources.push({
        file,
        size: source.size,
        read: (from, to) => source.read(from, Math.min(to, source.size) - from),
      });
    }
    await this.#upload(name, sources);
  }

  async #upload(name: string, sources: readonly Source[]): Promise<void> {
    const upload = crypto.randomUUID();
    const manifest: Manifest = { format: 1, files: {} };
    for (const { file, size, read } of sources) {
      const parts: Part[] = [];
      for (let at = 0; at === 0 || at < size; at += this.partBytes) {
        const bytes = await read(at, at + this.partBytes) as Uint8Array<ArrayBuffer>;
        const number = String(parts.length + 1).padStart(5, "0");
        const key = `${name}/${upload}/${file}${size > this.partBytes ? `.part-${number}` : ""}`;
        const sha256 = sha256Of(bytes);
        await this.bucket.put(key, bytes, sha256);
        parts.push({ key, bytes: bytes.length, sha256 });
      }
      manifest.files[file] = parts;
    }
    const bytes = new TextEncoder().encode(JSON.stringify(manifest));
    await this.bucket.put(`${name}/${MANIFEST}`, bytes, sha256Of(bytes));
  }

  async list(parent: string): Promise<StoredFolder[]> {
    const below = new RegExp(`^[^/]+/${MANIFEST.replace(".", "\\.")}$`);
    const manifests = (await this.bucket.list(`${parent}/`))
      .filter(({ key }) => below.test(key.slice(parent.length + 1)));
    const found = await Promise.all(manifests.map(async ({ key, modified: created }) => {
      const name = key.slice(parent.length + 1, -MANIFEST.length - 1);
      const files = await this.files(`${parent}/${name}`).catch(unlessDamaged);
      const bytes = [...files?.values() ?? []].reduce((sum, size) => sum + size, 0);
      return files === undefined ? [] : [{ name, bytes, created }];
    }));
    return found.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async files(name: string): Promise<ReadonlyMap<string, number> | undefined> {
    const manifest = await this.#manifest(name);
    return manifest && new Map(
      Object.entries(manifest.files).map(([file, parts]) => [
        file,
        parts.reduce((sum, { bytes }) => sum + bytes, 0),
      ]),
    );
  }

  async read(name: string, file: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    const parts = (await this.#manifest(name))?.files[file];
    if (parts === undefined) throw new Deno.errors.NotFound(`Cannot read ${name}/${file}`);
    return ReadableStream.from(this.#chunks(parts));
  }

  async open(name: string): Promise<OpenFolder | undefined> {
    const path = join(this.home, name);
    // What is made a second time is the same, so a copy of before will do, and one that was put here by hand.
    if (await exists(path)) return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
    const manifest = await this.#manifest(name);
    if (manifest === undefined) return undefined;
    await fillFolderAtomically(path, async (folder) => {
      for (const [file, parts] of Object.entries(manifest.files)) {
        const to = await Deno.open(join(folder, file), { write: true, createNew: true });
        await ReadableStream.from(this.#chunks(parts)).pipeTo(to.writable);
      }
    });
    return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
  }

  async remove(name: string): Promise<void> {
    // Without its manifest it is gone; the rest may then take as long as it takes.
    await this.bucket.delete(`${name}/${MANIFEST}`);
    for (const { key } of await this.bucket.list(`${name}/`)) await this.bucket.delete(key);
  }

  // Nothing can be had from damaged objects that is worth their room.
  async setAside(name: string): Promise<void> {
    await this.remove(name);
    await Deno.remove(join(this.home, name), { recursive: true }).catch(() => {});
  }

  async tidy(start: string): Promise<void> {
    await removeTemporaries(join(this.home, dirname(start)), basename(start));
    const objects = await this.bucket.list(start);
    const folder = (key: string) => key.split("/").slice(0, start.split("/").length).join("/");
    const whole = new Set(
      objects.filter(({ key }) => key.endsWith(`/${MANIFEST}`)).map(({ key }) => folder(key)),
    );
    for (const { key } of objects) if (!whole.has(folder(key))) await this.bucket.delete(key);
  }

  async check(): Promise<void> {
    await this.bucket.list("", 1);
  }

  async #manifest(name: string): Promise<Manifest | undefined> {
    const response = await this.bucket.get(`${name}/${MANIFEST}`);
    if (response === undefined) return undefined;
    try {
      return Manifest.parse(await response.json());
    } catch (cause) {
      throw new SyntaxError(`Cannot read ${name}/${MANIFEST}: it is damaged`, { cause });
    }
  }

  /** The bytes of a file; fails at the end of a part that is not what was stored. */
  async *#chunks(parts: readonly Part[]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (const { key, bytes, sha256 } of parts) {
      const response = await this.bucket.get(key);
      if (response === undefined) throw new SyntaxError(`Cannot read ${key}: it is gone`);
      const hash = createHash("sha256");
      let size = 0;
      try {
        for await (const chunk of response.body ?? []) {
          hash.update(chunk);
          size += chunk.length;
          yield chunk as Uint8Array<ArrayBuffer>;
        }
      } catch (cause) {
        throw new ArtifactStoreError(`Cannot read ${key}: the connection broke`, { cause });
      }
      if (size !== bytes || hash.digest("hex") !== sha256) {
        throw new SyntaxError(`Cannot read ${key}: its checksum is not that of what was stored`);
      }
    }
  }
}

function sameFiles({ files }: Manifest, given: ReadonlyMap<string, Uint8Array>): boolean {
  const names = Object.keys(files);
  return names.length === given.size && names.every((name) => {
    const data = given.get(name);
    let at = 0;
    return data !== undefined &&
      files[name]!.every(({ bytes, sha256 }) =>
        sha256Of(data.subarray(at, at += bytes)) === sha256
      ) && at === data.length;
  });
}

function sha256Of(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

// A folder whose manifest cannot be read is none.
function unlessDamaged(error: unknown): undefined {
  if (!(error instanceof SyntaxError)) throw error;
}
