/* SPDX-License-Identifier: MIT */
#include "text/pretokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "text/byte_level.h"

/* What becomes of matches. */
enum behavior { REMOVED, ISOLATED, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT, CONTIGUOUS, BEHAVIORS };

static const char *const behaviors[BEHAVIORS] = {"Removed", "Isolated", "MergedWithPrevious",
                                                 "MergedWithNext", "Contiguous"};

enum prepend { PREPEND_NEVER, PREPEND_ALWAYS, PREPEND_FIRST, PREPENDS };

static const char *const prepends[PREPENDS] = {"never", "always", "first"};

/* The text is changed, parted, and its parts become characters for bytes, where a step says so. */
struct pretokenizer_step {
    int spaces_become;    /* blanks become `with` */
    enum prepend prepend; /* `with`, where the text does not begin with it */
    char *with;           /* NULL: the text is not changed */
    size_t size;
    struct pattern *pattern; /* NULL: it is not parted */
    enum behavior behavior;
    int invert, byte_level;
};

struct pretokenizer {
    struct pretokenizer_step step[PRETOKENIZER_MOST];
    size_t count;
};

/* --- reading */

/* The place of a word in a table; `count`: it is not there. */
static size_t find(const char *const *table, size_t count, const char *word)
{
    size_t i = 0;
    while (i < count && strcmp(word, table[i]) != 0)
        i++;
    return i;
}

static int read_split(struct pretokenizer_step *step, const struct part *part, const json_t *json,
                      struct error *err)
{
    size_t size;
    char shown[FIELD_SHOWN];
    const char *behavior = field_text(part, json, "behavior", &size, err);
    if (!behavior || field_flag(part, json, "invert", 0, &step->invert, err))
        return -1;
    step->behavior = (enum behavior)find(behaviors, BEHAVIORS, behavior);
    if (step->behavior == BEHAVIORS)
        return field_fault(part, err, "Split: '%s' is no behavior that is known here",
                           field_shown(behavior, shown));
    step->pattern = pattern_read(part, json_object_get(json, "pattern"), err);
    return step->pattern ? 0 : -1;
}

static int set_with(struct pretokenizer_step *step, const char *with, size_t size,
                    struct error *err)
{
    step->with = malloc(size + 1);
    if (!step->with)
        return text_short(err);
    memcpy(step->with, with, size);
    step->with[size] = 0;
    step->size = size;
    return 0;
}

static int read_byte_level(struct pretokenizer_step *step, const struct part *part,
                           const json_t *json, struct error *err)
{
    int prefix, regex;
    step->byte_level = 1;
    step->behavior = ISOLATED;
    if (field_flag(part, json, "add_prefix_space", 1, &prefix, err) ||
        field_flag(part, json, "use_regex", 1, &regex, err))
        return -1;
    step->prepend = prefix ? PREPEND_ALWAYS : PREPEND_NEVER;
    if (prefix && set_with(step, " ", 1, err))
        return -1;
    if (regex)
        step->pattern = pattern_regex(part, byte_level_regex, err);
    return !regex || step->pattern ? 0 : -1;
}

static int read_digits(struct pretokenizer_step *step, const struct part *part, const json_t *json,
                       struct error *err)
{
    int individual;
    if (field_flag(part, json, "individual_digits", 0, &individual, err))
        return -1;
    step->behavior = individual ? ISOLATED : CONTIGUOUS;
    step->pattern = pattern_regex(part, "\\p{N}", err);
    return step->pattern ? 0 : -1;
}

