// Where what runs make is kept, behind one narrow interface: folders of files by name, such as
// `checkpoints/RUN/step-000000040` or `adapters/RUN`. A folder is there whole or not at all.

/** A stored folder. */
export interface StoredFolder {
  /** The last part of its name. */
  readonly name: string;
  readonly bytes: number;
  readonly created: Date;
}

/** A stored folder as one of this disk. Disposing of it removes a copy that was made for it. */
export interface OpenFolder extends AsyncDisposable {
  readonly path: string;
}

/** Keeps folders. */
export interface ArtifactStore {
  /** Whether it is another place than the data folder, which other hosts have too. */
  readonly shared: boolean;
  /**
   * Stores a folder; when this returns, it outlives this machine as far as the store does. One of this name
   * that holds anything else is replaced: it is damaged, or somebody wrote it who had no right to.
   */
  put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /** Stores what lies in a folder of this disk, which is no longer the caller's. One of this name stays. */
  adopt(name: string, folder: string): Promise<void>;
  /** The folders directly below one, by name. */
  list(parent: string): Promise<StoredFolder[]>;
  /** A folder's files with their sizes in bytes; undefined where there is no such folder. */
  files(name: string): Promise<ReadonlyMap<string, number> | undefined>;
  /**
   * A file, as it comes.
   *
   * @throws {Deno.errors.NotFound} if it is not there; the stream fails if it is damaged.
   */
  read(name: string, file: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /**
   * The folder on this disk, for those who need random access.
   *
   * @returns undefined where there is no such folder.
   * @throws {SyntaxError} if a file of it is damaged.
   */
  open(name: string): Promise<OpenFolder | undefined>;
  /** Removes a folder, whole or not. */
  remove(name: string): Promise<void>;
  /** Takes a damaged folder out of sight. */
  setAside(name: string): Promise<void>;
  /** Removes what a killed process left half written of folders whose names begin so; nobody else may write them. */
  tidy(start: string): Promise<void>;
  /** Fails where nothing can be stored. */
  check(): Promise<void>;
}

/** A store that cannot be used: it does not answer, or refuses what it is asked. */
export class ArtifactStoreError extends Error {
  override readonly name = "ArtifactStoreError";
}
