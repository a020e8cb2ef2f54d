/* SPDX-License-Identifier: MIT */
#include "cfile/cfile.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cfile/helpers.h"
#include "util/array.h"

#define HELPERS_MOST 64

/* Numbers of a parameter or of a constant. */
struct table {
    char *name; /* in C; owned */
    const struct tensor *of;
};

/* Where a tensor lies. */
struct bound {
    const struct tensor *tensor;
    const char *place;
    size_t span; /* 1 + its place in `span`; 0: it is none's */
};

/* A part of the work space, taken or free. */
struct span {
    size_t from, floats;
    int taken;
};

struct cfile {
    cfile_reader *read;
    void *ctx;
    int streams, failed;
    struct error fault; /* where it failed */
    char **text;        /* [texts] that callers hold, and calls */
    size_t texts;
    const char **call; /* [calls] */
    size_t calls;
    struct table **table;
    size_t tables;
    struct bound **bound;
    size_t bounds;
    struct span **span; /* in no order */
    size_t spans, room; /* room: the first span of cfile_room() that is open; 0: none */
    size_t work, kept, numbers;
    unsigned char used[HELPERS_MOST];
};

struct cfile *cfile_new(cfile_reader *read, void *ctx, int streams)
{
    struct cfile *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->read = read;
    c->ctx = ctx;
    c->streams = streams;
    return c;
}

static void free_all(void **item, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(item[i]);
    free(item);
}

void cfile_free(struct cfile *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->tables; i++)
        free(c->table[i]->name);
    free_all((void **)c->text, c->texts);
    free_all((void **)c->table, c->tables);
    free_all((void **)c->bound, c->bounds);
    free_all((void **)c->span, c->spans);
    free(c->call);
    free(c);
}

int cfile_check(const struct cfile *c, struct error *err)
{
    if (c->failed)
        *err = c->fault;
    return c->failed ? -1 : 0;
}

void cfile_fault(struct cfile *c, const char *format, ...)
{
    char text[512];
    va_list ap;
    if (c->failed)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    c->failed = 1;
    error_set(&c->fault, STATUS_USAGE, "%s", text);
}

void cfile_no_memory(struct cfile *c)
{
    if (!c->failed)
        error_set(&c->fault, STATUS_FAILED, "out of memory");
    c->failed = 1;
}

int cfile_streams(const struct cfile *c)
{
    return c->streams;
}

/* Takes over a text; "" without memory. */
static const char *keep(struct cfile *c, char *text)
{
    char **more = text ? realloc(c->text, (c->texts + 1) * sizeof *more) : NULL;
    if (!more) {
        free(text);
        cfile_no_memory(c);
        return "";
    }
    c->text = more;
    return c->text[c->texts++] = text;
}

