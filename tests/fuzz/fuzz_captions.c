/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes analysis/captions: any bytes are a caption, a line each; the first half of the lines are
 * generated, the others their references. Tokens are UTF-8 with one blank between two; figures lie
 * within their bounds.
 */
#include <math.h>
#include <string.h>

#include "analysis/captions.h"
#include "fuzz.h"
#include "text/utf8.h"

#define LINES 32     /* that are looked at */
#define LONGEST 4096 /* bytes of all of them */

static void try_tokens(const char *text, enum caption_tokens rule, struct caption_work *work)
{
    struct textbuf to = {0};
    struct error err;
    check(!caption_tokens(rule, text, work, &to, &err));
    check(strlen(to.at) == to.size && utf8_whole(to.at, to.size) == to.size);
    check(!to.size || (to.at[0] != ' ' && to.at[to.size - 1] != ' ' && !strstr(to.at, "  ")));
    textbuf_fini(&to);
}

static void try_figures(const char *const *line, size_t half, enum caption_tokens rule)
{
    const char *list[LINES / 2][3] = {{NULL}};
    const char *const *references[LINES / 2] = {NULL};
    unsigned char exact[LINES / 2];
    struct caption_measures m;
    struct error err;
    for (size_t i = 0; i < half; i++) {
        list[i][0] = line[half + i];
        list[i][1] = i % 2 ? line[half + (i + 1) % half] : NULL;
        references[i] = list[i];
    }
    check(!captions_measure(&m, line, references, half, rule, exact, &err));
    for (size_t n = 0; half && n < CAPTIONS_BLEU; n++)
        check(m.bleu[n] >= 0 && m.bleu[n] <= 1 + 1e-9);
    check(!half || (m.rouge_l >= 0 && m.rouge_l <= 1 + 1e-9 && m.cider >= 0));
    check(!half || (m.cider <= 10 + 1e-9 && m.exact >= 0 && m.exact <= 1 && m.literal <= m.exact));
    check(!half || (m.distinct > 0 && m.distinct <= 1 && m.frequent < half));
    check(isnan(m.distinct_1) || (m.distinct_1 > 0 && m.distinct_1 <= 1));
    check(isnan(m.distinct_2) || (m.distinct_2 > 0 && m.distinct_2 <= 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char text[LONGEST + 1];
    const char *line[LINES] = {text};
    size_t lines = 1;
    size = size < LONGEST ? size : LONGEST;
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\n') {
            text[i] = 0;
            if (lines < LINES)
                line[lines++] = text + i + 1;
        }
    struct caption_work work = {0};
    for (size_t i = 0; i < lines; i++) {
        try_tokens(line[i], CAPTION_WORDS, &work);
        try_tokens(line[i], CAPTION_CHARACTERS, &work);
    }
    caption_work_fini(&work);
    try_figures(line, lines / 2, CAPTION_WORDS);
    try_figures(line, lines / 2, CAPTION_CHARACTERS);
    return 0;
}
