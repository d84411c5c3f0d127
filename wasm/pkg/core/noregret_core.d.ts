/* tslint:disable */
/* eslint-disable */

/**
 * A streaming decode.
 */
export class RawDecodeStream {
    free(): void;
    [Symbol.dispose](): void;
    finish(tokenizer: RawTokenizer): string;
    constructor(skip_special_tokens: boolean);
    step(tokenizer: RawTokenizer, id: number): string;
}

/**
 * A loaded tokeniser.
 */
export class RawTokenizer {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    decode(ids: Uint32Array, skip_special_tokens: boolean): string;
    /**
     * Ids, followed by starts and ends if offsets are asked for. A negative `max_length` keeps
     * what the file says.
     */
    encode(text: string, flags: number, max_length: number): Uint32Array;
    /**
     * As `encode`, for a text or two with the type id of each id: ids, type ids, starts and ends.
     */
    encode_pair(text: string, pair: string | null | undefined, flags: number, max_length: number): Uint32Array;
    /**
     * Whether the byte-level engine runs it.
     */
    is_byte_level(): boolean;
    is_special(id: number): boolean;
    /**
     * Reads the bytes of tokenizer.json and a JSON list of further added tokens.
     */
    static load(json: Uint8Array, extra: string): RawTokenizer;
    token(id: number): string | undefined;
    token_id(token: string): number | undefined;
    vocab_size(): number;
}

/**
 * A trainer of byte-level BPE.
 */
export class RawTrainer {
    free(): void;
    [Symbol.dispose](): void;
    add(text: string): void;
    constructor(pattern: string);
    train(vocab_size: number, min_frequency: number, special_tokens: string[]): string;
}

/**
 * Checks each of a JSON list of items; one that cannot be read answers with an error of its own.
 */
export function verify_batch(json: string): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_rawdecodestream_free: (a: number, b: number) => void;
    readonly __wbg_rawtokenizer_free: (a: number, b: number) => void;
    readonly __wbg_rawtrainer_free: (a: number, b: number) => void;
    readonly rawdecodestream_finish: (a: number, b: number) => [number, number, number, number];
    readonly rawdecodestream_new: (a: number) => number;
    readonly rawdecodestream_step: (a: number, b: number, c: number) => [number, number, number, number];
    readonly rawtokenizer_decode: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly rawtokenizer_encode: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
    readonly rawtokenizer_encode_pair: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => [number, number, number, number];
    readonly rawtokenizer_is_byte_level: (a: number) => number;
    readonly rawtokenizer_is_special: (a: number, b: number) => number;
    readonly rawtokenizer_load: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly rawtokenizer_token: (a: number, b: number) => [number, number];
    readonly rawtokenizer_token_id: (a: number, b: number, c: number) => number;
    readonly rawtokenizer_vocab_size: (a: number) => number;
    readonly rawtrainer_add: (a: number, b: number, c: number) => void;
    readonly rawtrainer_new: (a: number, b: number) => [number, number, number];
    readonly rawtrainer_train: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
    readonly verify_batch: (a: number, b: number) => [number, number];
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
