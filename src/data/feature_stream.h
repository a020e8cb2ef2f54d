/* SPDX-License-Identifier: MIT */
/*
 * feature_stream: a feature expression computed row by row, as rows come. It gives the bits that
 * feature_compute() gives for the run so far, in time that does not depend on how long the run is,
 * and in memory that was taken when it was made: as many rows as its functions look back.
 *
 * A stream refers to its feature, which must outlive it, and owns all else.
 */
#ifndef DATA_FEATURE_STREAM_H
#define DATA_FEATURE_STREAM_H

#include <stdint.h>

#include "data/features.h"

struct feature_stream;

/* NULL with STATUS_USAGE where the feature has a function that is not known row by row, or without
 * memory. `timed`: rows have a time. */
struct feature_stream *feature_stream_new(const struct feature *feature, int timed,
                                          struct error *err);
void feature_stream_free(struct feature_stream *stream);

/* A run begins: the next row is its first. */
void feature_stream_reset(struct feature_stream *stream);

/*
 * The next row of the run: the table's columns, each a number, and its time. *out is the feature's
 * value, NaN in its warm-up. -1 where a function has no finite value here (STATUS_INPUT, without
 * the row); the run is then at its end.
 */
int feature_stream_push(struct feature_stream *stream, const double *column, int64_t time,
                        double *out, struct error *err);

#endif
