/* SPDX-License-Identifier: MIT */
/*
 * pictures: the table of all pictures.
 */
#ifndef TASK_PICTURES_H
#define TASK_PICTURES_H

#include "task/picture.h"

/* Draws those that the configuration wants and that apply into of->to->folder. 1: interrupted. */
int pictures_draw(const struct picture_of *of, struct error *err);

#endif
