/* SPDX-License-Identifier: MIT */
#include "export/quantised.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fixed/emulated.h"
#include "fixed/measured.h"
#include "ir/graph.h"
#include "run/prepare.h"
#include "run/trained.h"
#include "task/task.h"
#include "train/planned.h"

#define MEASURED_ROWS ((size_t)1 << 16) /* that formats are found by, of a small model */
#define MEASURED_SUMS ((size_t)1 << 28) /* and products in them, of a larger one */

/* --- the model */

static void append(struct fixed *f, struct op *op)
{
    if (op->class->fixed)
        op->class->fixed(f, op);
    else
        fixed_fault(f, "%s: the operation '%s' has no form in integers", op->path, op->class->name);
}

static int append_needed(struct quantised *q, struct model_io *io, struct error *err)
{
    unsigned char *needed = exported_needed(q->graph, io);
    if (!needed)
        return error_set(err, STATUS_FAILED, "out of memory");
    fixed_begin(q->fixed, io->input);
    for (size_t i = 0; i < q->graph->op_count; i++)
        if (needed[i])
            append(q->fixed, q->graph->ops[i]);
    fixed_end(q->fixed, io->output);
    free(needed);
    return fixed_check(q->fixed, err) ? error_prefix(err, "--fixed") : 0;
}

static int build(struct quantised *q, struct exported *e, struct error *err)
{
    struct model_io io;
    const char *why = model_no_integers(e->config);
    if (why)
        return error_set(err, STATUS_USAGE, "--fixed: %s", why);
    const struct model_shape shape = planned_shape(e->data, e->config, 1);
    if (!(q->graph = model_bare(e->params, e->config, 1, &shape, &io)) ||
        !(q->fixed = fixed_new(e->weight_bits, exported_read, e)))
        return error_set(err, STATUS_FAILED, "out of memory");
    return graph_check_built(q->graph, err) || append_needed(q, &io, err) ? -1 : 0;
}

/* --- formats */

/* Windows of the training part: as long as those that judge where it holds such, else those that
 * were trained on. */
struct taught {
    const uint32_t *start;
    size_t count, window;
};

static struct taught windows_of(const struct dataset *data)
{
    struct taught of = {.window = data->eval_window ? data->eval_window : data->window};
    of.start = dataset_windows(data, PART_TRAIN, &of.count);
    if (!of.count)
        of = (struct taught){data->start[PART_TRAIN], data->count[PART_TRAIN], data->window};
    return of;
}

/* Runs some of them, evenly chosen. */
static int measure(struct quantised *q, struct error *err)
{
    const struct dataset *data = q->data;
    const struct taught of = windows_of(data);
    size_t rows = MEASURED_SUMS / (q->fixed->numbers + 1);
    rows = rows > MEASURED_ROWS ? MEASURED_ROWS : rows;
    const size_t windows = rows / of.window + 1, step = of.count / windows + 1;
    struct measured *m = of.count ? measured_new(q->fixed) : NULL;
    if (!of.count)
        return error_set(err, STATUS_INPUT, "--fixed: the training part holds no window");
    if (!m)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < of.count; i += step) {
        measured_reset(m);
        for (size_t t = 0; t < of.window; t++)
            measured_step(m, data->series + (of.start[i] + t) * data->features);
    }
    measured_free(m);
    return fixed_settle(q->fixed, err);
}

/* --- figures */

struct answering {
    struct emulated *emulated;
    const struct fixed_value *in, *out;
    int16_t *row;
};

static void answer(void *ctx, int fresh, const float *rows, size_t count, float *output)
{
    const struct answering *a = ctx;
    if (fresh)
        emulated_reset(a->emulated);
    for (size_t t = 0; t < count; t++) {
        for (size_t f = 0; f < a->in->columns; f++)
            a->row[f] = fixed_number((double)rows[t * a->in->columns + f], a->in->bits);
        const int16_t *y = emulated_step(a->emulated, a->row);
        for (size_t k = 0; k < a->out->columns; k++)
            output[t * a->out->columns + k] = (float)ldexp(y[k], -a->out->bits);
    }
}

/* Which metric tells how good the model is: that of signals, else the root mean squared error. */
static size_t metric_of(const struct measures *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (!strcmp(m->metric[i].name, "nmse_db"))
            return i;
    for (size_t i = 0; i < m->count; i++)
        if (!strcmp(m->metric[i].name, "rmse"))
            return i;
    return 0;
}

