// Names of this machine that no other machine can be reached by.

/** Whether `host`, as in an address or as a name, is this machine's loopback interface. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || /^\[?::1\]?$/.test(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}
