/* SPDX-License-Identifier: MIT */
#include "data/transform.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/item.h"
#include "util/block.h"
#include "util/clocale.h"
#include "util/jsonmem.h"
#include "util/near.h"

/* Powers beyond these leave nothing of most values. */
#define POWER_LEAST 0.01
#define POWER_MOST 100

/* What each kind is called and what may be written behind it. */
static const struct kind {
    const char *name;
    const char *parameter[2]; /* NULL: none */
    int fitted;
    const char *needs; /* what a value without a transform lacks; NULL: "a smaller value" */
} kinds[] = {
    [TRANSFORM_LOG] = {"log", {NULL, NULL}, 0, "a value above 0"},
    [TRANSFORM_SIGNED_LOG] = {"signed_log", {NULL, NULL}, 0, NULL},
    [TRANSFORM_SQRT] = {"sqrt", {NULL, NULL}, 0, "a value from 0 on"},
    [TRANSFORM_SIGNED_SQRT] = {"signed_sqrt", {NULL, NULL}, 0, NULL},
    [TRANSFORM_POWER] = {"power", {"p", NULL}, 0, NULL},
    [TRANSFORM_CLIP] = {"clip", {"low", "high"}, 0, NULL},
    [TRANSFORM_SCALE] = {"scale", {"low", "high"}, 1, NULL},
    [TRANSFORM_STANDARD] = {"standard", {NULL, NULL}, 1, NULL},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (csv_same_name(kinds[i].name, name))
            return &kinds[i];
    }
    return NULL;
}

/* What is wrong with a step's parameters, NULL if nothing is. */
static const char *wrong_parameters(const struct transform_step *step)
{
    if (!isfinite(step->a) || !isfinite(step->b))
        return "a number that is not finite";
    if (step->kind == TRANSFORM_POWER && !(step->a >= POWER_LEAST && step->a <= POWER_MOST))
        return "p must lie between 0.01 and 100";
    if (step->kind == TRANSFORM_CLIP || step->kind == TRANSFORM_SCALE) {
        if (!(step->a < step->b))
            return "low must be below high";
        if (!isfinite(step->b - step->a))
            return "low and high are too far apart";
    }
    return NULL;
}

/* --- reading "clip(-0.1,0.1)" */

static int unknown(const char *item, const char *name, struct error *err)
{
    char shown[CSV_SHOWN];
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < KINDS; i++) {
        if (near_is_nearer(name, kinds[i].name, &best))
            near = kinds[i].name;
    }
    csv_show(name, shown);
    if (near)
        return item_fault(err, item, "there is no transform %s; did you mean %s?", shown, near);
    return item_fault(
        err, item,
        "there is no transform %s; there are none, log, signed_log, sqrt, signed_sqrt, "
        "power(p), clip(low,high), scale(low,high) and standard",
        shown);
}

/* "(", the kind's parameters, ")" and nothing else; or, without parameters, the end. */
static int parse_parameters(struct transform_step *step, const char *item, const char *at,
                            struct error *err)
{
    const struct kind *kind = &kinds[step->kind];
    double *value[] = {&step->a, &step->b};
    char shown[CSV_SHOWN];
    for (int i = 0; i < 2 && kind->parameter[i]; i++) {
        if (*at != (i ? ',' : '('))
            return item_fault(err, item, "%s of %s is missing", kind->parameter[i], kind->name);
        if (item_number(&at, value[i]))
            return item_fault(err, item, "%s of %s must be a number", kind->parameter[i],
                              kind->name);
    }
    if (kind->parameter[0] && *at++ != ')')
        return item_fault(err, item, "')' is missing");
    at += strspn(at, " \t");
    if (*at)
        return item_fault(err, item, "not expected behind %s: %s", kind->name, csv_show(at, shown));
    return 0;
}

static int parse_step(struct transform_step *step, const char *item, struct error *err)
{
    char name[ITEM_NAME];
    const char *behind = item_name(item, name);
    const struct kind *kind = find_kind(name);
    if (!kind)
        return unknown(item, name, err);
    *step = (struct transform_step){.kind = (enum transform_kind)(kind - kinds), .scale = 1};
    if (parse_parameters(step, item, behind, err))
        return -1;
    const char *wrong = wrong_parameters(step);
    return wrong ? item_fault(err, item, "%s", wrong) : 0;
}

