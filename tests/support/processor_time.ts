import process from "node:process";

/** Milliseconds that this process has computed for. Unlike a clock it stands still while others do. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
