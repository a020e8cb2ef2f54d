/* SPDX-License-Identifier: MIT */
#include "text/added.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/utf8.h"

#define ADDED_BYTES 1000 /* of a token; bounds the time of a search */

struct token {
    char *text;    /* as in the file */
    char *pattern; /* what is searched for: normalized, if it is so */
    size_t size, pattern_size;
    uint32_t number;
    int single_word, lstrip, rstrip, normalized, special;
};

/* Tokens that are searched for together, by their bytes; those that begin with byte b are
 * token[first[b]] .. token[first[b + 1] - 1]. */
struct matcher {
    const struct token **token;
    size_t count, first[257];
};

struct added {
    struct token *token;
    size_t count;
    size_t numbers;            /* the largest one and 1 */
    struct matcher matcher[2]; /* of those that are not normalized, and of those that are */
};

/* --- reading */

static char *copied(const char *text, size_t size, struct error *err)
{
    char *copy = malloc(size + 1);
    if (!copy) {
        text_short(err);
        return NULL;
    }
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

static int read_flags(struct token *t, const struct part *part, const json_t *json,
                      struct error *err)
{
    return field_flag(part, json, "single_word", 0, &t->single_word, err) ||
                   field_flag(part, json, "lstrip", 0, &t->lstrip, err) ||
                   field_flag(part, json, "rstrip", 0, &t->rstrip, err) ||
                   field_flag(part, json, "special", 0, &t->special, err) ||
                   field_flag(part, json, "normalized", !t->special, &t->normalized, err)
               ? -1
               : 0;
}

/* The number that the tokenizers library gives the token, whatever the file says. */
static uint32_t number_of(const struct added *a, const struct token *t,
                          const struct vocabulary *vocabulary)
{
    const uint32_t known = vocabulary_find(vocabulary, t->text, t->size);
    const size_t pieces = vocabulary_pieces(vocabulary);
    if (known != VOCABULARY_NONE)
        return known;
    return (uint32_t)(a->numbers > pieces ? a->numbers : pieces);
}

static int check_number(const struct added *a, struct token *t, const struct part *part,
                        const json_t *json, const struct vocabulary *vocabulary, struct error *err)
{
    char shown[FIELD_SHOWN];
    size_t size;
    const json_t *id = json_object_get(json, "id");
    const uint32_t wants = number_of(a, t, vocabulary);
    const char *other = vocabulary_piece(vocabulary, wants, &size);
    t->number = wants;
    if (!json_is_integer(id) || json_integer_value(id) != (json_int_t)wants)
        return field_fault(part, err,
                           "'%s' must have the number %u, by 'vocab' and the tokens before it",
                           field_shown(t->text, shown), wants);
    if (other && (size != t->size || memcmp(other, t->text, size) != 0))
        return field_fault(part, err, "the number %u of '%s' is another piece's in 'vocab'", wants,
                           field_shown(t->text, shown));
    return 0;
}

static int set_pattern(struct token *t, const struct part *part,
                       const struct normalizer *normalizer, struct normalizer_work *work,
                       struct pattern_work *search, struct error *err)
{
    const char *text = t->text;
    char shown[FIELD_SHOWN];
    t->pattern_size = t->size;
    if (t->normalized && normalizer_run(normalizer, work, search, &text, &t->pattern_size, err))
        return error_prefix(err, "%s: %s", part->file, part->name);
    if (!t->pattern_size || t->pattern_size > ADDED_BYTES)
        return field_fault(part, err, "'%s' has %zu bytes, and 1 .. %d can be searched for",
                           field_shown(t->text, shown), t->pattern_size, ADDED_BYTES);
    t->pattern = copied(text, t->pattern_size, err);
    return t->pattern ? 0 : -1;
}

static int read_token(struct added *a, const struct part *part, const json_t *json,
                      const struct vocabulary *vocabulary, struct error *err)
{
    struct token *t = &a->token[a->count];
    const char *text = field_text(part, json, "content", &t->size, err);
    if (!text || read_flags(t, part, json, err) || !(t->text = copied(text, t->size, err)))
        return -1;
    a->count++;
    if (check_number(a, t, part, json, vocabulary, err))
        return -1;
    if (t->number >= a->numbers)
        a->numbers = (size_t)t->number + 1;
    return 0;
}

static int compare(const struct token *a, const struct token *b)
{
    const size_t size = a->pattern_size < b->pattern_size ? a->pattern_size : b->pattern_size;
    const int order = memcmp(a->pattern, b->pattern, size);
    return order ? order
                 : (a->pattern_size > b->pattern_size) - (a->pattern_size < b->pattern_size);
}

/* Of tokens with one pattern the first special one counts, or the first. */
static int compare_tokens(const void *a, const void *b)
{
    const struct token *one = *(const struct token *const *)a,
                       *other = *(const struct token *const *)b;
    const int order = compare(one, other);
    if (order || one->special == other->special)
        return order ? order : (one > other) - (one < other);
    return one->special ? -1 : 1;
}

static int make_matcher(struct added *a, int normalized, struct error *err)
{
    struct matcher *m = &a->matcher[normalized];
    size_t count = 0;
    if (!(m->token = calloc(a->count + 1, sizeof *m->token)))
        return text_short(err);
    for (size_t i = 0; i < a->count; i++)
        if (a->token[i].normalized == normalized)
            m->token[count++] = &a->token[i];
    if (count)
        qsort(m->token, count, sizeof *m->token, compare_tokens);
    for (size_t i = 0; i < count; i++)
        if (!m->count || compare(m->token[m->count - 1], m->token[i]) != 0)
            m->token[m->count++] = m->token[i];
    for (size_t i = 0; i < m->count; i++)
        m->first[(unsigned char)m->token[i]->pattern[0] + 1]++;
    for (size_t i = 0; i < 256; i++)
        m->first[i + 1] += m->first[i];
    return 0;
}

static int read_all(struct added *a, const struct part *part, const json_t *json,
                    const struct vocabulary *vocabulary, const struct normalizer *normalizer,
                    struct error *err)
{
    const size_t count = json_array_size(json);
    struct normalizer_work work = {0};
    struct pattern_work *search = NULL;
    if (json && !json_is_null(json) && !json_is_array(json))
        return field_fault(part, err, "it is no list");
    if (!(a->token = calloc(count + 1, sizeof *a->token)) || !(search = pattern_work_new(err)))
        return a->token ? -1 : text_short(err);
    int failed = 0;
    for (size_t i = 0; !failed && i < count; i++)
        failed = read_token(a, part, json_array_get(json, i), vocabulary, err) ||
                 set_pattern(&a->token[i], part, normalizer, &work, search, err);
    normalizer_work_fini(&work);
    pattern_work_free(search);
    return failed || make_matcher(a, 0, err) || make_matcher(a, 1, err) ? -1 : 0;
}

struct added *added_read(const char *file, const json_t *json, const struct vocabulary *vocabulary,
                         const struct normalizer *normalizer, struct error *err)
{
    struct added *a = calloc(1, sizeof *a);
    if (!a)
        text_short(err);
    else if (!read_all(a, &(struct part){file, "added_tokens"}, json, vocabulary, normalizer, err))
        return a;
    added_free(a);
    return NULL;
}

void added_free(struct added *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++) {
        free(a->token[i].text);
        free(a->token[i].pattern);
    }
    free(a->matcher[0].token);
    free(a->matcher[1].token);
    free(a->token);
    free(a);
}

