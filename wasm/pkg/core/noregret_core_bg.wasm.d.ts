/* tslint:disable */
/* eslint-disable */
export const memory: WebAssembly.Memory;
export const __wbg_rawdecodestream_free: (a: number, b: number) => void;
export const __wbg_rawtokenizer_free: (a: number, b: number) => void;
export const __wbg_rawtrainer_free: (a: number, b: number) => void;
export const rawdecodestream_finish: (a: number, b: number) => [number, number, number, number];
export const rawdecodestream_new: (a: number) => number;
export const rawdecodestream_step: (a: number, b: number, c: number) => [number, number, number, number];
export const rawtokenizer_decode: (a: number, b: number, c: number, d: number) => [number, number, number, number];
export const rawtokenizer_encode: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
export const rawtokenizer_is_byte_level: (a: number) => number;
export const rawtokenizer_is_special: (a: number, b: number) => number;
export const rawtokenizer_load: (a: number, b: number, c: number, d: number) => [number, number, number];
export const rawtokenizer_token: (a: number, b: number) => [number, number];
export const rawtokenizer_token_id: (a: number, b: number, c: number) => number;
export const rawtokenizer_vocab_size: (a: number) => number;
export const rawtrainer_add: (a: number, b: number, c: number) => void;
export const rawtrainer_new: (a: number, b: number) => [number, number, number];
export const rawtrainer_train: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
export const verify_batch: (a: number, b: number) => [number, number];
export const __wbindgen_malloc: (a: number, b: number) => number;
export const __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
export const __wbindgen_exn_store: (a: number) => void;
export const __externref_table_alloc: () => number;
export const __wbindgen_externrefs: WebAssembly.Table;
export const __externref_table_dealloc: (a: number) => void;
export const __wbindgen_free: (a: number, b: number, c: number) => void;
export const __wbindgen_start: () => void;
