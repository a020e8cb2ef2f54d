/* SPDX-License-Identifier: MIT */
#include "analysis/caption_tokens.h"

#include <string.h>

#include "text/letters.h"
#include "text/nfc.h"
#include "text/utf8.h"

struct view {
    const char *at;
    size_t size;
};

/* What is no UTF-8 becomes U+FFFD. */
static int make_whole(struct view *text, struct textbuf *to, struct error *err)
{
    if (utf8_whole(text->at, text->size) == text->size)
        return 0;
    to->size = 0;
    for (size_t i = 0, n; i < text->size; i += n)
        if (textbuf_add_point(to, letters_at(text->at + i, text->size - i, &n), err))
            return -1;
    *text = (struct view){to->at, to->size};
    return 0;
}

static int compose(struct view *text, struct caption_work *work, struct error *err)
{
    if (nfc_is_plain(text->at, text->size))
        return 0;
    work->composed.size = 0;
    if (nfc_write(text->at, text->size, &work->points, &work->composed, err))
        return -1;
    *text = (struct view){work->composed.at, work->composed.size};
    return 0;
}

static int lower(struct view *text, struct textbuf *to, struct error *err)
{
    to->size = 0;
    if (textbuf_room(to, 1, err) || letters_lower(text->at, text->size, to, err))
        return -1;
    *text = (struct view){to->at, to->size};
    return 0;
}

/* A blank goes in front of a code point that begins another token. */
static int cut(enum caption_tokens rule, struct view text, struct textbuf *to, struct error *err)
{
    int begins = 0; /* there was a token */
    for (size_t i = 0, n; i < text.size; i += n) {
        const uint32_t point = letters_at(text.at + i, text.size - i, &n);
        if (letters_is_blank(point)) {
            begins = to->size > 0;
            continue;
        }
        if (rule == CAPTION_WORDS && letters_is_punctuation(point))
            continue;
        if ((begins && textbuf_add(to, " ", 1, err)) || textbuf_add_point(to, point, err))
            return -1;
        begins = rule == CAPTION_CHARACTERS;
    }
    return 0;
}

int caption_tokens(enum caption_tokens rule, const char *text, struct caption_work *work,
                   struct textbuf *to, struct error *err)
{
    struct view is = {text, strlen(text)};
    to->size = 0;
    if (make_whole(&is, &work->whole, err) || compose(&is, work, err) ||
        (rule == CAPTION_WORDS && lower(&is, &work->lower, err)) || cut(rule, is, to, err) ||
        textbuf_add(to, "", 1, err))
        return -1;
    to->size--;
    return 0;
}

void caption_work_fini(struct caption_work *work)
{
    textbuf_fini(&work->whole);
    textbuf_fini(&work->composed);
    textbuf_fini(&work->points);
    textbuf_fini(&work->lower);
}
