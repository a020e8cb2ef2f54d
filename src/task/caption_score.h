/* SPDX-License-Identifier: MIT */
/*
 * caption_score: how well captions go with their clips, by the two towers of a frozen encoder that
 * has one of texts (SigLIP). The tower of texts is loaded when captions are there, stands beside
 * the engine while it reads them, and goes again: its memory is in the plan (planned_captions()).
 */
#ifndef TASK_CAPTION_SCORE_H
#define TASK_CAPTION_SCORE_H

#include "analysis/siglip.h"
#include "train/engine.h"

/* Whether a configuration's encoder can compare; 0 with an error that tells what it lacks, which
 * has STATUS_FAILED where memory ran out. `silent` becomes 1 where it is not meant to. */
int caption_score_is_there(const struct config *config, int *silent, struct error *err);

/* Of texts [count], each with the frames of its clip. 1: the encoder cannot compare, as was told
 * when the run began, and `to` is as it was; a file that cannot be read is an error. */
int caption_score(const struct engine *e, const size_t *clip, char *const *text, size_t count,
                  struct siglip *to, struct error *err);

#endif
