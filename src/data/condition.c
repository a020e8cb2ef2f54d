/* SPDX-License-Identifier: MIT */
#include "data/condition.h"

#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/features.h"
#include "util/block.h"

#define DEPTH_MAX 32

enum relation { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL };

/* One side of a comparison. */
struct side {
    struct feature *feature; /* NULL: the number */
    double number;
};

enum step_kind { COMPARE, AND, OR, NOT };

/*
 * A condition is a list of steps in the order in which a stack is worked on (Hamblin 1962): COMPARE
 * puts a value onto it, NOT changes the uppermost, AND and OR make one of the two uppermost.
 */
struct step {
    enum step_kind kind;
    enum relation relation; /* of COMPARE */
    struct side side[2];
};

struct condition {
    struct step *step;
    size_t steps;
    size_t height; /* most values on the stack at once */
};

struct parser {
    const char *whole, *at;
    struct condition *condition;
    struct error *err;
    int depth;
    size_t height; /* of the stack behind the last step */
};

static int fault(struct parser *p, const char *cause, const char *text)
{
    char whole[CSV_SHOWN], shown[CSV_SHOWN];
    return error_set(p->err, STATUS_USAGE, "'%s': %s%s", csv_show(p->whole, whole), cause,
                     csv_show(text, shown));
}

static int no_memory(struct parser *p)
{
    char whole[CSV_SHOWN];
    return error_set(p->err, STATUS_FAILED, "'%s': out of memory", csv_show(p->whole, whole));
}

static int blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct parser *p)
{
    while (blank(*p->at))
        p->at++;
}

/* Bytes of a word at `at`, where one may begin: 0 if it is not there. */
static size_t word_length(const char *at, const char *word)
{
    size_t n = strlen(word);
    char start[8];
    if (strnlen(at, n) < n)
        return 0;
    memcpy(start, at, n);
    start[n] = 0;
    return csv_same_name(start, word) && (!at[n] || blank(at[n]) || strchr("()<=>!", at[n])) ? n
                                                                                             : 0;
}

static int take_word(struct parser *p, const char *word)
{
    size_t n = word_length(p->at, word);
    p->at += n;
    if (n)
        skip_blanks(p);
    return n > 0;
}

static int any_word(const char *at)
{
    return word_length(at, "and") || word_length(at, "or") || word_length(at, "not");
}

/* The end of the side that begins at `at`: an operator, a word or a parenthesis that ends it. */
static const char *side_end(const char *at)
{
    int depth = 0, quoted = 0;
    for (const char *begin = at; *at; at++) {
        quoted ^= *at == '"';
        if (quoted)
            continue;
        if (*at == '(')
            depth++;
        else if (*at == ')' && --depth < 0)
            break;
        else if (!depth && strchr("<=>!", *at))
            break;
        else if (!depth && (at == begin || blank(at[-1]) || at[-1] == ')') && any_word(at))
            break;
    }
    return at;
}

static int parse_side(struct parser *p, struct side *side)
{
    skip_blanks(p);
    const char *begin = p->at, *end = side_end(begin);
    p->at = end;
    while (end > begin && blank(end[-1]))
        end--;
    if (end == begin)
        return fault(p,
                     *p->at ? "a number or a feature is missing before "
                            : "a number or a feature is missing at the end",
                     p->at);
    char *text = strndup(begin, (size_t)(end - begin));
    if (!text)
        return no_memory(p);
    int result = 0;
    enum csv_parsed parsed = csv_parse_number(text, strlen(text), &side->number);
    if (parsed == CSV_OUT_OF_RANGE)
        result = fault(p, "too large: ", text);
    else if (parsed == CSV_NOT_A_NUMBER && !(side->feature = feature_parse(text, p->err)))
        result = -1;
    free(text);
    return result;
}

static int parse_relation(struct parser *p, enum relation *relation)
{
    static const char *const names[] = {"<=", ">=", "==", "!=", "<", ">"};
    static const enum relation relations[] = {LESS_EQUAL, GREATER_EQUAL, EQUAL,
                                              NOT_EQUAL,  LESS,          GREATER};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (!strncmp(p->at, names[i], n)) {
            p->at += n;
            *relation = relations[i];
            return 0;
        }
    }
    return fault(p,
                 *p->at ? "one of < <= > >= == != is missing before "
                        : "one of < <= > >= == != is missing at the end",
                 p->at);
}

/* Appends a step, zeroed but for its kind; NULL: memory. */
static struct step *append(struct parser *p, enum step_kind kind)
{
    struct condition *c = p->condition;
    struct step *more = realloc(c->step, (c->steps + 1) * sizeof *more);
    if (!more) {
        no_memory(p);
        return NULL;
    }
    c->step = more;
    struct step *step = memset(&more[c->steps++], 0, sizeof *step);
    step->kind = kind;
    p->height += kind == COMPARE;
    p->height -= kind == AND || kind == OR;
    c->height = p->height > c->height ? p->height : c->height;
    return step;
}

static int parse_comparison(struct parser *p)
{
    struct step *step = append(p, COMPARE);
    if (!step || parse_side(p, &step->side[0]) || parse_relation(p, &step->relation) ||
        parse_side(p, &step->side[1]))
        return -1;
    skip_blanks(p);
    return 0;
}

static int parse_condition(struct parser *p);

