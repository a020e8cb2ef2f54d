/* SPDX-License-Identifier: MIT */
#include "text/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/byte_level.h"
#include "text/utf8.h"

enum decoder_kind {
    DECODER_BYTE_LEVEL,
    DECODER_METASPACE,
    DECODER_BYTE_FALLBACK,
    DECODER_FUSE,
    DECODER_REPLACE,
    DECODER_STRIP,
    DECODER_KINDS
};

static const char *const kinds[DECODER_KINDS] = {"ByteLevel", "Metaspace", "ByteFallback",
                                                 "Fuse",      "Replace",   "Strip"};

struct decoder_step {
    enum decoder_kind kind;
    struct pattern *pattern; /* of Metaspace and Replace */
    char *with;              /* what Replace puts there, what Strip takes away */
    size_t size;
    size_t start, stop; /* of Strip */
    int keeps_first;    /* Metaspace: blanks of the first piece, too */
};

struct decoder {
    struct decoder_step *step;
    size_t count;
};

/* --- pieces */

int pieces_add(struct pieces *p, const char *piece, size_t size, struct error *err)
{
    if (textbuf_add(&p->bytes, piece, size, err))
        return -1;
    return textbuf_add(&p->ends, (const char *)&p->bytes.size, sizeof p->bytes.size, err);
}

void pieces_fini(struct pieces *p)
{
    textbuf_fini(&p->bytes);
    textbuf_fini(&p->ends);
}

static size_t pieces_count(const struct pieces *p)
{
    return p->ends.size / sizeof(size_t);
}

static size_t pieces_end(const struct pieces *p, size_t i)
{
    size_t end;
    memcpy(&end, p->ends.at + i * sizeof end, sizeof end);
    return end;
}

static const char *pieces_get(const struct pieces *p, size_t i, size_t *size)
{
    const size_t begin = i ? pieces_end(p, i - 1) : 0;
    *size = pieces_end(p, i) - begin;
    return *size ? p->bytes.at + begin : "";
}

/* What has been written behind the last piece becomes one. */
static int pieces_close(struct pieces *p, struct error *err)
{
    return pieces_add(p, "", 0, err);
}

/* --- reading */

/* What a step puts there or takes away; NULL: the file does not say. */
static int set_with(struct decoder_step *step, const char *with, struct error *err)
{
    if (!with)
        return -1;
    if (!(step->with = malloc(step->size + 1)))
        return text_short(err);
    memcpy(step->with, with, step->size + 1);
    return 0;
}

static int read_strip(struct decoder_step *step, const struct part *part, const json_t *json,
                      struct error *err)
{
    const json_t *start = json_object_get(json, "start"), *stop = json_object_get(json, "stop");
    if (!json_is_integer(start) || !json_is_integer(stop) || json_integer_value(start) < 0 ||
        json_integer_value(stop) < 0)
        return field_fault(part, err, "Strip: 'start' and 'stop' are no numbers of characters");
    if (set_with(step, field_character(part, json, "content", &step->size, err), err))
        return -1;
    step->start = (size_t)json_integer_value(start);
    step->stop = (size_t)json_integer_value(stop);
    return 0;
}

static int read_metaspace(struct decoder_step *step, const struct part *part, const json_t *json,
                          struct error *err)
{
    size_t size;
    int prefix;
    const char *replaced = field_character(part, json, "replacement", &size, err);
    const char *scheme = json_string_value(json_object_get(json, "prepend_scheme"));
    if (!replaced || field_flag(part, json, "add_prefix_space", 1, &prefix, err))
        return -1;
    step->keeps_first = scheme ? !strcmp(scheme, "never") : !prefix;
    step->pattern = pattern_plain(part, replaced, size, err);
    return step->pattern ? 0 : -1;
}

static int take(void *ctx, const struct part *part, const char *kind, const json_t *json,
                struct error *err)
{
    struct decoder *d = ctx;
    size_t i = 0;
    while (i < DECODER_KINDS && strcmp(kind, kinds[i]) != 0)
        i++;
    if (i == DECODER_KINDS)
        return 1;
    struct decoder_step *more = realloc(d->step, (d->count + 1) * sizeof *more);
    if (!more)
        return text_short(err);
    d->step = more;
    struct decoder_step *step = &more[d->count++];
    *step = (struct decoder_step){.kind = (enum decoder_kind)i};
    switch (step->kind) {
    case DECODER_METASPACE:
        return read_metaspace(step, part, json, err);
    case DECODER_REPLACE:
        step->pattern = pattern_read(part, json_object_get(json, "pattern"), err);
        return step->pattern
                   ? set_with(step, field_text(part, json, "content", &step->size, err), err)
                   : -1;
    case DECODER_STRIP:
        return read_strip(step, part, json, err);
    default:
        return 0;
    }
}

