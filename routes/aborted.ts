// Clients that go away before they have their answer.

/** What a handler throws whose client has gone. */
export function clientGone(): DOMException {
  return new DOMException("The client has gone", "AbortError");
}

/** Whether an error says that the client has gone: nobody reads the answer. */
export function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
