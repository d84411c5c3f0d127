// A disk of our own that can be filled: a file system in memory, where the machine lets us mount one.

import { join } from "@std/path";

/** A mounted folder. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
  /** Leaves no byte free. */
  fill(): void;
  /** Takes that back. */
  free(): void;
}

/** Mounts a disk of so many MiB; undefined where that is not allowed. */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "noregret-disk-" });
  if (!(await run("mount", "-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder))) {
    await Deno.remove(folder);
    return undefined;
  }
  const ballast = join(folder, "ballast");
  return {
    folder,
    fill() {
      using file = Deno.openSync(ballast, { write: true, create: true, append: true });
      for (let block = new Uint8Array(1 << 20); block.length >= 1;) {
        try {
          file.writeSync(block);
        } catch (error) {
          if (!/os error 28/.test((error as Error).message)) throw error;
          block = block.subarray(0, block.length >> 1);
        }
      }
    },
    free: () => Deno.removeSync(ballast),
    async [Symbol.asyncDispose]() {
      // Lazily: a process that is ending may still have a file open.
      await run("umount", "-l", folder);
      await Deno.remove(folder);
    },
  };
}

async function run(program: string, ...args: string[]): Promise<boolean> {
  try {
    const options = { args, stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(program, options).output()).success;
  } catch {
    return false;
  }
}
