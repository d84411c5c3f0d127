import { type Fault, signal, training } from "../fault.ts";

/** kill -9 of PostgreSQL, which is started again at once. */
export const postgresKilled: Fault = {
  name: "PostgreSQL is killed",
  unavailable: ({ server }) => server === undefined ? "there is none" : undefined,
  async inject({ server }, run) {
    if (await training(run) === undefined) return false;
    signal(await server!.pid(), "SIGKILL");
    await server!.restart();
    return true;
  },
};
