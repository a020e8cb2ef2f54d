/* SPDX-License-Identifier: MIT */
#include "export/as_c.h"

#include <stdlib.h>

#include "export/as_c_file.h"
#include "export/as_c_fixed.h"
#include "ir/graph.h"
#include "train/planned.h"
#include "util/clocale.h"

/* --- the model */

/* Whether an operation behind `op` reads the tensor. */
static int is_read_later(const struct graph *g, const struct op *op, const struct tensor *base)
{
    for (size_t i = op->at + 1; i < g->op_count; i++)
        for (int k = 0; k < OP_INPUTS; k++)
            if (tensor_base(g->ops[i]->in[k]) == base)
                return 1;
    return 0;
}

static void release(struct cfile *c, const struct graph *g, const struct op *op,
                    const struct model_io *io)
{
    for (int k = 0; k < OP_INPUTS; k++) {
        const struct tensor *base = tensor_base(op->in[k]);
        if (base && base->kind == TENSOR_ACTIVATION && base != tensor_base(io->output) &&
            !is_read_later(g, op, base))
            cfile_release(c, base);
    }
}

static void append(struct cfile *c, struct op *op)
{
    const struct op_class *class = op->class;
    const char *why = class->no_cfile ? class->no_cfile : class->no_onnx;
    if (!class->cfile) {
        cfile_fault(c, "--format c: %s: the operation '%s' has no form in C: %s", op->path,
                    class->name, why ? why : "nobody has written it");
        return;
    }
    cfile_note(c, op->path);
    class->cfile(c, op);
}

static void append_needed(struct cfile *c, const struct graph *g, const struct model_io *io)
{
    unsigned char *needed = exported_needed(g, io);
    if (!needed)
        cfile_no_memory(c);
    for (size_t i = 0; needed && i < g->op_count; i++)
        if (needed[i]) {
            append(c, g->ops[i]);
            release(c, g, g->ops[i], io);
        }
    free(needed);
}

static void forget(struct as_c *a)
{
    cfile_free(a->code);
    graph_free(a->graph);
    a->code = NULL;
    a->graph = NULL;
}

/* Appends the model of windows of so many rows. */
static int make(struct as_c *a, struct exported *e, struct error *err)
{
    struct model_shape shape = planned_shape(e->data, e->config, a->window);
    struct model_io io;
    const int kind = e->data->scaler.kind;
    a->rows = shape.target_rows;
    if (!(a->graph = model_bare(e->params, e->config, 1, &shape, &io)) ||
        !(a->code = cfile_new(exported_read, e, a->by_row)))
        return error_set(err, STATUS_FAILED, "out of memory");
    if (graph_check_built(a->graph, err))
        return -1;
    if (kind == SCALER_WINDOW || kind == SCALER_RELATIVE)
        cfile_need(a->code, kind == SCALER_WINDOW ? "standardise" : "relative");
    a->input = cfile_make(a->code, io.input);
    append_needed(a->code, a->graph, &io);
    a->output = cfile_of(a->code, io.output);
    return cfile_check(a->code, err);
}

/* Row by row, else by windows. */
static int make_either(struct as_c *a, struct exported *e, struct error *err)
{
    a->by_row = exported_goes_by_row(e);
    a->window = a->by_row ? 1 : e->shape.window;
    if (!make(a, e, err))
        return 0;
    if (!a->by_row)
        return -1;
    forget(a);
    a->by_row = 0;
    a->window = e->shape.window;
    return make(a, e, err);
}

/* --- the file */

static int check(const struct exported *e, struct error *err)
{
    const char *why = NULL;
    if (!e->data)
        why = "reads tokens";
    else if (!e->shape.targets)
        why = "has no targets: what it gives are windows";
    if (!why)
        return 0;
    return error_set(err, STATUS_USAGE,
                     "--format c holds models of rows with data.targets, and this model, of type "
                     "%s, %s",
                     model_of(e->config)->name, why);
}

static int write_in_c(struct exported *e, FILE *to, char told[256], struct error *err)
{
    struct as_c a = {.e = e};
    struct golden golden = {0};
    int failed = check(e, err) || make_either(&a, e, err) || golden_init(&golden, e, a.by_row, err);
    if (!failed) {
        a.golden = &golden;
        as_c_file_write(&a, to);
        failed = cfile_check(a.code, err);
        snprintf(told, 256, "%zu numbers, %s, %zu bytes of state", cfile_numbers(a.code),
                 a.by_row ? "row by row" : "by windows",
                 (cfile_kept(a.code) + cfile_work(a.code)) * sizeof(float));
    }
    golden_fini(&golden);
    forget(&a);
    return failed ? -1 : 0;
}

static int as_c_write(struct exported *e, FILE *to, char told[256], struct error *err)
{
    const locale_t before = clocale_enter();
    const int failed =
        e->weight_bits ? as_c_fixed_write(e, to, told, err) : write_in_c(e, to, told, err);
    clocale_leave(before);
    return failed;
}

const struct export_format export_c = {
    .name = "c", .what = "a model in C99", .is_text = 1, .write = as_c_write};