int transform_parse(struct transform *t, const struct list *items, struct error *err)
{
    memset(t, 0, sizeof *t);
    if (items->count == 1 && csv_same_name(items->item[0], "none"))
        return 0;
    for (size_t i = 0; i < items->count; i++) {
        if (t->steps == TRANSFORM_STEPS)
            return item_fault(err, items->item[i], "more than %d transforms", TRANSFORM_STEPS);
        if (csv_same_name(items->item[i], "none"))
            return item_fault(err, items->item[i], "none stands alone");
        if (parse_step(&t->step[t->steps], items->item[i], err))
            return -1;
        t->steps++;
    }
    return 0;
}

/* --- forward and back */

static double step_forward(const struct transform_step *s, double x)
{
    switch (s->kind) {
    case TRANSFORM_LOG:
        return x > 0 ? log(x) : NAN;
    case TRANSFORM_SIGNED_LOG:
        return copysign(log1p(fabs(x)), x);
    case TRANSFORM_SQRT:
        return x >= 0 ? sqrt(x) : NAN;
    case TRANSFORM_SIGNED_SQRT:
        return copysign(sqrt(fabs(x)), x);
    case TRANSFORM_POWER:
        return copysign(pow(fabs(x), s->a), x);
    case TRANSFORM_CLIP:
        return x < s->a ? s->a : x > s->b ? s->b : x;
    case TRANSFORM_SCALE:
    case TRANSFORM_STANDARD:
        return (x - s->offset) / s->scale;
    }
    return NAN;
}

/* NaN stays. */
double transform_forward(const struct transform *t, double x)
{
    for (size_t i = 0; i < t->steps; i++)
        x = step_forward(&t->step[i], x);
    return isfinite(x) ? x : NAN;
}

int transform_mirror(const struct transform *t, double centre, double *sum)
{
    for (size_t i = 0; i < t->steps; i++) {
        const struct transform_step *s = &t->step[i];
        const int fitted = kinds[s->kind].fitted;
        const int odd = s->kind == TRANSFORM_SIGNED_LOG || s->kind == TRANSFORM_SIGNED_SQRT ||
                        s->kind == TRANSFORM_POWER;
        if (!fitted && !(odd && centre == 0) &&
            !(s->kind == TRANSFORM_CLIP && s->a + s->b == 2 * centre))
            return -1;
        if (fitted)
            centre = (centre - s->offset) / s->scale;
    }
    *sum = 2 * centre;
    return 0;
}

int transform_gain(const struct transform *t, double *gain)
{
    *gain = 1;
    for (size_t i = 0; i < t->steps; i++) {
        if (!kinds[t->step[i].kind].fitted)
            return -1;
        *gain /= t->step[i].scale;
    }
    return 0;
}

static double bring_back(double y, double low, double high, int *beyond)
{
    *beyond |= y < low || y > high;
    return y < low ? low : y > high ? high : y;
}

/* What a step can give: [low, high]. Of clip and the fitted ones it is every number. */
static void step_range(const struct transform_step *s, double *low, double *high)
{
    *high = DBL_MAX;
    if (s->kind == TRANSFORM_LOG)
        *high = log(DBL_MAX);
    else if (s->kind == TRANSFORM_SIGNED_LOG)
        *high = log1p(DBL_MAX);
    else if (s->kind == TRANSFORM_SQRT || s->kind == TRANSFORM_SIGNED_SQRT)
        *high = sqrt(DBL_MAX);
    else if (s->kind == TRANSFORM_POWER && s->a < 1)
        *high = pow(DBL_MAX, s->a);
    *low = s->kind == TRANSFORM_SQRT ? 0 : s->kind == TRANSFORM_LOG ? -DBL_MAX : -*high;
}

