/* SPDX-License-Identifier: MIT */
/*
 * textbuf: bytes that grow at their end. Who has the struct owns the bytes; one of zeros is empty.
 */
#ifndef TEXT_TEXTBUF_H
#define TEXT_TEXTBUF_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct textbuf {
    char *at;
    size_t size, room;
    size_t most; /* bytes that it may hold; 0: any number */
};

/* What a text of so many bytes may become: a hostile tokenizer could double it in each of its
 * steps. */
size_t textbuf_most(size_t size);

/* Room for `more` bytes behind those there; STATUS_INPUT if these are too many. */
int textbuf_room(struct textbuf *buf, size_t more, struct error *err);

int textbuf_add(struct textbuf *buf, const char *bytes, size_t size, struct error *err);
int textbuf_add_text(struct textbuf *buf, const char *text, struct error *err);
int textbuf_add_point(struct textbuf *buf, uint32_t point, struct error *err);
void textbuf_fini(struct textbuf *buf);

/* "out of memory", with STATUS_FAILED. */
int text_short(struct error *err);

#endif