/* Older files say add_prefix_space in place of prepend_scheme. */
static int read_prepend(struct pretokenizer_step *step, const struct part *part, const json_t *json,
                        struct error *err)
{
    const json_t *scheme = json_object_get(json, "prepend_scheme");
    char shown[FIELD_SHOWN];
    int prefix;
    if (field_flag(part, json, "add_prefix_space", 1, &prefix, err))
        return -1;
    step->prepend = prefix ? PREPEND_ALWAYS : PREPEND_NEVER;
    if (!scheme || json_is_null(scheme))
        return 0;
    if (!json_is_string(scheme))
        return field_fault(part, err, "Metaspace: 'prepend_scheme' is no text");
    step->prepend = (enum prepend)find(prepends, PREPENDS, json_string_value(scheme));
    if (step->prepend == PREPENDS)
        return field_fault(part, err, "Metaspace: '%s' is no prepend_scheme that is known here",
                           field_shown(json_string_value(scheme), shown));
    if (!prefix && step->prepend != PREPEND_NEVER)
        return field_fault(part, err, "Metaspace: add_prefix_space and prepend_scheme clash");
    return 0;
}

static int read_metaspace(struct pretokenizer_step *step, const struct part *part,
                          const json_t *json, struct error *err)
{
    size_t size;
    int split;
    const char *with = field_character(part, json, "replacement", &size, err);
    if (!with || read_prepend(step, part, json, err) ||
        field_flag(part, json, "split", 1, &split, err) || set_with(step, with, size, err))
        return -1;
    step->spaces_become = 1;
    step->behavior = MERGED_WITH_NEXT;
    if (split)
        step->pattern = pattern_plain(part, with, size, err);
    return !split || step->pattern ? 0 : -1;
}

static int take(void *ctx, const struct part *part, const char *kind, const json_t *json,
                struct error *err)
{
    static const char *const kinds[] = {"Split", "ByteLevel", "Digits", "Metaspace"};
    static int (*const read[])(struct pretokenizer_step *, const struct part *, const json_t *,
                               struct error *) = {read_split, read_byte_level, read_digits,
                                                  read_metaspace};
    struct pretokenizer *p = ctx;
    const size_t i = find(kinds, sizeof kinds / sizeof *kinds, kind);
    if (i == sizeof kinds / sizeof *kinds)
        return 1;
    if (p->count == PRETOKENIZER_MOST)
        return field_fault(part, err, "there are more than %d steps", PRETOKENIZER_MOST);
    return read[i](&p->step[p->count++], part, json, err);
}

struct pretokenizer *pretokenizer_read(const char *file, const json_t *json, struct error *err)
{
    struct pretokenizer *p = calloc(1, sizeof *p);
    if (!p)
        text_short(err);
    else if (!field_each(&(struct part){file, "pre_tokenizer"}, json, "pretokenizers",
                         "Split, ByteLevel, Digits, Metaspace", take, p, err))
        return p;
    pretokenizer_free(p);
    return NULL;
}

void pretokenizer_free(struct pretokenizer *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++) {
        pattern_free(p->step[i].pattern);
        free(p->step[i].with);
    }
    free(p);
}

void pretokenizer_work_fini(struct pretokenizer_work *work)
{
    for (size_t i = 0; i < PRETOKENIZER_MOST; i++) {
        textbuf_fini(&work->changed[i]);
        textbuf_fini(&work->bytes[i]);
    }
}

/* --- running */

struct run {
    const struct pretokenizer *p;
    struct pretokenizer_work *work;
    struct pattern_work *search;
    pretokenizer_taker *take;
    void *ctx;
    struct error *err;
};

/* A text that is being parted by a step: what stands between matches and the matches come one by
 * one, and a part waits until it is known whether the next one belongs to it. */
struct parting {
    struct run *run;
    size_t step;
    const char *text;
    int first;
    int was_match;
    size_t from, to; /* the part that waits, if `waits` */
    int waits;
};

static int run_step(struct run *run, size_t i, const char *text, size_t size, int first);

/* A part goes on to the next step. */
static int pass_part(struct parting *p, size_t from, size_t to)
{
    struct run *run = p->run;
    const char *part = p->text + from;
    size_t size = to - from;
    const int first = p->first && !from;
    if (!size)
        return 0;
    if (run->p->step[p->step].byte_level) {
        struct textbuf *bytes = &run->work->bytes[p->step];
        bytes->size = 0;
        if (byte_level_write(part, size, bytes, run->err))
            return -1;
        part = bytes->at;
        size = bytes->size;
    }
    return run_step(run, p->step + 1, part, size, first);
}