static const char *named(struct cfile *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static const char *named(struct cfile *c, const char *format, ...)
{
    va_list ap;
    char *text = NULL;
    va_start(ap, format);
    const int length = vasprintf(&text, format, ap);
    va_end(ap);
    return keep(c, length < 0 ? NULL : text);
}

/* --- the work space */

/* A free span of so many floats, else a new one at the end. 1 + its place; 0 with a fault. */
static size_t take(struct cfile *c, size_t floats)
{
    struct span *best = NULL;
    for (size_t i = 0; i < c->spans; i++) {
        struct span *s = c->span[i];
        if (!s->taken && s->floats >= floats && (!best || s->floats < best->floats))
            best = s;
    }
    if (best && best->floats / 2 <= floats) {
        best->taken = 1;
        for (size_t i = 0; i < c->spans; i++)
            if (c->span[i] == best)
                return i + 1;
    }
    struct span *s = c->failed ? NULL : array_append((void ***)&c->span, &c->spans, sizeof *s);
    if (!s || floats > CFILE_MOST - c->work) {
        if (s)
            cfile_fault(c, "its window needs a work space of more than %zu numbers", CFILE_MOST);
        else
            cfile_no_memory(c);
        return 0;
    }
    *s = (struct span){.from = c->work, .floats = floats, .taken = 1};
    c->work += floats;
    return c->spans;
}

static const char *place_of(struct cfile *c, size_t span)
{
    return span ? named(c, "w + %zu", c->span[span - 1]->from) : "";
}

const char *cfile_room(struct cfile *c, size_t floats)
{
    const size_t span = take(c, floats);
    if (span && !c->room)
        c->room = span;
    return place_of(c, span);
}

/* Spans that were taken since the first of them are its operation's, but for those of tensors. */
void cfile_room_end(struct cfile *c)
{
    for (size_t i = 0; c->room && i < c->spans; i++) {
        int is_bound = 0;
        for (size_t k = 0; k < c->bounds; k++)
            is_bound |= c->bound[k]->span == i + 1;
        c->span[i]->taken &= is_bound;
    }
    c->room = 0;
}

/* --- places */

static struct bound *find(const struct cfile *c, const struct tensor *t)
{
    for (size_t i = c->bounds; i-- > 0;)
        if (c->bound[i]->tensor == t)
            return c->bound[i];
    return NULL;
}

static const char *bind(struct cfile *c, const struct tensor *t, const char *place, size_t span)
{
    struct bound *b = c->failed ? NULL : array_append((void ***)&c->bound, &c->bounds, sizeof *b);
    if (!b) {
        cfile_no_memory(c);
        return "";
    }
    *b = (struct bound){t, place, span};
    return place;
}

static int is_taken(const struct cfile *c, const char *name)
{
    for (size_t i = 0; i < c->tables; i++)
        if (!strcmp(c->table[i]->name, name))
            return 1;
    for (size_t i = 0; cfile_helpers[i].name; i++)
        if (!strcmp(cfile_helpers[i].name, name))
            return 1;
    return 0;
}

/* The name in C of a parameter: letters, digits and _, one at least, as words of the language and
 * local variables have none. */
static char *name_of(const struct cfile *c, const char *name)
{
    char *made = NULL;
    const char *before = isalpha((unsigned char)*name) ? "" : "m_";
    if (asprintf(&made, "%s%s%s", before, name, strchr(name, '.') ? "" : "_table") < 0)
        return NULL;
    for (char *at = made; *at; at++)
        if (!isalnum((unsigned char)*at) || (unsigned char)*at > 127)
            *at = '_';
    while (is_taken(c, made)) {
        char *longer = NULL;
        const int failed = asprintf(&longer, "%s_", made) < 0;
        free(made);
        if (failed)
            return NULL;
        made = longer;
    }
    return made;
}

/* A parameter or a constant gets its table. */
static const char *table_of(struct cfile *c, const struct tensor *t)
{
    if (t->kind != TENSOR_PARAM && !t->initial) {
        cfile_fault(c, "%s: nothing has made these numbers", t->name);
        return "";
    }
    if (t->elems > CFILE_MOST - c->numbers) {
        cfile_fault(c, "its parameters are more than %zu numbers", CFILE_MOST);
        return "";
    }
    char *name = name_of(c, t->name);
    struct table *table =
        name ? array_append((void ***)&c->table, &c->tables, sizeof *table) : NULL;
    if (!table) {
        free(name);
        cfile_no_memory(c);
        return "";
    }
    *table = (struct table){name, t};
    c->numbers += t->elems;
    return bind(c, t, name, 0);
}

const char *cfile_of(struct cfile *c, struct tensor *t)
{
    const struct tensor *base = tensor_base(t);
    const struct bound *b = c->failed ? NULL : find(c, base);
    if (c->failed)
        return "";
    return b ? b->place : table_of(c, base);
}

const char *cfile_make(struct cfile *c, struct tensor *t)
{
    const size_t span = take(c, t->elems);
    return bind(c, t, place_of(c, span), span);
}

void cfile_same(struct cfile *c, struct tensor *t, struct tensor *as)
{
    const char *place = cfile_of(c, as);
    const struct bound *b = find(c, tensor_base(as));
    bind(c, t, place, b ? b->span : 0);
}

/* Others may have the same place. */
void cfile_release(struct cfile *c, const struct tensor *t)
{
    struct bound *b = find(c, t);
    if (!b || !b->span)
        return;
    const size_t span = b->span;
    int others = 0;
    b->span = 0;
    b->tensor = NULL;
    for (size_t i = 0; i < c->bounds; i++)
        others |= c->bound[i]->span == span;
    c->span[span - 1]->taken = others;
}

const char *cfile_state(struct cfile *c, size_t floats)
{
    if (!c->streams) {
        const char *room = cfile_room(c, floats);
        cfile_call(c, "clear", "%s, %zu", room, floats);
        return room;
    }
    if (floats > CFILE_MOST - c->kept) {
        cfile_fault(c, "its state has more than %zu numbers", CFILE_MOST);
        return "";
    }
    const char *place = named(c, "s->kept + %zu", c->kept);
    c->kept += floats;
    return place;
}

/* --- code */

static void append(struct cfile *c, const char *line)
{
    const char **more = c->failed ? NULL : realloc(c->call, (c->calls + 1) * sizeof *more);
    if (!more) {
        cfile_no_memory(c);
        return;
    }
    c->call = more;
    c->call[c->calls++] = line;
}

void cfile_need(struct cfile *c, const char *function)
{
    for (size_t i = 0; cfile_helpers[i].name && i < HELPERS_MOST; i++) {
        if (strcmp(cfile_helpers[i].name, function) != 0 || c->used[i])
            continue;
        c->used[i] = 1;
        if (cfile_helpers[i].needs)
            cfile_need(c, cfile_helpers[i].needs);
    }
}

void cfile_call(struct cfile *c, const char *function, const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, format);
    const int length = vasprintf(&text, format, ap);
    va_end(ap);
    const char *arguments = keep(c, length < 0 ? NULL : text);
    cfile_need(c, function);
    append(c, named(c, "%s(%s);", function, arguments));
}

