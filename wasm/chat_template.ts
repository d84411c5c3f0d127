/**
 * Chat templates: messages → text → ids, with a mask of what the assistant said.
 *
 * The mask is what an assistant-only loss counts. A template that marks it with
 * `{% generation %}…{% endgeneration %}` decides itself; for others it is everything after the
 * generation prompt of an assistant's turn, up to and including the token that ends the turn.
 */

import { Template } from "@huggingface/jinja";
import { type Message, plainMessage } from "./chat_message.ts";
import { type Span, spansByPrompt } from "./spans_by_prompt.ts";
import { pythonFunctions, usePythonFunctions } from "./python_functions.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** What to render with. */
export interface RenderOptions {
  /**
   * End with the start of an assistant's turn.
   * @default {false}
   */
  addGenerationPrompt?: boolean;
  /** Descriptions of the tools that the model may call. */
  tools?: unknown[];
  /**
   * The time that the template is told.
   * @default {new Date()}
   */
  now?: Date;
  /** Further variables of the template, such as `enable_thinking`. */
  variables?: Record<string, unknown>;
}

/** A conversation as ids. */
export interface EncodedChat {
  /** The rendered messages. */
  text: string;
  /** The text's ids. */
  ids: Uint32Array;
  /** 1 where the assistant speaks. */
  assistantMask: Uint8Array;
}

const GENERATION = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;

/** A model's chat template. */
export class ChatTemplate {
  readonly #template: Template;
  readonly #specials: Record<string, string>;
  /** The same template with its generation tags turned into marks in the text, if it has any. */
  readonly #marked: { template: Template; start: string; end: string } | undefined;

  /**
   * @param source The Jinja template.
   * @param specials Variables such as `bos_token`, from tokenizer_config.json.
   * @throws {SyntaxError} If it cannot be parsed.
   */
  constructor(source: string, specials: Record<string, string> = {}) {
    this.#specials = specials;
    this.#template = parse(source);
    if (source.search(GENERATION) >= 0) {
      // Random, so that no text can pretend to be a mark.
      const key = crypto.randomUUID();
      const [start, end] = [`<start ${key}>`, `<end ${key}>`];
      // A block on either side keeps the tag's own rules for white space.
      const marked = source.replace(
        GENERATION,
        (_, left, closing, right) =>
          `{%${left} if true %}{{ '${closing ? end : start}' }}{% endif ${right}%}`,
      );
      this.#marked = { template: parse(marked), start, end };
    }
  }

  /** Messages → text. */
  render(messages: readonly Message[], options: RenderOptions = {}): string {
    return this.#run(this.#template, messages, options);
  }

  /** Messages → text, ids and the mask of the assistant's tokens. */
  encode(
    tokenizer: Tokenizer,
    messages: readonly Message[],
    options: RenderOptions & { maxLength?: number } = {},
  ): EncodedChat {
    const text = this.render(messages, options);
    // The template writes its special tokens itself, and the file's own truncation would cut a
    // conversation unasked.
    const { ids, offsets } = tokenizer.encode(text, {
      addSpecialTokens: false,
      offsets: "utf16",
      maxLength: options.maxLength ?? 2 ** 31 - 1,
    });
    const assistantMask = maskOf(offsets!, this.assistantSpans(messages, options, text));
    return { text, ids, assistantMask };
  }

  /** Where the assistant speaks in the rendered text. */
  assistantSpans(
    messages: readonly Message[],
    options: RenderOptions = {},
    text = this.render(messages, options),
  ): Span[] {
    return this.#marked
      ? this.#markedSpans(messages, options, text)
      : spansByPrompt(messages, text, (some, addGenerationPrompt) =>
        this.#run(this.#template, some, { ...options, addGenerationPrompt }));
  }

  #run(template: Template, messages: readonly Message[], options: RenderOptions): string {
    try {
      return template.render({
        ...pythonFunctions(options.now ?? new Date()),
        ...this.#specials,
        ...options.variables,
        messages: messages.map(plainMessage),
        add_generation_prompt: options.addGenerationPrompt ?? false,
        ...(options.tools && { tools: options.tools }),
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TypeError(`Cannot render messages: ${reason}`, { cause: error });
    }
  }

  #markedSpans(messages: readonly Message[], options: RenderOptions, text: string): Span[] {
    const { template, start, end } = this.#marked!;
    const spans: Span[] = [];
    let rest = this.#run(template, messages, options);
    let plain = "";
    for (let from = rest.indexOf(start); from >= 0; from = rest.indexOf(start)) {
      const to = rest.indexOf(end, from);
      if (to < 0) break;
      const inside = rest.slice(from + start.length, to);
      const at = plain.length + from;
      spans.push([at, at + inside.length]);
      plain += rest.slice(0, from) + inside;
      rest = rest.slice(to + end.length);
    }
    if (plain + rest !== text) {
      throw new RangeError(
        "Cannot mask the assistant's tokens: the template changes what is inside its generation tags",
      );
    }
    return spans;
  }
}

/** A template and its special tokens as tokenizer_config.json has them; the first or "default" one. */
export function chatTemplateOf(
  config: Record<string, unknown>,
  source?: string,
): ChatTemplate | undefined {
  const found = source ?? config.chat_template;
  const text = Array.isArray(found)
    ? (found.find((each) => each?.name === "default") ?? found[0])?.template
    : found;
  if (typeof text !== "string") return undefined;
  const specials: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith("_token")) continue;
    const content = typeof value === "string" ? value : (value as { content?: unknown })?.content;
    if (typeof content === "string") specials[name] = content;
  }
  return new ChatTemplate(text, specials);
}

function parse(source: string): Template {
  try {
    const template = new Template(source);
    usePythonFunctions(template);
    return template;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(`Cannot parse chat template: ${reason}`, { cause: error });
  }
}

/** Tokens of which any character is inside a span. */
function maskOf(offsets: readonly [number, number][], spans: readonly Span[]): Uint8Array {
  const mask = new Uint8Array(offsets.length);
  let next = 0;
  for (const [i, [from, to]] of offsets.entries()) {
    while (next < spans.length && spans[next]![1] <= from) next++;
    const span = spans[next];
    if (!span) break;
    const [start, end] = span;
    if (from === to ? from >= start && from < end : from < end && to > start) mask[i] = 1;
  }
  return mask;
}
