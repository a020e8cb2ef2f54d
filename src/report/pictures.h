/* SPDX-License-Identifier: MIT */
/*
 * pictures: the pictures of a run folder, put into a page. A file that is no PNG, or too large, is
 * told in its place. It owns nothing.
 */
#ifndef REPORT_PICTURES_H
#define REPORT_PICTURES_H

#include <stdio.h>

#include "error.h"

/* Bytes of a picture, and of all of them together. */
#define REPORT_PICTURE_MOST ((size_t)16 << 20)
#define REPORT_PICTURES_MOST ((size_t)64 << 20)

/* Whether the folder has a file NAME.png. */
int report_has_picture(const char *folder, const char *name);

/* Writes a figure for each picture of the folder, `about` at the end of its alternative text;
 * *count: how many. -1 where memory runs out. */
int report_put_pictures(const char *folder, const char *about, FILE *out, size_t *count,
                        struct error *err);

#endif