void cfile_note(struct cfile *c, const char *text)
{
    append(c, named(c, "/* %s */", text));
}

/* "%.9g" with a point or an exponent in it. */
static const char *real_text(char to[40], float value)
{
    snprintf(to, 36, "%.9g", (double)value);
    return strcat(to, strpbrk(to, ".en") ? "f" : ".0f");
}

const char *cfile_real(struct cfile *c, double value)
{
    char text[40];
    return named(c, "%s", real_text(text, (float)value));
}

/* --- the file */

size_t cfile_kept(const struct cfile *c)
{
    return c->kept;
}

size_t cfile_work(const struct cfile *c)
{
    return c->work;
}

size_t cfile_numbers(const struct cfile *c)
{
    return c->numbers;
}

void cfile_write_floats(FILE *to, const char *name, size_t count, const float *value)
{
    char text[40];
    fprintf(to, "static const float %s[%zu] = {", name, count);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%s%s,", i % 6 ? " " : "\n    ", real_text(text, value[i]));
    fputs("\n};\n", to);
}

void cfile_write_doubles(FILE *to, const char *name, size_t count, const double *value)
{
    char text[40];
    fprintf(to, "static const double %s[%zu] = {", name, count);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, 36, "%.17g", value[i]);
        fprintf(to, "%s%s%s,", i % 4 ? " " : "\n    ", text, strpbrk(text, ".en") ? "" : ".0");
    }
    fputs("\n};\n", to);
}

static void write_table(struct cfile *c, const struct table *t, FILE *to)
{
    const struct tensor *of = t->of;
    char shape[128];
    float *value = of->initial ? of->initial : malloc(of->elems * sizeof *value + 1);
    if (!value)
        cfile_no_memory(c);
    else if (!of->initial && c->read(c->ctx, of, value, &c->fault))
        c->failed = 1;
    else {
        fprintf(to, "/* %s %s */\n", of->name, tensor_shape_text(of, shape, sizeof shape));
        cfile_write_floats(to, t->name, of->elems, value);
        fputs("\n", to);
    }
    if (value != of->initial)
        free(value);
}

void cfile_write_tables(struct cfile *c, FILE *to)
{
    for (size_t i = 0; cfile_helpers[i].name && i < HELPERS_MOST; i++)
        if (c->used[i])
            fprintf(to, "%s\n", cfile_helpers[i].text);
    for (size_t i = 0; i < c->tables && !c->failed; i++)
        write_table(c, c->table[i], to);
}

void cfile_write_calls(struct cfile *c, FILE *to)
{
    for (size_t i = 0; i < c->calls; i++)
        fprintf(to, "    %s\n", c->call[i]);
}
