/* SPDX-License-Identifier: MIT */
/*
 * collapse: whether a model that generates has begun to say the same whatever it is given (mode
 * collapse), from the figures of each evaluation. It owns nothing; what it remembers is one number,
 * which a checkpoint may hold.
 *
 * A model that learns its first words says the same of all as well, but not for long. So it is told
 *
 *   where captions were different at two evaluations in a row, and at two after these are not, nor
 *   are they on the way up again;
 *   where they never were, and do not become so at COLLAPSE_PATIENCE evaluations in a row behind
 *   the warm-up.
 */
#ifndef TRAIN_COLLAPSE_H
#define TRAIN_COLLAPSE_H

#include <stddef.h>

#define COLLAPSE_BELOW 0.5  /* different captions / captions */
#define COLLAPSE_RISE 0.05  /* what is more different */
#define COLLAPSE_PATIENCE 4 /* evaluations without a rise, of a model that is new */

struct collapse {
    int told;  /* and captions have not become different since */
    int fine;  /* evaluations in a row at which they were different, 2 at most */
    int stale; /* evaluations since, without a rise */
    int most;  /* different ones / captions in 1/1000, the most since; 0: they are fine */
};

/* As one number, 0 at first; what is no such number is as 0. */
int collapse_number(const struct collapse *collapse);
struct collapse collapse_of(int number);

/* What an evaluation came to. */
struct collapse_figures {
    size_t count;        /* captions */
    double distinct;     /* different ones / captions; NaN: not known */
    double references;   /* the same of what they should have been; NaN: not known */
    const char *caption; /* the most frequent one */
    size_t frequent;     /* captions that are this one */
};

/* Whether captions are fewer than COLLAPSE_BELOW, and no more different than what they should be.
 */
int collapse_is_below(const struct collapse_figures *figures);

/* Whether it is to be told now. `warms`: the learning rate is still on its way up. */
int collapse_judge(struct collapse *collapse, const struct collapse_figures *figures, int warms);

/* "captions collapse: 12 of 64 are different (of the references 60), and 41 are 'a red circle'": a
 * line without control characters, cut where it is longer. */
#define COLLAPSE_TEXT 320
void collapse_words(const struct collapse_figures *figures, char text[COLLAPSE_TEXT]);

#endif
