/* SPDX-License-Identifier: MIT */
/*
 * utf8: code points of UTF-8 text (RFC 3629: no surrogates, nothing beyond U+10FFFF, shortest
 * forms only).
 */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_MOST 4 /* bytes of a code point */
#define UTF8_POINTS 0x110000

/* The code point at text[0] and its bytes; 0 bytes: what stands there is no UTF-8. */
size_t utf8_read(const char *text, size_t size, uint32_t *point);

/* Bytes of a code point in `to`, without a NUL. */
size_t utf8_write(uint32_t point, char to[UTF8_MOST]);

/* Bytes in front of the first that is no UTF-8; `size`: there is none. */
size_t utf8_whole(const char *text, size_t size);

/* Bytes that one U+FFFD stands for where text[0] begins no code point: as many as could have begun
 * one (Unicode, "maximal subpart"), or 1. */
size_t utf8_broken(const char *text, size_t size);

#endif
