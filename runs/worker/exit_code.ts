// What a job process says by its exit code.

/** The run has ended and its row says how. */
export const EXIT_DONE = 0;
/** Asked to stop: a checkpoint is written, the row still says running (EX_TEMPFAIL). */
export const EXIT_STOPPED = 75;
/** Something broke that may not break again: try once more (EX_SOFTWARE). */
export const EXIT_CRASHED = 70;
