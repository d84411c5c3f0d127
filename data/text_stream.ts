// A completion as text while its tokens come: no piece splits a character, and nothing is told that may yet turn
// out to be the start of a stop string.

import type { DecodeStream, Tokenizer } from "../wasm/tokenizer.ts";

/** Decodes one completion. */
export class TextStream {
  readonly #decoder: DecodeStream;
  readonly #longest: number;
  #text = "";
  #told = 0;
  #stopped = false;
  #finished = false;

  /** `stops` end the text and are not part of it. */
  constructor(tokenizer: Tokenizer, readonly stops: readonly string[]) {
    this.#decoder = tokenizer.decodeStream();
    this.#longest = Math.max(0, ...stops.map((stop) => stop.length));
  }

  /** Whether a stop string has come. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Takes a token; what comes after a stop string is passed over. */
  push(id: number): void {
    this.#append(this.#decoder.push(id));
  }

  /** The end of the tokens: an unfinished character is told as U+FFFD. */
  finish(): void {
    this.#append(this.#decoder.finish());
    this.#finished = true;
  }

  /** The text since the last call, as far as it is certain. */
  take(): string {
    const certain = this.#stopped || this.#finished ? this.#text.length : this.#certain();
    const piece = this.#text.slice(this.#told, certain);
    this.#told = Math.max(this.#told, certain);
    return piece;
  }

  #append(piece: string): void {
    if (this.#stopped || piece === "") return;
    // A stop string may have begun in what came before.
    const from = Math.max(0, this.#text.length - this.#longest + 1);
    this.#text += piece;
    const found = this.stops.map((stop) => this.#text.indexOf(stop, from)).filter((at) => at >= 0);
    if (found.length === 0) return;
    this.#stopped = true;
    this.#text = this.#text.slice(0, Math.min(...found));
  }

  /** Up to where no stop string can begin any more. */
  #certain(): number {
    const { length } = this.#text;
    for (let at = Math.max(0, length - this.#longest + 1); at < length; at++) {
      const rest = this.#text.slice(at);
      if (this.stops.some((stop) => stop.startsWith(rest))) return at;
    }
    return length;
  }
}