static int pass_waiting(struct parting *p)
{
    const int waited = p->waits;
    p->waits = 0;
    return waited ? pass_part(p, p->from, p->to) : 0;
}

/* Whether a part belongs to the one that waits. */
static int joins(const struct parting *p, enum behavior behavior, int is_match)
{
    switch (behavior) {
    case MERGED_WITH_PREVIOUS:
        return is_match && !p->was_match;
    case MERGED_WITH_NEXT:
        return !is_match && p->was_match;
    case CONTIGUOUS:
        return is_match == p->was_match;
    default:
        return 0;
    }
}

static int add_part(struct parting *p, size_t from, size_t to, int is_match)
{
    const struct pretokenizer_step *step = &p->run->p->step[p->step];
    is_match ^= step->invert;
    if (step->behavior == REMOVED && is_match)
        return 0;
    if (p->waits && joins(p, step->behavior, is_match)) {
        p->to = to;
    } else {
        if (pass_waiting(p))
            return -1;
        p->from = from;
        p->to = to;
        p->waits = 1;
    }
    p->was_match = is_match;
    return 0;
}

static int part_text(struct parting *p, size_t size)
{
    struct run *run = p->run;
    struct matches m = {run->p->step[p->step].pattern, p->text, size, 0, 0, 0};
    size_t from, to, done = 0;
    int found;
    while ((found = pattern_next(run->search, &m, &from, &to, run->err)) > 0) {
        if ((from > done && add_part(p, done, from, 0)) || add_part(p, from, to, 1))
            return -1;
        done = to;
    }
    if (found < 0 || (done < size && add_part(p, done, size, 0)))
        return -1;
    return pass_waiting(p);
}

/* The text with blanks replaced and something in front, as the step says. */
static int change_text(struct run *run, size_t i, const char *text, size_t size, int first)
{
    const struct pretokenizer_step *step = &run->p->step[i];
    struct textbuf *to = &run->work->changed[i];
    const char *end = text + size;
    const int begins = (size >= step->size && !memcmp(text, step->with, step->size)) ||
                       (step->spaces_become && *text == ' ');
    to->size = 0;
    if (!begins && (step->prepend == PREPEND_ALWAYS || (step->prepend == PREPEND_FIRST && first)) &&
        textbuf_add(to, step->with, step->size, run->err))
        return -1;
    const char *space;
    while (step->spaces_become && (space = memchr(text, ' ', (size_t)(end - text)))) {
        if (textbuf_add(to, text, (size_t)(space - text), run->err) ||
            textbuf_add(to, step->with, step->size, run->err))
            return -1;
        text = space + 1;
    }
    return textbuf_add(to, text, (size_t)(end - text), run->err);
}

/* A text that is not empty goes through step i and those behind it. */
static int run_step(struct run *run, size_t i, const char *text, size_t size, int first)
{
    if (i == run->p->count)
        return run->take(run->ctx, text, size, run->err);
    const struct pretokenizer_step *step = &run->p->step[i];
    if (step->with) {
        if (change_text(run, i, text, size, first))
            return -1;
        text = run->work->changed[i].at;
        size = run->work->changed[i].size;
    }
    struct parting parting = {.run = run, .step = i, .text = text, .first = first};
    return step->pattern ? part_text(&parting, size) : pass_part(&parting, 0, size);
}

int pretokenizer_run(const struct pretokenizer *p, struct pretokenizer_work *work,
                     struct pattern_work *search, const char *text, size_t size, int first,
                     pretokenizer_taker *take_piece, void *ctx, struct error *err)
{
    struct run run = {p, work, search, take_piece, ctx, err};
    for (size_t i = 0; i < p->count; i++)
        work->changed[i].most = work->bytes[i].most = textbuf_most(size);
    return size ? run_step(&run, 0, text, size, first) : 0;
}
