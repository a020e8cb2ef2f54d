/* SPDX-License-Identifier: MIT */
/*
 * letters: what a code point is by Unicode's data, a blank or punctuation, and texts in lower case.
 * Texts are UTF-8; a byte that begins no code point stands for U+FFFD.
 */
#ifndef TEXT_LETTERS_H
#define TEXT_LETTERS_H

#include <stddef.h>
#include <stdint.h>

#include "text/textbuf.h"

/* The code point at text[0], which takes *size bytes of the text; U+FFFD where there is none. */
uint32_t letters_at(const char *text, size_t left, size_t *size);

/* White_Space or a separator (Z*), and U+001C to U+001F, which separate as well. */
int letters_is_blank(uint32_t point);

/* Punctuation of any kind (P*). Symbols (S*) are none. */
int letters_is_punctuation(uint32_t point);

/* Adds a text in lower case, by Unicode's full mapping in no language: U+0130 becomes two code
 * points, a sigma at a word's end its final form. Fails as textbuf does. */
int letters_lower(const char *text, size_t size, struct textbuf *to, struct error *err);

#endif
