/* SPDX-License-Identifier: MIT */
/*
 * picture: a picture of a trained model: when there is one, and how its figures come together. The
 * name of each is in PICTURES of config/choices.h; the picture NAME is `picture_NAME`, is drawn to
 * NAME.png where [plots] enable wants it, and goes with --overwrite.
 */
#ifndef TASK_PICTURE_H
#define TASK_PICTURE_H

#include "data/dataset.h"
#include "plots/plots.h"
#include "task/task_class.h"
#include "train/checkpoint.h"

/* What there is to draw. */
struct picture_of {
    const struct task_result *result; /* of the part */
    enum part part;
    const struct progress *progress;
    const struct task_report_to *to;
    struct plot_about about;
};

struct picture {
    int (*applies)(const struct picture_of *of); /* NULL: always */
    /* 1: interrupted. */
    int (*draw)(const struct picture_of *of, const char *path, struct error *err);
};

#endif
