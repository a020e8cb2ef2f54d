/* SPDX-License-Identifier: MIT */
/*
 * follow: where a run stands, by the new lines of its log.jsonl, which another process writes.
 */
#ifndef SWEEP_FOLLOW_H
#define SWEEP_FOLLOW_H

#include <sys/types.h>

#include "util/lines.h"

/* NaN and 0: not known. */
struct follow {
    const char *folder; /* of the run; the caller's, as */
    const char *figure; /* what is monitored: "val_loss" */
    struct lines lines;
    ino_t inode; /* of the file that was read */
    long epoch, epochs, best_epoch;
    double loss, best;          /* of validation, where there is one; the monitored figure */
    double rate, seconds, left; /* windows a second; of the run; to its end */
    double bytes;               /* on the device */
    int ended;                  /* the run is at its end */
    struct json_t *tested; /* the verdict on the test of a walk-forward fold, which it owns; NULL */
};

void follow_init(struct follow *follow, const char *folder, const char *figure);

void follow_fini(struct follow *follow);

/* Reads what has come since. A log that is not there, or cannot be read, tells nothing. */
void follow_read(struct follow *follow);

#endif
