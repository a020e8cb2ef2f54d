/* SPDX-License-Identifier: MIT */
/*
 * captions: what a captioner is for. Beside the figures of a language model there are captions of
 * some clips of the part, held against all that the tables say of these clips.
 */
#ifndef TASK_CAPTIONS_H
#define TASK_CAPTIONS_H

#include "analysis/captions.h"
#include "analysis/siglip.h"
#include "task/language.h"
#include "train/monitor.h"

struct written_captions {
    struct language language;
    size_t count;
    size_t *clip;         /* [count] */
    char **text;          /* [count] */
    unsigned char *exact; /* [count] whether it is one of the clip's captions */
    struct siglip *score; /* [count] how well it goes with the clip; NULL: not known */
    struct caption_measures measures;
    struct siglip mean; /* of the scores; NaN: not known */
};

extern const struct task_class task_captions;

/* The captions of a result; NULL if it is of another task. */
const struct written_captions *captions_of(const struct task_result *r);

/* The tables' captions of a clip, a NULL behind the last; the caller frees the array, not the
 * texts. NULL without memory. */
const char **captions_references(const struct dataset *data, size_t clip);

struct measures task_captions_measures(void);

/* Tells where captions are monitored by a figure that there will not be. */
void task_captions_check(struct config_making *making, const struct config *config,
                         const struct metric *metric);

#endif