static int judge_part(struct quantised *q, struct engine *e, enum part part, const char *name,
                      struct answering *answering, struct log *log, struct error *err)
{
    const struct measures measures = task_measures(e->config);
    struct evaluation ignored;
    int kept = 0;
    struct measuring of = {.e = e, .which = metric_of(&measures), .kept = &kept, .log = log};
    struct quantised_figure *figure = &q->figure[q->figures];
    of.start = dataset_windows(q->data, part, &of.count);
    if (!of.count)
        return 0;
    figure->part = name;
    q->metric = measures.metric[of.which].name;
    int failed = measures.measure(&of, &ignored, &figure->floats, err);
    e->substitute = (struct substitute){answer, answering};
    failed = failed || measures.measure(&of, &ignored, &figure->integers, err);
    e->substitute = (struct substitute){0};
    q->figures += !failed;
    return failed ? -1 : 0;
}

static int judge(struct quantised *q, struct exported *e, struct answering *a, struct error *err)
{
    struct engine_options with = prepare_engine(e->log, 0, 0);
    with.session = e->session;
    struct engine *engine = prepare_open(e->checkpoint->config, q->data, with, e->log, err);
    const int failed = !engine || trained_load(e->checkpoint, e->path, engine, err) ||
                       judge_part(q, engine, PART_VALIDATION, "validation", a, e->log, err) ||
                       judge_part(q, engine, PART_TEST, "test", a, e->log, err);
    engine_close(engine);
    return failed ? -1 : 0;
}

/* --- rows of the data */

/* The first row of those that are taken: of the first window of a part that judges, if there is. */
static size_t first_row(const struct dataset *data)
{
    static const enum part order[] = {PART_VALIDATION, PART_TEST, PART_TRAIN};
    for (size_t i = 0; i < PARTS; i++) {
        size_t count;
        const uint32_t *start = dataset_windows(data, order[i], &count);
        if (count)
            return start[0];
    }
    return 0;
}

static void take_rows(struct quantised *q, const struct answering *a, size_t first)
{
    const struct scaler *s = &q->data->scaler;
    const size_t features = a->in->columns;
    emulated_reset(a->emulated);
    for (size_t t = 0; t < q->rows; t++) {
        for (size_t f = 0; f < features; f++) {
            const double x = (double)q->data->series[(first + t) * features + f];
            const float row = (float)(x * s->scale[f] + s->offset[f]);
            q->row[t * features + f] = row;
            q->in[t * features + f] =
                fixed_number(((double)row - s->offset[f]) / s->scale[f], a->in->bits);
        }
        memcpy(q->out + t * a->out->columns, emulated_step(a->emulated, q->in + t * features),
               a->out->columns * sizeof *q->out);
    }
}

static int keep_rows(struct quantised *q, const struct answering *a, size_t most, struct error *err)
{
    const size_t first = first_row(q->data);
    const size_t left = q->data->file[dataset_series(q->data, first)].end - first;
    q->rows = left < most ? left : most;
    q->row = calloc(q->rows * a->in->columns + 1, sizeof *q->row);
    q->in = calloc(q->rows * a->in->columns + 1, sizeof *q->in);
    q->out = calloc(q->rows * a->out->columns + 1, sizeof *q->out);
    if (!q->row || !q->in || !q->out)
        return error_set(err, STATUS_FAILED, "out of memory");
    take_rows(q, a, first);
    return 0;
}

static int run(struct quantised *q, struct exported *e, struct error *err)
{
    const struct fixed *f = q->fixed;
    struct answering a = {.in = f->value[f->input],
                          .out = f->value[f->output],
                          .emulated = emulated_new(f),
                          .row = calloc(f->value[f->input]->columns + 1, sizeof *a.row)};
    int failed = a.emulated && a.row ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        failed = judge(q, e, &a, err) || keep_rows(q, &a, e->golden, err);
    emulated_free(a.emulated);
    free(a.row);
    return failed ? -1 : 0;
}

int quantised_init(struct quantised *q, struct exported *e, struct error *err)
{
    *q = (struct quantised){0};
    if (build(q, e, err))
        return -1;
    q->data = dataset_load(e->checkpoint->config, e->fitted, e->log, err);
    return !q->data || measure(q, err) || run(q, e, err) ? -1 : 0;
}

void quantised_fini(struct quantised *q)
{
    fixed_free(q->fixed);
    graph_free(q->graph);
    dataset_free(q->data);
    free(q->row);
    free(q->in);
    free(q->out);
    *q = (struct quantised){0};
}
