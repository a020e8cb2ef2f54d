/* SPDX-License-Identifier: MIT */
/*
 * column: figures and names in the columns of tables that fit a console of 80 characters.
 */
#ifndef TASK_COLUMN_H
#define TASK_COLUMN_H

/* Room for a figure; written out it takes at most ten characters. */
struct column_figure {
    char text[24];
};

/* Whether a figure has too many digits to be written out, so that its column is better scientific.
 */
int column_is_long(double x);

/* x with four digits (three below 1e-4), "-" where it is no number; a column has one notation. */
struct column_figure column_figure(double x, int scientific);

/* Prints a name and what fills it up to the width; on a line of its own where it is longer. */
void column_name(const char *name, int width);

#endif
