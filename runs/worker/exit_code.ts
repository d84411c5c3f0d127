// What a job process says by its exit code.

/** The run has ended and its row says how. */
export const EXIT_DONE = 0;
/** Asked to stop: a checkpoint is written, the row still says running (EX_TEMPFAIL). */
export const EXIT_STOPPED = 75;
/** Something broke that may not break again: try once more (EX_SOFTWARE). */
export const EXIT_CRASHED = 70;
/** The run does not fit into a device of this worker, and its row says what it takes (EX_CANTCREAT). */
export const EXIT_DOES_NOT_FIT = 73;
/** The device was lost in the middle of the run: try once more (EX_OSERR). */
export const EXIT_DEVICE_LOST = 71;
/** The database or the disk is at fault, not the run: try again, however often (EX_UNAVAILABLE). */
export const EXIT_UNAVAILABLE = 69;
