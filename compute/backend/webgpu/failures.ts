// WebGPU reports errors later and elsewhere. Here the first one is kept and thrown by the next call,
// so that a bad kernel cannot pass for a result.

/** The device is gone, with all that was on it: its process can do nothing more. */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}

/** The errors of one device. */
export class Failures {
  readonly #device: GPUDevice;
  #first: Error | undefined;
  #closed = false;
  /** Rejects when the device is lost. */
  readonly lost: Promise<never>;

  constructor(device: GPUDevice) {
    this.#device = device;
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      event.preventDefault();
      this.#keep("run a kernel", error);
    });
    this.lost = device.lost.then((info) => {
      const message = this.#closed ? "it is closed" : `it was lost (${info.reason || "unknown"})`;
      const error = new DeviceLostError(
        `Cannot use the WebGPU device: ${message}: ${info.message}`,
      );
      // Operations that were under way fail too: what they say is a consequence.
      if (!this.#closed) this.#first = error;
      this.#first ??= error;
      throw error;
    });
    // Callers race against it; a loss with no caller waiting is thrown by the next call.
    this.lost.catch(() => {});
  }

  /** Runs `body` and keeps the validation or memory error that it causes, named after `action`. */
  watch<T>(action: string, body: () => T): T {
    this.#device.pushErrorScope("validation");
    this.#device.pushErrorScope("out-of-memory");
    try {
      return body();
    } finally {
      for (let scope = 0; scope < 2; scope++) {
        this.#device.popErrorScope().then(
          (error) => error && this.#keep(action, error),
          () => {}, // the device is lost: `lost` says so
        );
      }
    }
  }

  /** Throws the first error since the device was made. */
  check(): void {
    if (this.#first !== undefined) throw this.#first;
  }

  /** Says that a coming loss is wanted. */
  close(): void {
    this.#closed = true;
    this.#first ??= new Error("Cannot use the WebGPU device: it is closed");
  }

  #keep(action: string, error: GPUError): void {
    // Deno gives both classes; Dawn's are its own, so the name decides.
    const memory = error.constructor.name === "GPUOutOfMemoryError";
    const Kind = memory ? RangeError : Error;
    this.#first ??= new Kind(`Cannot ${action}: ${error.message}`);
  }
}
