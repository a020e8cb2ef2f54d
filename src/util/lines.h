/* SPDX-License-Identifier: MIT */
/*
 * lines: reads the lines of a file that grows, each once. A last line without its end is left for
 * the next call. The caller owns the file and what is kept of it between calls. And the lines of
 * two texts, compared.
 */
#ifndef UTIL_LINES_H
#define UTIL_LINES_H

#include <stddef.h>
#include <stdint.h>

struct lines {
    uint64_t offset; /* of what has been read: whole lines, and the start of one too long */
    size_t count;
    int too_long; /* that start */
};

/* Called for each line, without its line feed; NULL: it has more than `most` bytes. Anything but 0
 * ends the reading. */
typedef int lines_taker(void *ctx, const char *line, size_t size);

/* Reads what has come since. 0, what `take` returned, or -1 with errno. */
int lines_read(struct lines *lines, int fd, size_t most, lines_taker *take, void *ctx);

/* The line of a place in a text, from 1. */
size_t lines_number(const char *text, size_t at);

/* The first line in which two texts differ, cut to `size` with its NUL: as in one and as in the
 * other, "" behind the end. */
void lines_differ(const char *one, const char *other, char *in_one, char *in_other, size_t size);

#endif
