// A wire that can be cut: a TCP proxy that passes bytes both ways, holds them back, or hangs up.

/** A proxy in front of one address. */
export class Proxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  #stalled: PromiseWithResolvers<void> | undefined;

  private constructor(readonly target: Deno.ConnectOptions) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    void this.#accept();
  }

  /** Stands before `url`'s host and returns itself with the address to use instead. */
  static before(url: string): { readonly proxy: Proxy; readonly url: string } {
    const { hostname, port } = new URL(url);
    const proxy = new Proxy({ hostname, port: Number(port) });
    const own = new URL(url);
    own.port = String(proxy.#listener.addr.port);
    return { proxy, url: own.href };
  }

  /** From now on nothing gets through, in either direction, and nobody is told. */
  stall(): void {
    this.#stalled ??= Promise.withResolvers();
  }

  /** What was held back arrives, and all that follows. */
  flow(): void {
    this.#stalled?.resolve();
    this.#stalled = undefined;
  }

  /** Ends every connection; what was held back is lost. */
  reset(): void {
    for (const connection of this.#open) close(connection);
    this.#open.clear();
    this.flow();
  }

  [Symbol.asyncDispose](): Promise<void> {
    close(this.#listener);
    this.reset();
    return Promise.resolve();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) void this.#serve(client).catch(() => {});
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    await this.#stalled?.promise;
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect(this.target);
    } catch {
      return close(client);
    }
    this.#open.add(server);
    await Promise.all([this.#pass(client, server), this.#pass(server, client)]);
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await from.read(buffer);
        await this.#stalled?.promise;
        if (count === null || !this.#open.has(from)) break;
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } catch {
      // Either side hung up.
    }
    for (const each of [from, to]) {
      this.#open.delete(each);
      close(each);
    }
  }
}

function close(resource: { close(): void }): void {
  try {
    resource.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
