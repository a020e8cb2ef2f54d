/* SPDX-License-Identifier: MIT */
/*
 * overview_texts: what the texts of a language model are like, for seqtrain data.
 */
#ifndef TASK_OVERVIEW_TEXTS_H
#define TASK_OVERVIEW_TEXTS_H

#include "data/dataset.h"

/* Prints the parts and the most frequent tokens to standard output. */
int overview_texts(const struct dataset *data, struct error *err);

#endif