static double step_inverse(const struct transform_step *s, double y, int *beyond)
{
    double low, high, x;
    step_range(s, &low, &high);
    y = bring_back(y, low, high, beyond);
    switch (s->kind) {
    case TRANSFORM_LOG:
        x = exp(y);
        break;
    case TRANSFORM_SIGNED_LOG:
        x = copysign(expm1(fabs(y)), y);
        break;
    case TRANSFORM_SQRT:
        x = y * y;
        break;
    case TRANSFORM_SIGNED_SQRT:
        x = y * fabs(y);
        break;
    case TRANSFORM_POWER:
        x = copysign(pow(fabs(y), 1 / s->a), y);
        break;
    case TRANSFORM_SCALE:
    case TRANSFORM_STANDARD:
        x = y * s->scale + s->offset;
        break;
    default: /* clip */
        x = y;
    }
    return bring_back(x, -DBL_MAX, DBL_MAX, beyond);
}

double transform_inverse(const struct transform *t, double y, size_t *outside)
{
    int beyond = 0;
    for (size_t i = t->steps; i-- > 0;)
        y = step_inverse(&t->step[i], y, &beyond);
    if (outside && beyond)
        ++*outside;
    return y;
}

/* --- fitting */

/*
 * Mean and standard deviation, over count. u = (y - low) / range lies in [0, 1], so that no square
 * overflows and no digits go where values are large beside their spread.
 */
static void fit_standard(struct transform_step *s, const double *y, size_t count, double low,
                         double range)
{
    long double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += (y[i] - low) / range;
    double mean = (double)(sum / (long double)count);
    for (size_t i = 0; i < count; i++) {
        double d = (y[i] - low) / range - mean;
        squares += d * d;
    }
    s->scale = range * (double)sqrtl(squares / (long double)count);
    s->offset = low + range * mean;
}

/* Offset and scale from the values that the steps before give. */
static int fit(struct transform_step *s, const double *y, size_t count, size_t *bad, int *constant,
               struct error *err)
{
    size_t least = 0, most = 0;
    for (size_t i = 1; i < count; i++) {
        least = y[i] < y[least] ? i : least;
        most = y[i] > y[most] ? i : most;
    }
    double low = y[least], range = y[most] - low;
    s->scale = s->offset = 0;
    if (s->kind == TRANSFORM_SCALE) { /* y[least] to a, y[most] to b */
        s->scale = range / (s->b - s->a);
        s->offset = low - s->a * s->scale;
    } else if (range > 0) {
        fit_standard(s, y, count, low, range);
    }
    if (!isfinite(s->scale) || !isfinite(s->offset)) {
        *bad = most;
        return error_set(err, STATUS_INPUT, "%s: values from %g to %g are too far apart",
                         kinds[s->kind].name, low, y[most]);
    }
    if (!(s->scale > 0)) {
        *constant = 1;
        s->scale = 1;
        s->offset = s->kind == TRANSFORM_SCALE ? low - s->a : low;
    }
    return 0;
}

/* Puts what step s gives in the place of y[count]. */
static int apply(const struct transform_step *s, double *y, size_t count, size_t *bad,
                 struct error *err)
{
    const struct kind *kind = &kinds[s->kind];
    for (size_t i = 0; i < count; i++) {
        double value = step_forward(s, y[i]);
        if (!isfinite(value)) {
            *bad = i;
            return error_set(err, STATUS_INPUT, "%s of %g: it needs %s", kind->name, y[i],
                             kind->needs ? kind->needs : "a smaller value");
        }
        y[i] = value;
    }
    return 0;
}

int transform_fit(struct transform *t, const double *x, size_t count, size_t *bad, int *constant,
                  struct error *err)
{
    *bad = 0;
    *constant = 0;
    if (!count)
        return error_set(err, STATUS_INPUT, "there is no value to fit a transform to");
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) {
            *bad = i;
            return error_set(err, STATUS_INPUT, "%g has no transform", x[i]);
        }
    }
    double *y = block_new(count * sizeof *y);
    if (!y)
        return error_set(err, STATUS_FAILED, "out of memory for a transform");
    memcpy(y, x, count * sizeof *y);
    int result = 0;
    locale_t before = clocale_enter();
    for (size_t i = 0; i < t->steps && !result; i++) {
        struct transform_step *s = &t->step[i];
        if (kinds[s->kind].fitted)
            result = fit(s, y, count, bad, constant, err);
        if (!result)
            result = apply(s, y, count, bad, err);
    }
    clocale_leave(before);
    block_free(y);
    return result;
}

