/* SPDX-License-Identifier: MIT */
/*
 * label: what rows, series, columns and targets are called in tables and pictures.
 */
#ifndef TASK_LABEL_H
#define TASK_LABEL_H

#include "data/dataset.h"

/* "2021-05-01T12:00:00Z" of a row, or its number where rows have no time. */
void label_row(char *to, size_t size, const struct dataset *data, size_t row);

/* A series' name for pictures: without the ending of its file and without what all of them have in
 * common before ": ". */
void label_series(char *to, size_t size, const struct dataset *data, size_t series);

/* The name of a target as target_sample() counts them, and of a channel's column. */
void label_target(char *to, size_t size, const struct dataset *data, size_t target);
void label_channel(char *to, size_t size, const struct dataset *data, size_t channel);

#endif