static int parse_negation(struct parser *p)
{
    int result;
    skip_blanks(p);
    if (++p->depth > DEPTH_MAX)
        return fault(p, "nested too deeply", "");
    if (take_word(p, "not")) {
        result = parse_negation(p) || !append(p, NOT) ? -1 : 0;
    } else if (*p->at == '(') {
        p->at++;
        result = parse_condition(p);
        if (!result && *p->at != ')')
            result = fault(p, *p->at ? "not expected: " : "')' is missing", p->at);
        if (!result)
            p->at++;
        skip_blanks(p);
    } else {
        result = parse_comparison(p);
    }
    p->depth--;
    return result;
}

static int parse_conjunction(struct parser *p)
{
    if (parse_negation(p))
        return -1;
    while (take_word(p, "and")) {
        if (parse_negation(p) || !append(p, AND))
            return -1;
    }
    return 0;
}

static int parse_condition(struct parser *p)
{
    if (parse_conjunction(p))
        return -1;
    while (take_word(p, "or")) {
        if (parse_conjunction(p) || !append(p, OR))
            return -1;
    }
    return 0;
}

struct condition *condition_parse(const char *text, struct error *err)
{
    char *inside;
    if (feature_unquoted(text, &inside)) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    if (inside) { /* 0.1.0 took conditions in quotes */
        struct condition *condition = condition_parse(inside, err);
        free(inside);
        return condition;
    }
    struct parser p = {.whole = text, .at = text, .err = err};
    p.condition = calloc(1, sizeof *p.condition);
    int result = p.condition ? parse_condition(&p) : no_memory(&p);
    if (!result && *p.at)
        result = fault(&p, "not expected: ", p.at);
    if (!result)
        return p.condition;
    condition_free(p.condition);
    return NULL;
}

void condition_free(struct condition *condition)
{
    if (!condition)
        return;
    for (size_t i = 0; i < condition->steps; i++) {
        feature_free(condition->step[i].side[0].feature);
        feature_free(condition->step[i].side[1].feature);
    }
    free(condition->step);
    free(condition);
}

int condition_columns(struct condition *condition, char ***names, size_t *count)
{
    for (size_t i = 0; i < 2 * condition->steps; i++) {
        struct feature *feature = condition->step[i / 2].side[i % 2].feature;
        if (feature && feature_columns(feature, names, count))
            return -1;
    }
    return 0;
}

int condition_reads(const struct condition *condition, const char *column)
{
    for (size_t i = 0; i < 2 * condition->steps; i++) {
        const struct feature *feature = condition->step[i / 2].side[i % 2].feature;
        if (feature && feature_reads(feature, column))
            return 1;
    }
    return 0;
}

size_t condition_warmup(const struct condition *condition)
{
    size_t most = 0;
    for (size_t i = 0; i < 2 * condition->steps; i++) {
        const struct feature *feature = condition->step[i / 2].side[i % 2].feature;
        size_t rows = feature ? feature_warmup(feature) : 0;
        most = rows > most ? rows : most;
    }
    return most;
}

/* Comparisons with NaN, in a warm-up, are overwritten in the end. */
static int holds(enum relation relation, double a, double b)
{
    switch (relation) {
    case LESS:
        return a < b;
    case LESS_EQUAL:
        return a <= b;
    case GREATER:
        return a > b;
    case GREATER_EQUAL:
        return a >= b;
    case EQUAL:
        return a == b;
    case NOT_EQUAL:
        return a != b;
    }
    return 0;
}

/* side[2][rows] is room for the values of both sides. */
static int compare(const struct step *step, const struct table *table, struct run run, double *side,
                   unsigned char *out, struct error *err)
{
    size_t rows = run.end - run.begin;
    for (size_t i = 0; i < 2; i++) {
        const struct side *s = &step->side[i];
        if (s->feature && feature_compute(s->feature, table, run, side + i * rows, err))
            return -1;
        for (size_t t = 0; t < rows && !s->feature; t++)
            side[i * rows + t] = s->number;
    }
    for (size_t t = 0; t < rows; t++)
        out[t] = (unsigned char)holds(step->relation, side[t], side[rows + t]);
    return 0;
}

int condition_compute(const struct condition *condition, const struct table *table, struct run run,
                      unsigned char *out, struct error *err)
{
    size_t rows = run.end - run.begin, warmup = condition_warmup(condition);
    double *side = block_new(2 * rows * sizeof *side);
    unsigned char *stack = block_new(condition->height * rows), *top = stack; /* [height][rows] */
    int result =
        side && stack ? 0 : error_set(err, STATUS_FAILED, "%s: out of memory", table->path);
    for (size_t i = 0; i < condition->steps && !result; i++) {
        const struct step *step = &condition->step[i];
        if (step->kind == COMPARE) {
            result = compare(step, table, run, side, top, err);
            top += rows;
            continue;
        }
        top -= step->kind == NOT ? 0 : rows;
        unsigned char *a = top - rows; /* AND, OR: the other one lies at top */
        for (size_t t = 0; t < rows; t++)
            a[t] = step->kind == NOT ? !a[t] : step->kind == AND ? a[t] & top[t] : a[t] | top[t];
    }
    for (size_t t = 0; t < rows && !result; t++)
        out[t] = t >= warmup && stack[t];
    block_free(side);
    block_free(stack);
    return result;
}