struct decoder *decoder_read(const char *file, const json_t *json, struct error *err)
{
    struct decoder *d = calloc(1, sizeof *d);
    if (!d)
        text_short(err);
    else if (!field_each(&(struct part){file, "decoder"}, json, "decoders",
                         "ByteLevel, Metaspace, ByteFallback, Fuse, Replace, Strip", take, d, err))
        return d;
    decoder_free(d);
    return NULL;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->count; i++) {
        pattern_free(d->step[i].pattern);
        free(d->step[i].with);
    }
    free(d->step);
    free(d);
}

/* --- running */

/* Bytes as text: U+FFFD for what is no UTF-8. */
static int write_lossy(const char *bytes, size_t size, struct textbuf *to, struct error *err)
{
    for (size_t i = 0; i < size;) {
        const size_t whole = utf8_whole(bytes + i, size - i);
        if (textbuf_add(to, bytes + i, whole, err))
            return -1;
        i += whole;
        if (i == size)
            break;
        i += utf8_broken(bytes + i, size - i);
        if (textbuf_add_point(to, 0xfffd, err))
            return -1;
    }
    return 0;
}

/* All pieces become one: their bytes, which are made text together. */
static int run_byte_level(const struct pieces *from, struct pieces *to, struct error *err)
{
    struct textbuf bytes = {0};
    int failed = 0;
    for (size_t i = 0; !failed && i < pieces_count(from); i++) {
        size_t size;
        const char *piece = pieces_get(from, i, &size);
        failed = byte_level_read(piece, size, &bytes, err);
    }
    failed = failed || write_lossy(bytes.at, bytes.size, &to->bytes, err) || pieces_close(to, err);
    textbuf_fini(&bytes);
    return failed ? -1 : 0;
}

/* A piece with what is found in it replaced. */
static int write_replaced(const struct decoder_step *step, struct pattern_work *search,
                          const char *piece, size_t size, const char *with, size_t with_size,
                          struct textbuf *to, struct error *err)
{
    struct matches m = {step->pattern, piece, size, 0, 0, 0};
    size_t begin, end, done = 0;
    int found = 0;
    while (size && (found = pattern_next(search, &m, &begin, &end, err)) > 0) {
        if (textbuf_add(to, piece + done, begin - done, err) ||
            textbuf_add(to, with, with_size, err))
            return -1;
        done = end;
    }
    return found < 0 ? -1 : textbuf_add(to, piece + done, size - done, err);
}

/* The byte that <0xNN> stands for; -1: it is another piece. */
static int byte_of(const char *piece, size_t size)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    if (size != 6 || memcmp(piece, "<0x", 3) != 0 || piece[5] != '>')
        return -1;
    const char *high = memchr(digits, piece[3], 32), *low = memchr(digits, piece[4], 32);
    return high && low ? (int)((high - digits) % 16 * 16 + (low - digits) % 16) : -1;
}

/* The bytes of a run of <0xNN>: their text, or U+FFFD for each of them. */
static int close_bytes(struct textbuf *bytes, struct pieces *to, struct error *err)
{
    const int whole = utf8_whole(bytes->at, bytes->size) == bytes->size;
    if (!bytes->size)
        return 0;
    if (whole && pieces_add(to, bytes->at, bytes->size, err))
        return -1;
    for (size_t i = 0; !whole && i < bytes->size; i++)
        if (textbuf_add_point(&to->bytes, 0xfffd, err) || pieces_close(to, err))
            return -1;
    bytes->size = 0;
    return 0;
}

static int run_byte_fallback(const struct pieces *from, struct pieces *to, struct error *err)
{
    struct textbuf bytes = {0};
    int failed = 0;
    for (size_t i = 0; !failed && i < pieces_count(from); i++) {
        size_t size;
        const char *piece = pieces_get(from, i, &size);
        const int byte = byte_of(piece, size);
        if (byte >= 0)
            failed = textbuf_add(&bytes, &(char){(char)byte}, 1, err);
        else
            failed = close_bytes(&bytes, to, err) || pieces_add(to, piece, size, err);
    }
    failed = failed || close_bytes(&bytes, to, err);
    textbuf_fini(&bytes);
    return failed ? -1 : 0;
}

static int begins(const struct decoder_step *step, const char *at, size_t size)
{
    return size >= step->size && !memcmp(at, step->with, step->size);
}

