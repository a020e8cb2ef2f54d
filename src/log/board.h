/* SPDX-License-Identifier: MIT */
/*
 * board: event files that TensorBoard reads, in the folder of a run: what the log's events say in
 * numbers, histograms, pictures and hyperparameters. Each process of a run makes a file of its own,
 * events.out.tfevents.SECONDS.seqtrain; names in the order of their age. A resume cuts the files
 * there are, and its own file says where it goes on, for readers that have read them already.
 *
 * All times are milliseconds since 1970. The caller sees to it that one thread calls at a time.
 */
#ifndef LOG_BOARD_H
#define LOG_BOARD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct board;

/* Where a run goes on. */
struct board_from {
    int64_t step; /* optimizer steps done; -1: it begins */
    int finished; /* the report of these is done as well */
};

/* Cuts the files there are and makes another. NULL with STATUS_FAILED. */
struct board *board_open(const char *folder, const struct board_from *from, int64_t now,
                         struct error *err);
void board_close(struct board *b);

/* Brings all to the disk. */
int board_sync(const struct board *b, struct error *err);

/* The numbers of an event of the log: of "epoch", "step", "telemetry", "verdict" and "end";
 * "end", "pruned" and "error" also tell that the run has ended, and how. */
int board_event(struct board *b, const char *event, const json_t *members, int64_t now,
                struct error *err);

/* What the run is trained with: "name": text, number or truth, and the text of its configuration.
 */
int board_hparams(struct board *b, const json_t *values, const char *config, int64_t now,
                  struct error *err);

/* What is to be seen of `count` values; NAME is that of all of them together. */
int board_histogram(struct board *b, const char *name, int64_t step, const float *value,
                    size_t count, int64_t now, struct error *err);

/* A picture that is a PNG file, at the latest step. */
int board_picture(struct board *b, const char *name, const char *path, int64_t now,
                  struct error *err);

/* Removes the event files of the folder. */
int board_clear(const char *folder, struct error *err);

#endif
