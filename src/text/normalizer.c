/* SPDX-License-Identifier: MIT */
#include "text/normalizer.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/nfc.h"
#include "text/utf8.h"

enum normalizer_kind {
    NORMALIZER_NFC,
    NORMALIZER_REPLACE,
    NORMALIZER_LOWERCASE,
    NORMALIZER_PREPEND
};

struct normalizer_step {
    enum normalizer_kind kind;
    struct pattern *pattern; /* of Replace */
    char *with;              /* of Replace and Prepend */
    size_t size;
};

struct normalizer {
    struct normalizer_step *step;
    size_t count;
};

/* The text of a step. */
static int read_with(struct normalizer_step *step, const struct part *part, const json_t *json,
                     const char *key, struct error *err)
{
    const char *with = field_text(part, json, key, &step->size, err);
    if (!with)
        return -1;
    step->with = malloc(step->size + 1);
    if (!step->with)
        return text_short(err);
    memcpy(step->with, with, step->size + 1);
    return 0;
}

static int take(void *ctx, const struct part *part, const char *kind, const json_t *json,
                struct error *err)
{
    static const char *const kinds[] = {"NFC", "Replace", "Lowercase", "Prepend"};
    struct normalizer *n = ctx;
    size_t i = 0;
    while (i < sizeof kinds / sizeof *kinds && strcmp(kind, kinds[i]) != 0)
        i++;
    if (i == sizeof kinds / sizeof *kinds)
        return 1;
    struct normalizer_step *more = realloc(n->step, (n->count + 1) * sizeof *more);
    if (!more)
        return text_short(err);
    n->step = more;
    struct normalizer_step *step = &more[n->count++];
    *step = (struct normalizer_step){.kind = (enum normalizer_kind)i};
    if (step->kind == NORMALIZER_PREPEND)
        return read_with(step, part, json, "prepend", err);
    if (step->kind != NORMALIZER_REPLACE)
        return 0;
    step->pattern = pattern_read(part, json_object_get(json, "pattern"), err);
    return step->pattern ? read_with(step, part, json, "content", err) : -1;
}

struct normalizer *normalizer_read(const char *file, const json_t *json, struct error *err)
{
    struct normalizer *n = calloc(1, sizeof *n);
    if (!n)
        text_short(err);
    else if (!field_each(&(struct part){file, "normalizer"}, json, "normalizers",
                         "NFC, Replace, Lowercase, Prepend", take, n, err))
        return n;
    normalizer_free(n);
    return NULL;
}

void normalizer_free(struct normalizer *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->count; i++) {
        pattern_free(n->step[i].pattern);
        free(n->step[i].with);
    }
    free(n->step);
    free(n);
}

void normalizer_work_fini(struct normalizer_work *work)
{
    textbuf_fini(&work->one);
    textbuf_fini(&work->other);
    textbuf_fini(&work->points);
}

static int replace(const struct normalizer_step *step, struct pattern_work *search,
                   const char *text, size_t size, struct textbuf *to, struct error *err)
{
    struct matches m = {step->pattern, text, size, 0, 0, 0};
    size_t from, end, done = 0;
    int found = 0;
    while (size && (found = pattern_next(search, &m, &from, &end, err)) > 0) {
        if (textbuf_add(to, text + done, from - done, err) ||
            textbuf_add(to, step->with, step->size, err))
            return -1;
        done = end;
    }
    return found < 0 ? -1 : textbuf_add(to, text + done, size - done, err);
}

/* Each character by itself; U+0130 alone becomes two. */
static int lowercase(const char *text, size_t size, struct textbuf *to, struct error *err)
{
    uint32_t point = 0;
    for (size_t i = 0; i < size;) {
        i += utf8_read(text + i, size - i, &point);
        if (textbuf_add_point(to, point == 0x130 ? 'i' : (uint32_t)utf8proc_tolower((int32_t)point),
                              err) ||
            (point == 0x130 && textbuf_add_point(to, 0x307, err)))
            return -1;
    }
    return 0;
}

static int prepend(const struct normalizer_step *step, const char *text, size_t size,
                   struct textbuf *to, struct error *err)
{
    if (size && textbuf_add(to, step->with, step->size, err))
        return -1;
    return textbuf_add(to, text, size, err);
}

int normalizer_run(const struct normalizer *n, struct normalizer_work *work,
                   struct pattern_work *search, const char **text, size_t *size, struct error *err)
{
    struct textbuf *to = &work->one;
    work->one.most = work->other.most = textbuf_most(*size);
    for (size_t i = 0; i < n->count; i++) {
        const struct normalizer_step *step = &n->step[i];
        int failed = 0;
        if (step->kind == NORMALIZER_NFC && nfc_is_plain(*text, *size))
            continue;
        to->size = 0;
        if (textbuf_room(to, 1, err)) /* it points somewhere, also where nothing is left */
            return -1;
        switch (step->kind) {
        case NORMALIZER_NFC:
            failed = nfc_write(*text, *size, &work->points, to, err);
            break;
        case NORMALIZER_REPLACE:
            failed = replace(step, search, *text, *size, to, err);
            break;
        case NORMALIZER_LOWERCASE:
            failed = lowercase(*text, *size, to, err);
            break;
        case NORMALIZER_PREPEND:
            failed = prepend(step, *text, *size, to, err);
            break;
        }
        if (failed)
            return -1;
        *text = to->at;
        *size = to->size;
        to = to == &work->one ? &work->other : &work->one;
    }
    return 0;
}
