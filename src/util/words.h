/* SPDX-License-Identifier: MIT */
/*
 * words: a command line cut into words, without a shell. Blanks part words; what stands between two
 * ' or between two " belongs to one word as it is. It owns nothing.
 */
#ifndef UTIL_WORDS_H
#define UTIL_WORDS_H

/* Whether each quote has its second one. */
int words_are_whole(const char *text);

/* The words, NULL behind the last; one allocation, which the caller frees. NULL without memory. */
char **words_cut(const char *text);

#endif
