/**
 * Builds the Rust crates to `wasm/pkg/`, which is committed so that users need no Rust.
 *
 *     deno run -A wasm/build.ts core        build the text core
 *     deno run -A wasm/build.ts kernels     build the kernels of the cpu backend
 *     deno run -A wasm/build.ts check       fail if pkg/ was built from other sources
 *
 * Each package records a hash of its sources in `SOURCES.sha256`.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "@std/path";
import binaryen from "npm:binaryen@132.0.0";

const WASM = import.meta.dirname!;
const TARGET = Deno.env.get("CARGO_TARGET_DIR") ?? join(WASM, "target");

/** The sources that each package is built from, relative to `wasm/`. */
const SOURCES: Record<string, string[]> = {
  core: ["Cargo.toml", "Cargo.lock", "core/Cargo.toml", "core/src"],
  // No lock file: they depend on nothing, and the text core's versions are not theirs.
  kernels: ["Cargo.toml", "kernels/Cargo.toml", "kernels/src"],
};

/** What builds each package; add a function here for a new one. */
const BUILDERS: Record<string, () => void> = {
  core: buildCore,
  kernels: buildKernels,
};

/** The bundled text core: wasm-bindgen's glue for the web, which Deno and browsers both load. */
function buildCore(): void {
  const out = join(WASM, "pkg/core");
  run("cargo", [
    "build",
    "-j1",
    "--release",
    "--target=wasm32-unknown-unknown",
    "--package=noregret-core",
    `--manifest-path=${join(WASM, "Cargo.toml")}`,
    `--target-dir=${TARGET}`,
  ], {
    RUSTFLAGS: [
      '--cfg=getrandom_backend="wasm_js"',
      "-Ctarget-feature=+simd128,+bulk-memory",
      // Paths of the machine that builds must not end up in panic messages.
      `--remap-path-prefix=${Deno.env.get("HOME")}=~`,
      ...cargoSources().map((folder) => `--remap-path-prefix=${folder}=crates`),
      `--remap-path-prefix=${WASM}=wasm`,
    ].join(" "),
  });
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  run("wasm-bindgen", [
    "--target=web",
    `--out-dir=${out}`,
    "--out-name=noregret_core",
    join(TARGET, "wasm32-unknown-unknown/release/noregret_core.wasm"),
  ]);
  optimise(join(out, "noregret_core_bg.wasm"));
}

/**
 * The kernels: no glue, one shared memory that the host makes. `core` is built along with them,
 * because the one that ships with Rust has no atomics; that needs the compiler's sources
 * (`rustup component add rust-src`) and its permission to use unstable features.
 */
function buildKernels(): void {
  const out = join(WASM, "pkg/kernels");
  const linker = [
    "--shared-memory",
    "--import-memory",
    `--max-memory=${2 ** 32}`,
    "--export=__stack_pointer",
    "--export=__heap_base",
    "-zstack-size=262144",
  ];
  // A register tile is written in the order that needs the fewest registers, and its loads have
  // constant offsets: the compiler's own ideas about both cost a third of the speed.
  const order = ["-pre-RA-sched=source", "-enable-misched=false", "-disable-lsr"];
  run("cargo", [
    "build",
    "-j1",
    "--release",
    "-Zbuild-std=core",
    "--target=wasm32-unknown-unknown",
    "--package=noregret-kernels",
    `--manifest-path=${join(WASM, "Cargo.toml")}`,
    `--target-dir=${join(TARGET, "kernels")}`,
  ], {
    RUSTC_BOOTSTRAP: "1",
    RUSTFLAGS: [
      "-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals,+simd128,+relaxed-simd",
      ...linker.map((option) => `-Clink-arg=${option}`),
      ...order.map((option) => `-Cllvm-args=${option}`),
      `--remap-path-prefix=${Deno.env.get("HOME")}=~`,
      `--remap-path-prefix=${WASM}=wasm`,
    ].join(" "),
  });
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const built = join(TARGET, "kernels/wasm32-unknown-unknown/release/noregret_kernels.wasm");
  writeFileSync(join(out, "kernels.wasm"), readFileSync(built));
}

/** The folders into which cargo unpacks dependencies; their names are the machine's own. */
function cargoSources(): string[] {
  const home = Deno.env.get("CARGO_HOME") ?? join(Deno.env.get("HOME") ?? "", ".cargo");
  const root = join(home, "registry/src");
  return existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
}

/** Optimises a module in place: what the compiler leaves costs load time. */
function optimise(file: string): void {
  const module = binaryen.readBinary(readFileSync(file));
  const f = binaryen.Features;
  module.setFeatures(
    f.SIMD128 | f.BulkMemory | f.BulkMemoryOpt | f.SignExt | f.MutableGlobals |
      f.NontrappingFPToInt |
      f.ReferenceTypes | f.Multivalue,
  );
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  // Functions that are kept out of line are so for the sake of tiered compilation: leave them.
  binaryen.setOneCallerInlineMaxSize(32);
  module.optimize();
  writeFileSync(file, module.emitBinary());
}

function run(command: string, args: string[], env: Record<string, string> = {}): void {
  const { status, error } = spawnSync(command, args, {
    stdio: "inherit",
    env: { ...Deno.env.toObject(), ...env },
  });
  if (error) throw new Error(`Cannot run "${command}": ${error.message}`);
  if (status !== 0) throw new Error(`Cannot build: "${command}" exited with ${status}`);
}

/** SHA-256 over the names and contents of a package's sources, in order of name. */
function hashSources(name: string): string {
  const hash = createHash("sha256");
  for (const file of SOURCES[name]!.flatMap(listFiles).sort()) {
    const bytes = readFileSync(join(WASM, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

/** The files under `path`, relative to `wasm/`. */
function listFiles(path: string): string[] {
  const full = join(WASM, path);
  if (!Deno.statSync(full).isDirectory) return [path];
  return readdirSync(full).flatMap((name) => listFiles(`${path}/${name}`));
}

/** Where a package records its hash. */
function record(name: string): string {
  return join(WASM, "pkg", name, "SOURCES.sha256");
}

/** The packages whose recorded hash is not that of their sources. */
function stalePackages(): string[] {
  return Object.keys(SOURCES).filter((name) => {
    const file = record(name);
    return !existsSync(file) || readFileSync(file, "utf8").trim() !== hashSources(name);
  });
}

if (import.meta.main) {
  const wanted = Deno.args.length ? Deno.args : Object.keys(BUILDERS);
  if (wanted[0] === "check") {
    const stale = stalePackages();
    if (stale.length) {
      console.error(`Stale wasm packages: ${stale.join(", ")}; run deno task wasm:build`);
      Deno.exit(1);
    }
  } else {
    for (const name of wanted) {
      const build = BUILDERS[name];
      if (!build) {
        throw new TypeError(`Cannot build "${name}": expected one of ${Object.keys(BUILDERS)}`);
      }
      // Hashed first: an edit made while it builds must show up as stale.
      const hash = hashSources(name);
      build();
      writeFileSync(record(name), `${hash}\n`);
    }
  }
}
