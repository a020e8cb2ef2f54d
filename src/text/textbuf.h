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
};

/* Room for `more` bytes behind those there. */
int textbuf_room(struct textbuf *buf, size_t more, struct error *err);

int textbuf_add(struct textbuf *buf, const char *bytes, size_t size, struct error *err);
int textbuf_add_text(struct textbuf *buf, const char *text, struct error *err);
int textbuf_add_point(struct textbuf *buf, uint32_t point, struct error *err);
void textbuf_fini(struct textbuf *buf);

/* "out of memory", with STATUS_FAILED. */
int text_short(struct error *err);

#endif
