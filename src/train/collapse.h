/* SPDX-License-Identifier: MIT */
/*
 * collapse: whether a model that generates has begun to say the same whatever it is given (mode
 * collapse), from the figures of each evaluation. It owns nothing; what it remembers is one number,
 * which a checkpoint may hold.
 */
#ifndef TRAIN_COLLAPSE_H
#define TRAIN_COLLAPSE_H

#include <stddef.h>

#define COLLAPSE_BELOW 0.5 /* different captions / captions */

struct collapse {
    int below; /* at the latest evaluation; 0 at first */
};

/* What an evaluation came to. */
struct collapse_figures {
    size_t count;        /* captions */
    double distinct;     /* different ones / captions; NaN: not known */
    double references;   /* the same of what they should have been; NaN: not known */
    const char *caption; /* the most frequent one */
    size_t frequent;     /* captions that are this one */
};

/* Whether it is to be told: captions are fewer than COLLAPSE_BELOW and no more different than what
 * they should have been, and were not so at the evaluation before. */
int collapse_judge(struct collapse *collapse, const struct collapse_figures *figures);

/* "captions collapse: 12 of 64 are different (of the references 60), and 41 are 'a red circle'": a
 * line without control characters, cut where it is longer. */
#define COLLAPSE_TEXT 320
void collapse_words(const struct collapse_figures *figures, char text[COLLAPSE_TEXT]);

#endif
