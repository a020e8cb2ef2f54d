/* SPDX-License-Identifier: MIT */
#include "text/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "text/pattern_compile.h"
#include "text/utf8.h"

#define PATTERN_MOST 65536              /* bytes of a pattern */
#define PATTERN_STEPS 10000000u         /* of a search, and as many as the text is long */
#define PATTERN_HEAP (256u * 1024)      /* KiB that a search takes at most */
#define PATTERN_STACK (8 * 1024 * 1024) /* bytes of a compiled pattern's own stack */

struct pattern {
    pcre2_code *code; /* NULL: plain */
    char *plain;
    size_t size;
};

struct pattern_work {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack; /* NULL: there is no compiler for this processor */
};

static int compile_fault(const struct part *part, const char *regex, int code, struct error *err)
{
    char cause[128] = "", shown[FIELD_SHOWN];
    if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED)
        return text_short(err);
    pcre2_get_error_message(code, (PCRE2_UCHAR *)cause, sizeof cause);
    return field_fault(part, err, "the regular expression '%s': %s", field_shown(regex, shown),
                       cause);
}

struct pattern *pattern_regex(const struct part *part, const char *regex, struct error *err)
{
    struct pattern *p = calloc(1, sizeof *p);
    struct textbuf translated = {0};
    int code;
    size_t at;
    if (!p)
        text_short(err);
    else if (strlen(regex) > PATTERN_MOST)
        field_fault(part, err, "a regular expression has more than %d bytes", PATTERN_MOST);
    else if (!pattern_translate(part, regex, &translated, err)) {
        p->code = pattern_compile(translated.at, translated.size, &code, &at);
        if (!p->code)
            compile_fault(part, regex, code, err);
        else
            pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* where it cannot, it is interpreted */
    }
    textbuf_fini(&translated);
    if (p && p->code)
        return p;
    free(p);
    return NULL;
}

struct pattern *pattern_plain(const struct part *part, const char *text, size_t size,
                              struct error *err)
{
    if (!size) {
        field_fault(part, err, "the text that is searched for is empty");
        return NULL;
    }
    struct pattern *p = calloc(1, sizeof *p);
    if (p && (p->plain = malloc(size))) {
        memcpy(p->plain, text, size);
        p->size = size;
        return p;
    }
    free(p);
    text_short(err);
    return NULL;
}

struct pattern *pattern_read(const struct part *part, const json_t *json, struct error *err)
{
    const json_t *plain = json_object_get(json, "String");
    const char *regex = json_string_value(json_object_get(json, "Regex"));
    if (json_is_string(plain))
        return pattern_plain(part, json_string_value(plain), json_string_length(plain), err);
    if (!regex)
        field_fault(part, err, "'pattern' has neither a Regex nor a String");
    else
        return pattern_regex(part, regex, err);
    return NULL;
}

void pattern_free(struct pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    free(p->plain);
    free(p);
}

struct pattern_work *pattern_work_new(struct error *err)
{
    struct pattern_work *w = calloc(1, sizeof *w);
    if (w) {
        w->data = pcre2_match_data_create(1, NULL);
        w->context = pcre2_match_context_create(NULL);
        w->stack = pcre2_jit_stack_create(32 * 1024, PATTERN_STACK, NULL);
        if (w->data && w->context) {
            pcre2_set_heap_limit(w->context, PATTERN_HEAP);
            if (w->stack)
                pcre2_jit_stack_assign(w->context, NULL, w->stack);
            return w;
        }
    }
    pattern_work_free(w);
    text_short(err);
    return NULL;
}

void pattern_work_free(struct pattern_work *w)
{
    if (!w)
        return;
    pcre2_match_data_free(w->data);
    pcre2_match_context_free(w->context);
    pcre2_jit_stack_free(w->stack);
    free(w);
}

/* 1, 0 or -1. */
static int search_regex(struct pattern_work *w, const struct matches *m, size_t *from, size_t *to,
                        struct error *err)
{
    char cause[128] = "";
    const size_t steps = PATTERN_STEPS + m->size;
    pcre2_set_match_limit(w->context, steps < UINT32_MAX ? (uint32_t)steps : UINT32_MAX);
    int code = pcre2_match(m->pattern->code, (PCRE2_SPTR)m->text, m->size, m->at,
                           PCRE2_NO_UTF_CHECK, w->data, w->context);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code = pcre2_match(m->pattern->code, (PCRE2_SPTR)m->text, m->size, m->at,
                           PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, w->data, w->context);
    if (code >= 0) {
        const size_t *place = pcre2_get_ovector_pointer(w->data);
        *from = place[0];
        *to = place[1];
        return 1;
    }
    if (code == PCRE2_ERROR_NOMATCH)
        return 0;
    if (code == PCRE2_ERROR_NOMEMORY)
        return text_short(err);
    pcre2_get_error_message(code, (PCRE2_UCHAR *)cause, sizeof cause);
    return error_set(err, STATUS_INPUT,
                     "a regular expression of the tokenizer takes too much on this text: %s",
                     cause);
}

static int search_plain(const struct matches *m, size_t *from, size_t *to)
{
    const struct pattern *p = m->pattern;
    const char *at = memmem(m->text + m->at, m->size - m->at, p->plain, p->size);
    if (!at)
        return 0;
    *from = (size_t)(at - m->text);
    *to = *from + p->size;
    return 1;
}

/* The character at m->at is passed over. */
static void pass_over(struct matches *m)
{
    uint32_t point;
    const size_t n = m->at < m->size ? utf8_read(m->text + m->at, m->size - m->at, &point) : 0;
    m->at += n ? n : 1;
}

int pattern_next(struct pattern_work *w, struct matches *m, size_t *from, size_t *to,
                 struct error *err)
{
    while (m->at <= m->size) {
        const int found =
            m->pattern->code ? search_regex(w, m, from, to, err) : search_plain(m, from, to);
        if (found <= 0)
            return found;
        m->at = *to;
        if (*from != *to || !m->any || m->last != *to) {
            m->any = 1;
            m->last = *to;
            return 1;
        }
        pass_over(m);
    }
    return 0;
}
