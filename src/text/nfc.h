/* SPDX-License-Identifier: MIT */
/*
 * nfc: Unicode's normalization form C, by the data of Unicode 9, which the tokenizers library has:
 * what is newer is no mark and is not composed, as models have seen it.
 */
#ifndef TEXT_NFC_H
#define TEXT_NFC_H

#include "text/textbuf.h"

/* Whether it is seen at a glance that a text is in this form. */
int nfc_is_plain(const char *text, size_t size);

/* Adds the form of a UTF-8 text; `points` is memory to work in. Its time grows with the text
 * whatever stands in it. */
int nfc_write(const char *text, size_t size, struct textbuf *points, struct textbuf *to,
              struct error *err);

#endif
