/* SPDX-License-Identifier: MIT */
#include "text/textbuf.h"

#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

int text_short(struct error *err)
{
    return error_set(err, STATUS_FAILED, "out of memory");
}

size_t textbuf_most(size_t size)
{
    return size < SIZE_MAX / 1024 ? 64 * size + 4096 : SIZE_MAX / 16;
}

int textbuf_room(struct textbuf *buf, size_t more, struct error *err)
{
    if (buf->most && (buf->size > buf->most || more > buf->most - buf->size))
        return error_set(err, STATUS_INPUT,
                         "the tokenizer makes a text more than 64 times as long");
    if (more <= buf->room - buf->size)
        return 0;
    if (more > SIZE_MAX / 4 - buf->size)
        return text_short(err);
    const size_t room = 2 * (buf->size + more) + 64;
    char *at = realloc(buf->at, room);
    if (!at)
        return text_short(err);
    buf->at = at;
    buf->room = room;
    return 0;
}

int textbuf_add(struct textbuf *buf, const char *bytes, size_t size, struct error *err)
{
    if (textbuf_room(buf, size, err))
        return -1;
    if (size)
        memcpy(buf->at + buf->size, bytes, size);
    buf->size += size;
    return 0;
}

int textbuf_add_text(struct textbuf *buf, const char *text, struct error *err)
{
    return textbuf_add(buf, text, strlen(text), err);
}

int textbuf_add_point(struct textbuf *buf, uint32_t point, struct error *err)
{
    if (textbuf_room(buf, UTF8_MOST, err))
        return -1;
    buf->size += utf8_write(point, buf->at + buf->size);
    return 0;
}

void textbuf_fini(struct textbuf *buf)
{
    free(buf->at);
    *buf = (struct textbuf){0};
}
