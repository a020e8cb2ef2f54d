/*
 * split: deals the rows to training, validation and test, and finds the windows of each part.
 *
 * chronological     the first rows train, the next validate, the last test; a window lies in one
 * part. shuffled          blocks of rows are dealt at random; a window lies in one part, so that
 * those that cross from a block of one part into one of another are dropped. shuffled_windows
 * single windows are dealt at random: overlapping windows land in different parts.
 *
 * No window crosses the end of a run. In each stretch of rows of one run and one part, the first
 * window begins with the first row and each next one `stride` rows later. The random deals depend
 * on the seed alone.
 */
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "data/dataset.h"
#include "data/table.h"
#include "error.h"

struct split {
    int kind; /* SPLIT_... */
    size_t rows, window, stride;
    size_t block;            /* shuffled: rows in a block */
    double validation, test; /* shares; what is left is for training */
    uint64_t seed;
};

/* What split_windows() left out of the windows that the rows would hold if they were one stretch.
 */
struct split_told {
    size_t blocks;            /* shuffled: how many there are */
    size_t at_runs, at_parts; /* windows lost to the ends of runs, and of parts */
};

/*
 * First rows of the windows of each part, ascending, in memory that the caller frees (not NULL,
 * even if count is 0). Runs are ascending, within `rows`, and rows fit in 32 bits. Fails with
 * STATUS_INPUT if there are not enough blocks for the parts, STATUS_USAGE if nothing is left for
 * training.
 */
int split_windows(const struct split *split, const struct run *runs, size_t run_count,
                  uint32_t *start[PARTS], size_t count[PARTS], struct split_told *told,
                  struct error *err);

#endif
