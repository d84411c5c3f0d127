import { type Fault, training } from "../fault.ts";

/** The store is away for at most so long, in milliseconds. */
const AWAY_MS = 4000;

/** The store of artifacts dies in the middle of whatever it does, and comes back after a while. */
export const storeKilled: Fault = {
  name: "the store of artifacts is killed",
  unavailable: ({ s3 }) => s3 === undefined ? "artifacts lie on the disk" : undefined,
  async inject({ s3 }, run, random) {
    if (await training(run) === undefined) return false;
    await s3!.stop();
    await new Promise((resolve) => setTimeout(resolve, random() * AWAY_MS));
    await s3!.restart();
    return true;
  },
};
