/* SPDX-License-Identifier: MIT */
/*
 * captioning: captions that a captioner writes for clips, each the most probable token after the
 * other, until it ends the caption or the window is full.
 */
#ifndef TASK_CAPTIONING_H
#define TASK_CAPTIONING_H

#include "data/dataset.h"
#include "log/log.h"
#include "task/generator.h"

struct caption_writer;

/* Writes by a generator of the model of these data, which stays the caller's. */
struct caption_writer *caption_writer_open(const struct dataset *data, struct generator *generator,
                                           size_t vocabulary, struct error *err);
void caption_writer_close(struct caption_writer *writer);

/* The caption of a clip, which the caller frees; NULL with an error. */
char *caption_write(struct caption_writer *writer, size_t clip, struct error *err);

/* Clips of the samples at start[count], each once, in their order; `most` of them, evenly, or all
 * (0). *clips is their number; the caller frees. NULL without memory. */
size_t *caption_clips(const struct dataset *data, const uint32_t *start, size_t count, size_t most,
                      size_t *clips);

#endif
