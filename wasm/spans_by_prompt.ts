/**
 * Where the assistant speaks in a rendered conversation whose template does not say it: after the generation
 * prompt of each of its turns, up to and including the token that ends the turn.
 */

import { type Message, plainMessage } from "./chat_message.ts";

/** A part of the text, in UTF-16 units. */
export type Span = [start: number, end: number];

/** Renders messages, with or without the start of an assistant's turn at their end. */
export type Render = (messages: readonly Message[], addGenerationPrompt: boolean) => string;

/**
 * The assistant's turns in `text`, which the messages render to.
 *
 * @throws {RangeError} if the template rewrites a turn so that it cannot be found.
 */
export function spansByPrompt(messages: readonly Message[], text: string, render: Render): Span[] {
  const spans: Span[] = [];
  for (const [i, message] of messages.entries()) {
    if (message.role !== "assistant") continue;
    const before = messages.slice(0, i);
    const own = render(messages.slice(0, i + 1), false);
    const bare = i === 0 ? "" : render(before, false);
    // A template may pass over a turn that says nothing.
    if (own === bare) continue;
    const turn = own.slice(bare.trimEnd().length);
    const start = promptEnd(render(before, true), text, i === 0);
    const said = spoken(message);
    const token = said === ""
      ? endToken(render([...before, { role: "assistant", content: PROBE }], false), PROBE)
      : endToken(turn, said);
    const at = said === "" ? text.indexOf(token ?? "", start) : text.indexOf(said, start);
    const opens = text.startsWith(bare.trimEnd()) && bare.trimEnd().length <= start;
    if (token === undefined || at < 0 || !opens || !turn.includes(token)) {
      throw new RangeError(
        `Cannot mask the assistant's tokens: message ${i} is not found as it was written, ` +
          "expected a template with generation tags",
      );
    }
    const stop = at + said.length;
    spans.push([start, text.startsWith(token, stop) ? stop + token.length : stop]);
  }
  return spans;
}

/**
 * What of a message survives in its turn: the answer after a thought, without space around it. Nothing where
 * calls of tools stand behind the content: the turn ends after them.
 */
function spoken(message: Message): string {
  const { content, tool_calls } = plainMessage(message);
  if (typeof content !== "string" || tool_calls !== undefined) return "";
  return content.split("</think>").at(-1)!.trim();
}

/**
 * Where what stands before an assistant's words ends in the text. Some templates open a thought in the
 * prompt that they leave out of past turns; some begin the text with the first message only.
 */
function promptEnd(prompt: string, text: string, isFirst: boolean): number {
  const at = isFirst && prompt !== "" ? text.indexOf(prompt) : -1;
  if (at >= 0) return at + prompt.length;
  let n = 0;
  while (n < prompt.length && prompt[n] === text[n]) n++;
  return n;
}

/** Is said where a message says nothing, to find what ends a turn. */
const PROBE = "⟨said⟩";

/**
 * What ends a turn: one special token, or else all that the template writes after what was `said`. Templates
 * that always add a generation prompt write more than one, of which only the first belongs to it.
 */
function endToken(turn: string, said: string): string | undefined {
  const at = turn.lastIndexOf(said);
  if (at < 0) return undefined;
  const ending = turn.slice(at + said.length).trimEnd();
  return ending.match(/^\s*<[^<>\s]*>/)?.[0] ?? ending;
}
