/* SPDX-License-Identifier: MIT */
/*
 * split: deals rows to training, validation and test, and finds the windows of each part.
 *
 *   chronological     of each file the first rows train, the next validate, the last test
 *   shuffled          blocks of rows, or whole files, are dealt at random
 *   stratified        the same, so that each part gets its share of each stratum: blocks are sorted
 *                     by a figure of theirs, and its quantiles are the strata
 *   spec              chronological, cut where an OpenDPD data set says
 *   walk_forward      one of the pieces of time tests, and what lies before it trains; see walk.h
 *   shuffled_windows  single windows are dealt at random: overlapping ones land in different parts
 *
 * A window lies, with all its target rows, in one stretch: neighbouring rows of one run and one
 * part. In each stretch the first window begins with the first row and each next one `stride` rows
 * later. The random deals depend on the seed alone.
 */
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "data/dataset.h"
#include "data/spec.h"
#include "data/walk.h"
#include "error.h"

struct split {
    int kind;                /* SPLIT_... */
    int unit;                /* SPLIT_BLOCK, SPLIT_SERIES */
    size_t block;            /* rows in a block */
    size_t strata;           /* stratified */
    double validation, test; /* shares; what is left is for training */
    uint64_t seed;
    const struct spec *spec;     /* of a split by it */
    const struct walk_cut *walk; /* [files] of a walk-forward split, in usable rows */
    size_t gap;                  /* of it, between the parts */
};

/* Rows [begin, end) of the usable rows of a file, which go to one part. */
struct block {
    size_t file, begin, end;
    double figure; /* stratified: what it is sorted by; NaN comes first */
    enum part part;
};

/* The blocks that so many rows of a file are cut into, ascending and without holes, at `to` unless
 * that is NULL; returns their number. Those of a chronological split, of one by a spec and of a
 * walk-forward one know their part; a spec that asks for more rows gives them all to training. */
size_t split_cut(const struct split *split, size_t file, size_t rows, struct block *to);

/* Gives each block its part; `rows` is for messages. STATUS_INPUT if there are too few of them,
 * STATUS_USAGE if nothing is left for training. */
int split_deal(const struct split *split, struct block *block, size_t count, size_t rows,
               struct error *err);

struct stretch {
    size_t begin, end; /* rows of the dataset */
    enum part part;
};

/* How windows lie in a stretch, and which of them are wanted. */
struct windowing {
    size_t span[PARTS];   /* rows of a window and what lies between it and its last target */
    size_t stride[PARTS]; /* from one window's start to the next */
    int (*keep)(void *ctx, size_t start, enum part part); /* NULL: all */
    void *ctx;
};

/* Windows of `span` rows in a stretch of `rows`. */
size_t windows_in(size_t rows, size_t span, size_t stride);

/*
 * First rows of the windows of each part, ascending if the stretches are, in blocks (util/block.h)
 * that the caller frees (not NULL, even if count is 0). Each window is shown to keep() once. -1:
 * memory.
 */
int windows_find(const struct windowing *windowing, const struct stretch *stretch, size_t stretches,
                 uint32_t *start[PARTS], size_t count[PARTS]);

/* The deal of single windows: moves some from training, where all are, to the others. -1: memory.
 */
int windows_deal(const struct split *split, uint32_t *start[PARTS], size_t count[PARTS]);

/* The rows start[i] + first .. start[i] + first + length - 1 of ascending windows, each row once,
 * ascending, in a block that the caller frees. NULL without memory. */
uint32_t *windows_rows(const uint32_t *start, size_t count, size_t first, size_t length,
                       size_t *rows);

/* 64 random bits that are a function of seed and index (Steele et al., "SplitMix", 2014). */
uint64_t split_random(uint64_t seed, uint64_t index);

#endif
