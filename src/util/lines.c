/* SPDX-License-Identifier: MIT */
#include "util/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes the whole lines of `size` bytes, which are read then; *taken: how many bytes these are. */
static int take_lines(struct lines *l, const char *bytes, size_t size, size_t *taken,
                      lines_taker *take, void *ctx)
{
    const char *end;
    *taken = 0;
    while (*taken < size && (end = memchr(bytes + *taken, '\n', size - *taken))) {
        const char *line = bytes + *taken;
        size_t length = (size_t)(end - line);
        *taken += length + 1;
        l->offset += length + 1;
        l->count++;
        int stop = take(ctx, l->too_long ? NULL : line, length);
        l->too_long = 0;
        if (stop)
            return stop;
    }
    return 0;
}

int lines_read(struct lines *l, int fd, size_t most, lines_taker *take, void *ctx)
{
    size_t room = most < 1 << 16 ? most : 1 << 16, used = 0, taken;
    char *bytes = malloc(room), *more;
    int result = bytes ? 0 : -1;
    while (!result) {
        ssize_t got = pread(fd, bytes + used, room - used, (off_t)(l->offset + used));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            result = got < 0 ? -1 : 0;
            break;
        }
        used += (size_t)got;
        result = take_lines(l, bytes, used, &taken, take, ctx);
        used -= taken;
        memmove(bytes, bytes + taken, used);
        if (used < room)
            continue;
        if (room >= most) { /* its end is looked for in what follows */
            l->offset += used;
            l->too_long = 1;
            used = 0;
        } else if ((more = realloc(bytes, room = room > most / 2 ? most : 2 * room)))
            bytes = more;
        else
            result = -1;
    }
    free(bytes);
    return result;
}

void lines_differ(const char *one, const char *other, char *in_one, char *in_other, size_t size)
{
    for (;;) {
        const size_t a = strcspn(one, "\n"), b = strcspn(other, "\n");
        if (a != b || strncmp(one, other, a) != 0 || !*one || !*other) {
            snprintf(in_one, size, "%.*s", (int)a, one);
            snprintf(in_other, size, "%.*s", (int)b, other);
            return;
        }
        one += a + (one[a] == '\n');
        other += b + (other[b] == '\n');
    }
}

size_t lines_number(const char *text, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}
