/* SPDX-License-Identifier: MIT */
#include "text/postprocessor.h"

#include <stdlib.h>
#include <string.h>

#include "text/field.h"
#include "text/textbuf.h"

struct reading {
    struct postprocessor *p;
    size_t numbers;
    int templates;
};

static int add_number(uint32_t **to, size_t *count, uint32_t number, struct error *err)
{
    uint32_t *more = realloc(*to, (*count + 1) * sizeof *more);
    if (!more)
        return text_short(err);
    more[(*count)++] = number;
    *to = more;
    return 0;
}

/* The numbers of {"SpecialToken": {"id": NAME}}, by the table of special tokens. */
static int add_special(struct reading *r, const struct part *part, const json_t *piece,
                       const json_t *table, int behind, struct error *err)
{
    const char *name = json_string_value(json_object_get(piece, "id"));
    const json_t *ids = json_object_get(name ? json_object_get(table, name) : NULL, "ids");
    char shown[FIELD_SHOWN];
    struct postprocessor *p = r->p;
    if (!json_is_array(ids))
        return field_fault(part, err,
                           "TemplateProcessing: 'special_tokens' does not say what '%s' is",
                           field_shown(name ? name : "?", shown));
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        const json_int_t is = json_is_integer(id) ? json_integer_value(id) : -1;
        if (is < 0 || is >= (json_int_t)r->numbers)
            return field_fault(part, err, "TemplateProcessing: '%s' has a number that no token has",
                               field_shown(name, shown));
        if (behind ? add_number(&p->behind, &p->behinds, (uint32_t)is, err)
                   : add_number(&p->front, &p->fronts, (uint32_t)is, err))
            return -1;
    }
    return 0;
}

/* What is done to one text: special tokens, the text once, special tokens. */
static int take_template(struct reading *r, const struct part *part, const json_t *json,
                         struct error *err)
{
    const json_t *single = json_object_get(json, "single");
    const json_t *table = json_object_get(json, "special_tokens");
    int texts = 0;
    if (r->templates++)
        return field_fault(part, err, "there is more than one TemplateProcessing");
    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *piece = json_array_get(single, i);
        const json_t *special = json_object_get(piece, "SpecialToken");
        const char *name =
            json_string_value(json_object_get(json_object_get(piece, "Sequence"), "id"));
        if (special && add_special(r, part, special, table, texts > 0, err))
            return -1;
        if (!special && (!name || strcmp(name, "A") != 0))
            return field_fault(part, err,
                               "TemplateProcessing: 'single' has a piece that is neither "
                               "a SpecialToken nor the Sequence A");
        texts += !special;
    }
    return texts == 1
               ? 0
               : field_fault(part, err, "TemplateProcessing: 'single' does not have the text once");
}

static int take(void *ctx, const struct part *part, const char *kind, const json_t *json,
                struct error *err)
{
    if (!strcmp(kind, "ByteLevel"))
        return 0;
    return strcmp(kind, "TemplateProcessing") ? 1 : take_template(ctx, part, json, err);
}

struct postprocessor *postprocessor_read(const char *file, const json_t *json, size_t numbers,
                                         struct error *err)
{
    struct reading r = {.p = calloc(1, sizeof *r.p), .numbers = numbers};
    if (!r.p)
        text_short(err);
    else if (!field_each(&(struct part){file, "post_processor"}, json, "processors",
                         "TemplateProcessing, ByteLevel", take, &r, err))
        return r.p;
    postprocessor_free(r.p);
    return NULL;
}

void postprocessor_free(struct postprocessor *p)
{
    if (!p)
        return;
    free(p->front);
    free(p->behind);
    free(p);
}
