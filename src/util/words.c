/* SPDX-License-Identifier: MIT */
#include "util/words.h"

#include <stdlib.h>
#include <string.h>

int words_are_whole(const char *text)
{
    char quote = 0;
    for (; *text; text++)
        if (quote ? *text == quote : *text == '\'' || *text == '"')
            quote = quote ? 0 : *text;
    return !quote;
}

char **words_cut(const char *text)
{
    const size_t n = strlen(text), most = n / 2 + 2; /* words, each with a blank, and NULL */
    char **words = malloc(most * sizeof *words + n + 1);
    char *to = words ? (char *)(words + most) : NULL, quote = 0;
    size_t count = 0;
    if (!words)
        return NULL;
    for (int within = 0;; text++) {
        const int ends = !*text || (!quote && strchr(" \t\n", *text));
        if (!ends && !within)
            words[count++] = to;
        if (ends && within)
            *to++ = 0;
        within = !ends;
        if (!*text)
            break;
        if (quote ? *text == quote : *text == '\'' || *text == '"')
            quote = quote ? 0 : *text;
        else if (!ends)
            *to++ = *text;
    }
    words[count] = NULL;
    return words;
}