/* Up to `start` of the character in front, up to `stop` behind. */
static int strip(const struct decoder_step *step, const char *piece, size_t size, struct pieces *to,
                 struct error *err)
{
    for (size_t i = 0; i < step->start && begins(step, piece, size); i++) {
        piece += step->size;
        size -= step->size;
    }
    for (size_t i = 0; i < step->stop && size >= step->size &&
                       begins(step, piece + size - step->size, step->size);
         i++)
        size -= step->size;
    return pieces_add(to, piece, size, err);
}

/* A step that changes each piece by itself. */
static int run_piece(const struct decoder_step *step, struct pattern_work *search,
                     const char *piece, size_t size, int first, struct pieces *to,
                     struct error *err)
{
    const char *with = step->with;
    size_t with_size = step->size;
    if (step->kind == DECODER_STRIP)
        return strip(step, piece, size, to, err);
    if (step->kind == DECODER_METASPACE) {
        with = " ";
        with_size = !first || step->keeps_first;
    }
    return write_replaced(step, search, piece, size, with, with_size, &to->bytes, err) ||
                   pieces_close(to, err)
               ? -1
               : 0;
}

static int run_step(const struct decoder_step *step, struct pattern_work *search,
                    struct pieces *from, struct pieces *to, struct error *err)
{
    switch (step->kind) {
    case DECODER_BYTE_LEVEL:
        return run_byte_level(from, to, err);
    case DECODER_BYTE_FALLBACK:
        return run_byte_fallback(from, to, err);
    case DECODER_FUSE:
        return pieces_add(to, from->bytes.at, from->bytes.size, err);
    default:
        for (size_t i = 0; i < pieces_count(from); i++) {
            size_t size;
            const char *piece = pieces_get(from, i, &size);
            if (run_piece(step, search, piece, size, i == 0, to, err))
                return -1;
        }
        return 0;
    }
}

/* Without a decoder blanks stand between the pieces. */
static int join(const struct pieces *pieces, struct textbuf *to, struct error *err)
{
    for (size_t i = 0; i < pieces_count(pieces); i++) {
        size_t size;
        const char *piece = pieces_get(pieces, i, &size);
        if ((i && textbuf_add(to, " ", 1, err)) || textbuf_add(to, piece, size, err))
            return -1;
    }
    return 0;
}

int decoder_run(const struct decoder *d, struct pattern_work *search, struct pieces *pieces,
                struct textbuf *to, struct error *err)
{
    struct pieces other = {0};
    int failed = 0;
    if (!d->count)
        return join(pieces, to, err);
    other.bytes.most = pieces->bytes.most = textbuf_most(pieces->bytes.size);
    for (size_t i = 0; !failed && i < d->count; i++) {
        const struct pieces now = *pieces;
        other.bytes.size = other.ends.size = 0;
        failed = run_step(&d->step[i], search, pieces, &other, err);
        *pieces = other;
        other = now;
    }
    failed = failed || textbuf_add(to, pieces->bytes.at, pieces->bytes.size, err);
    pieces_fini(&other);
    return failed ? -1 : 0;
}

int decoder_piece(const struct decoder *d, struct pattern_work *search, const char *piece,
                  size_t size, struct textbuf *to, struct error *err)
{
    struct pieces one = {0}, other = {0};
    one.bytes.most = other.bytes.most = textbuf_most(size);
    int failed = pieces_add(&one, piece, size, err);
    for (size_t i = 0; !failed && i < d->count && d->step[i].kind != DECODER_FUSE; i++) {
        const struct decoder_step *step = &d->step[i];
        const char *now = pieces_get(&one, 0, &size);
        const int byte = step->kind == DECODER_BYTE_FALLBACK ? byte_of(now, size) : -1;
        other.bytes.size = other.ends.size = 0;
        if (step->kind == DECODER_BYTE_LEVEL)
            failed = byte_level_read(now, size, &other.bytes, err) || pieces_close(&other, err);
        else if (byte >= 0)
            failed = pieces_add(&other, &(char){(char)byte}, 1, err);
        else if (step->kind == DECODER_BYTE_FALLBACK || step->kind == DECODER_STRIP)
            failed = pieces_add(&other, now, size, err);
        else
            failed = run_piece(step, search, now, size, 0, &other, err);
        const struct pieces swapped = one;
        one = other;
        other = swapped;
    }
    failed = failed || textbuf_add(to, one.bytes.at, one.bytes.size, err);
    pieces_fini(&one);
    pieces_fini(&other);
    return failed ? -1 : 0;
}
