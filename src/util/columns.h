/* SPDX-License-Identifier: MIT */
/*
 * columns: texts in tables on a terminal, where a Chinese, Japanese or Korean character takes two
 * columns and a mark that stands above or below another character takes none. Texts are UTF-8; a
 * byte that begins no character counts as one column. Nothing is owned.
 */
#ifndef UTIL_COLUMNS_H
#define UTIL_COLUMNS_H

#include <stddef.h>

/* The columns that a text takes. */
size_t columns_of(const char *text);

/*
 * A text in at most `most` columns, 4 or more, and `size` bytes, 32 or more: of a longer one the
 * start and the end, with "..." between them. Blanks in a row become one, and so do line ends;
 * other control characters become '?'. Returns `to`.
 */
const char *columns_fit(const char *text, size_t most, char *to, size_t size);

#endif
