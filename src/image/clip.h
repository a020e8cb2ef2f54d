/* SPDX-License-Identifier: MIT */
/*
 * clip: what a line of a captions' table names, as N image files: one image, a folder of frames, or
 * a glob. A clip owns its paths.
 *
 * Frames are sorted in natural order: numbers in names count by their value (2 before 10), all else
 * by its bytes. Of a folder the files that end in .png, .jpg, .jpeg or .jpe are frames; names that
 * begin with a dot, folders and other files are passed over, and the latter are counted. A glob
 * takes what fits it and has such an ending. Nothing is opened.
 *
 * N of n frames are taken as VideoLLaMA2's frame_sample("uniform") does: the stretch from the first
 * to the last frame is cut into N equal segments, and of each the frame in its middle is taken,
 * i = floor((n - 1) (2 k + 1) / (2 N) + 1/2) for k = 0 ... N - 1. One frame of many is thus the
 * middle one, and first and last frames, which are often black or blurred, count less than by
 * np.linspace(0, n - 1, N). Fewer than N frames are repeated by the same rule, in their order.
 */
#ifndef IMAGE_CLIP_H
#define IMAGE_CLIP_H

#include <stddef.h>

#include "error.h"

#define CLIP_FRAMES 4096 /* most frames that are taken of a clip */

struct clip {
    char **path; /* [count] */
    size_t count;
    size_t found;       /* frames that there are */
    size_t passed_over; /* files that are no PNG or JPEG by their ending */
};

/* The paths of `frames` files. STATUS_INPUT with "path: cause" where nothing is found. */
int clip_open(struct clip *to, const char *path, size_t frames, struct error *err);
void clip_fini(struct clip *clip);

/* Which of n frames, from 0 on, is the k-th of `frames`. */
size_t clip_frame(size_t n, size_t frames, size_t k);

/* The natural order of two names, as strcmp(). */
int clip_order(const char *one, const char *other);

#endif