/* --- looking up */

uint32_t added_find(const struct added *a, const char *text, size_t size)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->token[i].size == size && !memcmp(a->token[i].text, text, size))
            return a->token[i].number;
    return VOCABULARY_NONE;
}

/* Files have their tokens in the order of their numbers, so that it is found at once. */
static const struct token *token_of(const struct added *a, uint32_t number)
{
    size_t low = 0, high = a->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (a->token[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < a->count && a->token[low].number == number)
        return &a->token[low];
    for (size_t i = 0; i < a->count; i++)
        if (a->token[i].number == number)
            return &a->token[i];
    return NULL;
}

const char *added_piece(const struct added *a, uint32_t number, size_t *size, int *special)
{
    const struct token *t = number < a->numbers ? token_of(a, number) : NULL;
    if (!t)
        return NULL;
    *size = t->pattern_size;
    *special = t->special;
    return t->pattern;
}

size_t added_count(const struct added *a)
{
    return a->numbers;
}

/* --- cutting */

/* The first token of [low, high), which are alike in front of `at`, whose byte there is `byte` or a
 * larger one. */
static size_t first_with(const struct matcher *m, size_t low, size_t high, size_t at, unsigned byte)
{
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((unsigned char)m->token[middle]->pattern[at] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest token that text[0] begins; NULL: none. */
static const struct token *longest(const struct matcher *m, const char *text, size_t size)
{
    size_t low = m->first[(unsigned char)text[0]], high = m->first[(unsigned char)text[0] + 1];
    const struct token *found = NULL;
    for (size_t at = 1; low < high; at++) {
        if (m->token[low]->pattern_size == at) /* the shortest of them comes first */
            found = m->token[low++];
        if (at == size)
            break;
        low = first_with(m, low, high, at, (unsigned char)text[at]);
        high = first_with(m, low, high, at, (unsigned char)text[at] + 1u);
    }
    return found;
}

/* The character in front of text[at], at > 0. */
static uint32_t point_before(const char *text, size_t at, size_t *begin)
{
    uint32_t point = 0;
    *begin = at - 1;
    while (*begin && ((unsigned char)text[*begin] & 0xc0) == 0x80)
        --*begin;
    utf8_read(text + *begin, at - *begin, &point);
    return point;
}

/* \w of the regex crate: alphabetic, marks, decimal digits, connectors, joiners. */
static int is_word(uint32_t point)
{
    static const uint32_t circled[][2] = {
        {0x24b6, 0x24e9}, {0x1f130, 0x1f149}, {0x1f150, 0x1f169}, {0x1f170, 0x1f189}};
    for (size_t i = 0; i < sizeof circled / sizeof *circled; i++)
        if (point >= circled[i][0] && point <= circled[i][1])
            return 1;
    switch (utf8proc_category((utf8proc_int32_t)point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return 1;
    default:
        return point == 0x200c || point == 0x200d;
    }
}

static int is_space(uint32_t point)
{
    const utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
    return (point >= '\t' && point <= '\r') || point == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* No letter of a word touches text[from .. to - 1]. */
static int stands_alone(const char *text, size_t size, size_t from, size_t to)
{
    size_t begin;
    uint32_t point = ' ';
    if (from && is_word(point_before(text, from, &begin)))
        return 0;
    if (to < size)
        utf8_read(text + to, size - to, &point);
    return to == size || !is_word(point);
}

static size_t without_spaces_before(const char *text, size_t from)
{
    size_t begin;
    while (from && is_space(point_before(text, from, &begin)))
        from = begin;
    return from;
}

static size_t without_spaces_behind(const char *text, size_t size, size_t to)
{
    uint32_t point = 0;
    size_t n;
    while (to < size && (n = utf8_read(text + to, size - to, &point)) && is_space(point))
        to += n;
    return to;
}

int added_cut(const struct added *a, int normalized, const char *text, size_t size,
              added_taker *take, void *ctx, struct error *err)
{
    const struct matcher *m = &a->matcher[normalized != 0];
    size_t done = 0;
    for (size_t at = 0; m->count && at < size;) {
        const struct token *t = longest(m, text + at, size - at);
        if (!t) {
            at++;
            continue;
        }
        size_t from = at, to = at + t->pattern_size;
        at = to;
        if (t->single_word && !stands_alone(text, size, from, to))
            continue;
        if (t->lstrip) {
            const size_t begin = without_spaces_before(text, from);
            from = begin > done ? begin : done;
        }
        if (t->rstrip)
            to = without_spaces_behind(text, size, to);
        if ((done < from && take(ctx, text, done, from, VOCABULARY_NONE, err)) ||
            take(ctx, text, from, to, t->number, err))
            return -1;
        done = to;
    }
    return done < size ? take(ctx, text, done, size, VOCABULARY_NONE, err) : 0;
}
