/* SPDX-License-Identifier: MIT */
/*
 * caption_tokens: a caption as the tokens by which captions are compared. The rule is ours, and the
 * same for the captions of a model and for their references. Texts are composed first (NFC), so
 * that it does not matter how Hangul or an accent is written.
 *
 *   words       lower case; punctuation (P*) is taken off wherever it stands; cut at blanks
 *   characters  each code point that is no blank, as it is
 */
#ifndef ANALYSIS_CAPTION_TOKENS_H
#define ANALYSIS_CAPTION_TOKENS_H

#include "text/textbuf.h"

enum caption_tokens { CAPTION_WORDS, CAPTION_CHARACTERS };

/* Memory to work in; one of zeros is empty. */
struct caption_work {
    struct textbuf whole, composed, points, lower;
};

/* Makes `to` the tokens of a text with a blank (U+0020) between two, ended by a NUL that its size
 * does not count. What is no UTF-8 counts as U+FFFD. Only memory can be missing. */
int caption_tokens(enum caption_tokens rule, const char *text, struct caption_work *work,
                   struct textbuf *to, struct error *err);

void caption_work_fini(struct caption_work *work);

#endif
