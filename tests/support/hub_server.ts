// A hub on a port of this machine: repositories with commits, hashes and ranges, and the ways in which a
// real one fails.

import { createHash } from "node:crypto";

/** A repository: its files by path. Those over `LFS_BYTES` have a SHA-256, the others git's hash. */
export type HubRepository = Record<string, Uint8Array<ArrayBuffer> | string>;

/** Files over this many bytes are large ones. */
const LFS_BYTES = 1000;

/** How the next answers for a path go wrong; each is used once. */
export type Fault =
  | { readonly cutAfter: number }
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** The whole file, whatever was asked for. */
  | { readonly whole: true }
  | { readonly bytes: Uint8Array<ArrayBuffer> };

/** A request as it came. */
export interface SeenRequest {
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** A hub that can be asked. */
export class HubServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #repositories: Record<string, HubRepository>;
  readonly seen: SeenRequest[] = [];
  /** By the end of the path: `config.json`, `tree`, `revision`. */
  readonly faults = new Map<string, Fault[]>();
  /** Repositories that only this token may read. */
  readonly gated = new Map<string, string>();
  /** Changes with what it holds. */
  commit = "1".repeat(40);
  /** Branches and tags by name, each with its commit and its own files by repository. */
  readonly revisions = new Map<string, { commit: string; files: Record<string, HubRepository> }>();
  /** Where large files lie on a store of their own (Xet): an address that may only be asked with its signature. */
  store: HubServer | undefined;

  /** @param repositories by `models/OWNER/NAME` and `datasets/OWNER/NAME`. */
  constructor(repositories: Record<string, HubRepository>) {
    this.#repositories = repositories;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Paths of files that were asked for. */
  get downloads(): string[] {
    return this.seen.filter(({ path }) => path.includes("/resolve/"))
      .map(({ path }) => path.split(`/resolve/${this.commit}/`)[1]!);
  }

  #answer(request: Request): Response {
    const { pathname } = new URL(request.url);
    const path = decodeURIComponent(pathname);
    const range = request.headers.get("Range");
    const authorization = request.headers.get("Authorization");
    this.seen.push({ path, range, authorization });
    const stored = /^\/xet\/([^/]+\/[^/]+\/[^/]+)\/(.+)$/.exec(path);
    if (stored) return this.#fromStore(request, stored[1]!, stored[2]!, range);
    const api = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)/.exec(path);
    const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(path);
    const id = api ? `${api[1]}/${api[2]}` : file ? `${file[1] ?? "models/"}${file[2]}` : "";
    const fault = this.#fault(api ? api[3]! : file?.[4] ?? "");
    if (fault && "status" in fault) {
      return new Response(fault.body ?? "", { status: fault.status, headers: fault.headers ?? {} });
    }
    const asked = api?.[4] ?? file?.[3] ?? "main";
    const other = [...this.revisions].find(([name, { commit }]) => [name, commit].includes(asked));
    if (api && !other && !["main", "HEAD", this.commit].includes(asked)) {
      return json({ error: `Invalid rev id: ${asked}` }, 404, {
        "X-Error-Code": "RevisionNotFound",
      });
    }
    const commit = other?.[1].commit ?? this.commit;
    const repository = (other?.[1].files ?? this.#repositories)[id];
    if (repository === undefined) {
      return json({ error: "Repository not found" }, 404, { "X-Error-Code": "RepoNotFound" });
    }
    const token = this.gated.get(id);
    if (token !== undefined && authorization !== `Bearer ${token}`) {
      const error = `Access to model ${id} is restricted. You must have access to it.`;
      return json({ error }, 401, { "X-Error-Code": "GatedRepo" });
    }
    if (api?.[3] === "revision") {
      const name = api[2];
      return json({ _id: "1", id: name, sha: commit, lastModified: "2025-01-01T00:00:00Z" });
    }
    if (api) return json(Object.entries(repository).map(([path, data]) => entry(path, data)));
    const data = repository[file![4]!];
    if (data === undefined || file![3] !== commit) {
      return json({ error: "Entry not found" }, 404, { "X-Error-Code": "EntryNotFound" });
    }
    if (this.store && bytesOf(data).length > LFS_BYTES) return this.#toStore(id, file![4]!, data);
    return send(fault && "bytes" in fault ? fault.bytes : bytesOf(data), range, fault);
  }

  /** As the hub answers for a file that its content-addressed store has: to clients of that, and to all others. */
  #toStore(id: string, path: string, data: HubRepository[string]): Response {
    const hash = createHash("sha256").update(bytesOf(data)).digest("hex");
    return new Response(null, {
      status: 302,
      headers: {
        "X-Repo-Commit": this.commit,
        "X-Xet-Hash": hash,
        "X-Linked-Size": String(bytesOf(data).length),
        "X-Linked-ETag": `"${hash}"`,
        "Link": `<${this.endpoint}/api/${id}/xet-read-token/${this.commit}>; rel="xet-auth", ` +
          `<https://cas.example/v1/reconstructions/${hash}>; rel="xet-reconstruction-info"`,
        "Location": `${this.store!.endpoint}/xet/${id}/${path}?X-Xet-Signed-Range=all&Signature=s`,
      },
    });
  }

  /** A store refuses a token that is not its own, as the real one does. */
  #fromStore(request: Request, id: string, path: string, range: string | null): Response {
    const signed = new URL(request.url).searchParams.get("Signature") === "s";
    const data = this.#repositories[id]?.[path];
    if (!signed || request.headers.has("Authorization") || data === undefined) {
      return new Response("AccessDenied", { status: 403 });
    }
    return send(bytesOf(data), range, this.#fault(path));
  }

  #fault(key: string): Fault | undefined {
    return this.faults.get(key)?.shift();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function send(data: Uint8Array<ArrayBuffer>, range: string | null, fault?: Fault): Response {
  const from = fault && "whole" in fault ? undefined : /^bytes=(\d+)-$/.exec(range ?? "")?.[1];
  const start = Number(from ?? 0);
  const part = data.subarray(start);
  const cut = fault && "cutAfter" in fault ? fault.cutAfter : undefined;
  const body = cut === undefined ? part : new ReadableStream({
    start: (controller) => {
      if (cut > 0) controller.enqueue(part.subarray(0, cut));
    },
    pull(controller) {
      // Both happen: the connection breaks, or ends before its time.
      if (cut % 2 === 1) controller.error(new Error("cut"));
      else controller.close();
    },
  });
  return new Response(body, {
    status: from === undefined ? 200 : 206,
    headers: {
      ...(cut === undefined && { "Content-Length": String(part.length) }),
      ...(from !== undefined &&
        { "Content-Range": `bytes ${start}-${data.length - 1}/${data.length}` }),
    },
  });
}

function entry(path: string, data: Uint8Array<ArrayBuffer> | string) {
  const bytes = bytesOf(data);
  const size = bytes.length;
  const blob = createHash("sha1").update(`blob ${size}\0`).update(bytes).digest("hex");
  if (size <= LFS_BYTES) return { type: "file", path, size, oid: blob };
  const oid = createHash("sha256").update(bytes).digest("hex");
  return { type: "file", path, size, oid: blob, lfs: { oid, size, pointerSize: 130 } };
}

function bytesOf(data: Uint8Array<ArrayBuffer> | string): Uint8Array<ArrayBuffer> {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers });
}
