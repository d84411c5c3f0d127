// Compiled kernels. A pipeline is made once for each (file, prelude, extensions, constants) and kept until the
// backend closes.

import type { Dispatch, Shader } from "./dispatch.ts";
import type { Failures } from "./failures.ts";
import { reflect, type ShaderInterface } from "./reflect.ts";

/** A compiled kernel with its interface. */
export interface CompiledKernel {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly shader: ShaderInterface;
}

function keyOf({ shader, prelude = "", enables = [], constants = {} }: Dispatch): string {
  return `${shader.name}\n${enables}\n${JSON.stringify(constants)}\n${prelude}`;
}

/** Compiles and keeps the pipelines of one device. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #failures: Failures;
  readonly #interfaces = new Map<string, ShaderInterface>();
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #kernels = new Map<string, CompiledKernel>();
  readonly #allowed: ReadonlySet<string>;

  /** `extensions` are those that WGSL has to name here: some implementations refuse the name of one they have. */
  constructor(
    device: GPUDevice,
    failures: Failures,
    extensions: readonly string[] = ["f16"],
  ) {
    this.#device = device;
    this.#failures = failures;
    this.#allowed = new Set(extensions);
  }

  /** Pipelines compiled so far. */
  get size(): number {
    return this.#kernels.size;
  }

  /** The pipeline of a dispatch, compiled on first use. */
  get(dispatch: Dispatch): CompiledKernel {
    const key = keyOf(dispatch);
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      const { name } = dispatch.shader;
      kernel = this.#failures.watch(`compile ${name}.wgsl`, () => {
        const { descriptor, ...rest } = this.#describe(dispatch);
        return { ...rest, pipeline: this.#device.createComputePipeline(descriptor) };
      });
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }

  /** Compiles the pipelines of dispatches that are not there yet, all at the same time. */
  async prepare(dispatches: readonly Dispatch[]): Promise<void> {
    const missing = new Map(
      dispatches.map((dispatch) => [keyOf(dispatch), dispatch] as const)
        .filter(([key]) => !this.#kernels.has(key)),
    );
    await Promise.all([...missing].map(async ([key, dispatch]) => {
      const { descriptor, ...rest } = this.#failures.watch(
        `compile ${dispatch.shader.name}.wgsl`,
        () => this.#describe(dispatch),
      );
      let pipeline: GPUComputePipeline;
      try {
        pipeline = await this.#device.createComputePipelineAsync(descriptor);
      } catch (cause) {
        throw new Error(
          `Cannot compile ${dispatch.shader.name}.wgsl: ${(cause as Error).message}`,
          {
            cause,
          },
        );
      }
      this.#kernels.set(key, { ...rest, pipeline });
    }));
  }

  #describe({ shader, prelude = "", enables = [], constants = {} }: Dispatch) {
    const label = shader.name;
    const described = this.#interface(shader, prelude);
    const layout = this.#layout(described);
    const descriptor: GPUComputePipelineDescriptor = {
      label,
      layout: this.#device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: {
        module: this.#module(shader, prelude, enables),
        entryPoint: "main",
        constants,
      },
    };
    return { label, layout, shader: described, descriptor };
  }

  #interface(shader: Shader, prelude: string): ShaderInterface {
    const key = `${shader.name}\n${prelude}`;
    let described = this.#interfaces.get(key);
    if (described === undefined) {
      described = reflect(shader.name, `${shader.source}\n${prelude}`);
      this.#interfaces.set(key, described);
    }
    return described;
  }

  #module(shader: Shader, prelude: string, enables: readonly string[]): GPUShaderModule {
    const key = `${shader.name}\n${enables}\n${prelude}`;
    let module = this.#modules.get(key);
    if (module === undefined) {
      // The prelude goes last and extensions on the first line, so that messages keep the file's own line numbers.
      const enable = enables.filter((name) => this.#allowed.has(name))
        .map((name) => `enable ${name}; `).join("");
      const code = `${enable}${shader.source}\n${prelude}`;
      module = this.#device.createShaderModule({ label: shader.name, code });
      this.#modules.set(key, module);
    }
    return module;
  }

  #layout(shader: ShaderInterface): GPUBindGroupLayout {
    const entries: GPUBindGroupLayoutEntry[] = shader.storage.map(({ binding, access }) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: access === "read" ? "read-only-storage" : "storage" },
    }));
    if (shader.uniform !== undefined) {
      entries.push({
        binding: shader.uniform.binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform" },
      });
    }
    const key = JSON.stringify(entries);
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      layout = this.#device.createBindGroupLayout({ entries });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}
