// Random access to a file, as compute's byte source.

import type { ByteSource } from "../../compute/models/safetensors.ts";

/** A byte source over a file. Closing it is the caller's duty. */
export interface FileSource extends ByteSource {
  [Symbol.dispose](): void;
}

/** Opens a file for reading at any offset. `name` is what error messages call it. */
export async function openFileSource(path: string, name: string): Promise<FileSource> {
  const file = await Deno.open(path, { read: true });
  const { size } = await file.stat();
  return {
    name,
    size,
    // Synchronous, so that two reads cannot move the file's one position under each other.
    read(offset, length, into) {
      file.seekSync(offset, Deno.SeekMode.Start);
      const bytes = into ?? new Uint8Array(length);
      for (let at = 0; at < length;) {
        const count = file.readSync(bytes.subarray(at));
        if (count === null) {
          throw new SyntaxError(`Cannot read ${name}: it ends at byte ${offset + at} of ${size}`);
        }
        at += count;
      }
      return Promise.resolve(bytes);
    },
    [Symbol.dispose]: () => file.close(),
  };
}