/* --- as text: [[{"step": "clip", "low": -1, "high": 1}, {"step": "standard", "offset": ...}]] */

/* NULL: memory. */
static json_t *step_json(const struct transform_step *s)
{
    const struct kind *kind = &kinds[s->kind];
    const double value[] = {s->a, s->b};
    json_t *object = json_pack("{s:s}", "step", kind->name);
    int failed = 0;
    for (int i = 0; i < 2 && kind->parameter[i]; i++)
        failed |= json_object_set_new(object, kind->parameter[i], json_real(value[i]));
    if (kind->fitted) {
        failed |= json_object_set_new(object, "offset", json_real(s->offset));
        failed |= json_object_set_new(object, "scale", json_real(s->scale));
    }
    if (failed)
        json_decref(object);
    return failed ? NULL : object;
}

char *transform_text(const struct transform *t, size_t count)
{
    json_t *all = json_array();
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        json_t *chain = json_array();
        for (size_t k = 0; k < t[i].steps; k++)
            failed |= json_array_append_new(chain, step_json(&t[i].step[k]));
        failed |= json_array_append_new(all, chain);
    }
    char *text = all && !failed ? jsonmem_dumps(all, JSON_REAL_PRECISION(17)) : NULL;
    json_decref(all);
    return text;
}

static int read_number(const json_t *object, const char *key, double *value, struct error *err)
{
    const json_t *number = json_object_get(object, key);
    if (!json_is_number(number))
        return error_set(err, STATUS_INPUT, "transform: '%s' is no number", key);
    *value = json_number_value(number);
    return 0;
}

static int read_step(struct transform_step *s, const json_t *object, struct error *err)
{
    const char *name = json_string_value(json_object_get(object, "step"));
    const struct kind *kind = name ? find_kind(name) : NULL;
    if (!kind)
        return error_set(err, STATUS_INPUT, "transform: a step that is not known");
    *s = (struct transform_step){.kind = (enum transform_kind)(kind - kinds), .scale = 1};
    double *value[] = {&s->a, &s->b};
    for (int i = 0; i < 2 && kind->parameter[i]; i++) {
        if (read_number(object, kind->parameter[i], value[i], err))
            return -1;
    }
    if (kind->fitted && (read_number(object, "offset", &s->offset, err) ||
                         read_number(object, "scale", &s->scale, err)))
        return -1;
    const char *wrong = wrong_parameters(s);
    if (wrong)
        return error_set(err, STATUS_INPUT, "transform: %s: %s", kind->name, wrong);
    if (!isfinite(s->offset) || !isfinite(s->scale) || !(s->scale > 0))
        return error_set(err, STATUS_INPUT, "transform: %s: a scale that is none", kind->name);
    return 0;
}

static int read_chain(struct transform *t, const json_t *chain, struct error *err)
{
    memset(t, 0, sizeof *t);
    size_t steps = json_array_size(chain);
    if (!json_is_array(chain) || steps > TRANSFORM_STEPS)
        return error_set(err, STATUS_INPUT, "transform: no list of at most %d steps",
                         TRANSFORM_STEPS);
    for (t->steps = 0; t->steps < steps; t->steps++) {
        if (read_step(&t->step[t->steps], json_array_get(chain, t->steps), err))
            return -1;
    }
    return 0;
}

int transform_read(struct transform *t, size_t count, const char *text, struct error *err)
{
    char shown[CSV_SHOWN];
    json_error_t fault_at;
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, &fault_at);
    int result = 0;
    if (!all && jsonmem_short())
        result = error_set(err, STATUS_FAILED, "transform: out of memory");
    else if (!all)
        result = error_set(err, STATUS_INPUT, "transform: %s", csv_show(fault_at.text, shown));
    else if (!json_is_array(all) || json_array_size(all) != count)
        result = error_set(err, STATUS_INPUT, "transform: no list of %zu", count);
    for (size_t i = 0; i < count && !result; i++)
        result = read_chain(&t[i], json_array_get(all, i), err);
    json_decref(all);
    return result;
}
