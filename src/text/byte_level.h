/* SPDX-License-Identifier: MIT */
/*
 * byte_level: bytes as characters that can be seen, as GPT-2's encoder.py has them: printable bytes
 * of Latin-1 stand for themselves, the others for U+0100 and those behind it.
 */
#ifndef TEXT_BYTE_LEVEL_H
#define TEXT_BYTE_LEVEL_H

#include "text/textbuf.h"

/* The text that GPT-2 splits by. */
extern const char *const byte_level_regex;

/* The character of a byte. */
uint32_t byte_level_point(unsigned char byte);

/* The byte of a character; -1: it stands for none. */
int byte_level_byte(uint32_t point);

/* Adds a character for each byte. */
int byte_level_write(const char *bytes, size_t size, struct textbuf *to, struct error *err);

/* Adds the bytes that a piece's characters stand for, or the piece where one stands for none. */
int byte_level_read(const char *piece, size_t size, struct textbuf *to, struct error *err);

#endif
