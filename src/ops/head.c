/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/ops.h"

enum { H, WEIGHT, TARGET };

/* Logits that are in memory at a time. */
#define LOGITS_BYTES ((size_t)64 << 20)

struct head {
    double smoothing;
    size_t rows;
};

/* What the parts of a batch share; a part has `rows` rows, the last one fewer. */
struct parts {
    size_t all, rows, classes, width;
    struct tensor *share, *loss;
    struct tensor *logits;       /* [rows, V], the gradient after it */
    struct tensor *some, *dsome; /* [rows, D]: rows of h and of dh; NULL: h and dh themselves */
    struct tensor *dh, *dweight; /* NULL: none is wanted */
};

/* Rows of a part: as many as the memory for logits holds, in equal parts. */
static size_t rows_of_part(const struct op *op)
{
    const struct head *a = op->attr;
    const size_t all = tensor_rows(op->in[H]), row = op->in[WEIGHT]->dim[0] * sizeof(float);
    size_t most = a->rows ? a->rows : LOGITS_BYTES / row;
    if (most >= all)
        return all;
    if (!most)
        most = 1;
    if (most >= 16)
        most = most / 16 * 16;
    const size_t parts = (all + most - 1) / most, rows = (all + parts - 1) / parts;
    return most < 16 ? rows : (rows + 15) / 16 * 16;
}

static struct launch *head_kernel(struct plan *p, const struct op *op, const char *name,
                                  size_t groups)
{
    const struct head *a = op->attr;
    const size_t classes = op->in[WEIGHT]->dim[0];
    const int grad = p->training && (lower_needs(op, H) || lower_needs(op, WEIGHT));
    unsigned vec = cut_for_cpu(p) ? 16 : 1, lanes = cut_lanes(p, classes, 1);
    while (vec > classes)
        vec /= 2;
    return plan_kernel(p, "head.cl", name, groups, lanes,
                       "-DV=%zu -DGRAD=%d -DSMOOTH=%d -DVEC=%u -DLANES=%u", classes, grad,
                       a->smoothing > 0, vec, lanes);
}

static void copy_rows(struct plan *p, struct tensor *from, size_t from_row, struct tensor *to,
                      size_t to_row, size_t rows)
{
    const struct teams cut = cut_teams(p, rows, tensor_columns(from), 0);
    struct launch *l = cut_kernel(p, "join.cl", "copy_rows", &cut, "%s", "");
    launch_read(l, from);
    launch_add_to(l, to, to_row > 0); /* what stands before stays */
    launch_int(l, tensor_columns(from));
    launch_int(l, from_row);
    launch_int(l, to_row);
    launch_int(l, rows);
    launch_int(l, cut.chunk);
    launch_cost(l, 0, to->name);
}

/* The losses of `rows` rows from `first` on, and the gradient of their logits. */
static void rows_loss(struct plan *p, struct op *op, const struct parts *s, size_t first,
                      size_t rows)
{
    struct launch *l = head_kernel(p, op, "head_rows", cut_rows(p, rows).groups);
    launch_update(l, s->logits);
    launch_read(l, op->in[TARGET]);
    launch_read(l, s->share);
    launch_add_to(l, s->loss, first > 0); /* the same */
    launch_read(l, p->step);
    launch_int(l, first);
    launch_int(l, rows);
    launch_int(l, s->all / op->in[H]->dim[0]);
    launch_int(l, cut_rows(p, rows).chunk);
    launch_float(l, ((const struct head *)op->attr)->smoothing);
    launch_cost(l, 20.0 * (double)rows * (double)s->classes, op->path);
}

/* dW += dlogits^T h, dh = dlogits W */
static void part_back(struct plan *p, struct op *op, const struct parts *s, struct tensor *h,
                      size_t first, size_t rows)
{
    struct tensor *dh = s->dsome ? s->dsome : s->dh;
    if (s->dweight)
        plan_gemm(p, op->in[WEIGHT]->name, gemm_shape_of(1, 0, s->classes, s->width, rows),
                  s->logits, h, s->dweight, 1);
    if (!s->dh)
        return;
    plan_gemm(p, s->dh->name, gemm_shape_of(0, 0, rows, s->width, s->classes), s->logits,
              op->in[WEIGHT], dh, 0);
    if (s->dsome)
        copy_rows(p, s->dsome, 0, s->dh, first, rows);
}

static void part(struct plan *p, struct op *op, const struct parts *s, size_t first)
{
    const size_t rows = s->all - first < s->rows ? s->all - first : s->rows;
    struct tensor *h = s->some ? s->some : op->in[H];
    if (s->some)
        copy_rows(p, op->in[H], first, h, 0, rows);
    plan_gemm(p, op->in[WEIGHT]->name, gemm_shape_of(0, 1, rows, s->classes, s->width), h,
              op->in[WEIGHT], s->logits, 0);
    rows_loss(p, op, s, first, rows);
    if (p->training)
        part_back(p, op, s, h, first, rows);
}

static void share_and_value(struct plan *p, struct op *op, const struct parts *s, int is_value)
{
    const size_t batch = op->in[H]->dim[0];
    struct launch *l = head_kernel(p, op, is_value ? "head_value" : "head_share", batch);
    launch_read(l, is_value ? s->loss : op->in[TARGET]);
    if (is_value)
        launch_read(l, s->share);
    launch_write(l, is_value ? op->out[0] : s->share);
    if (!is_value)
        launch_read(l, p->step);
    launch_int(l, s->all / batch);
    launch_cost(l, 0, op->path);
}

/* In a training graph the gradients are made here too: logits are there but once. */
static void head_forward(struct plan *p, struct op *op)
{
    struct parts s = {.all = tensor_rows(op->in[H]),
                      .rows = rows_of_part(op),
                      .classes = op->in[WEIGHT]->dim[0],
                      .width = tensor_columns(op->in[H])};
    s.share = plan_tensor2(p, "share", op->in[H]->dim[0], 1);
    s.loss = plan_tensor2(p, "loss", s.all, 1);
    s.logits = plan_tensor2(p, "logits", s.rows, s.classes);
    if (p->training) {
        int add;
        s.dh = lower_grad_fresh(p, op, H);
        s.dweight = lower_grad(p, op, WEIGHT, &add); /* a parameter's is always added to */
    }
    if (s.rows < s.all) {
        s.some = plan_stored(p, "rows", s.rows, s.width);
        s.dsome = s.dh ? plan_stored(p, "grad.rows", s.rows, s.width) : NULL;
    }
    share_and_value(p, op, &s, 0);
    for (size_t first = 0; first < s.all; first += s.rows)
        part(p, op, &s, first);
    share_and_value(p, op, &s, 1);
}

static void head_infer(struct graph *g, struct op *op)
{
    const struct tensor *x = op->in[H], *w = op->in[WEIGHT], *target = op->in[TARGET];
    if (w->kind != TENSOR_PARAM || w->rank != 2 || w->dim[1] != tensor_columns(x))
        graph_misfit(g, op, "needs parameters [V, D]", H, WEIGHT);
    else if (target->dtype != DTYPE_U32 || target->elems != tensor_rows(x) ||
             target->dim[0] != x->dim[0])
        graph_misfit(g, op, "needs a class for each row", H, TARGET);
    else
        graph_output(g, op, 0, op->path, 1, x->dim);
}

static const struct op_class head_class = {
    .name = "head and cross entropy",
    .attr = sizeof(struct head),
    .infer = head_infer,
    .forward = head_forward,
    .stored = READS_IN(H),
    .is_loss = 1,
    .no_onnx = "it is a loss",
};

struct tensor *op_head_cross_entropy(struct graph *g, struct tensor *h, struct tensor *weight,
                                     struct tensor *target, double smoothing, size_t rows)
{
    return graph_op(g, &head_class, "cross_entropy", &(struct head){smoothing, rows}, 3,
                    (struct tensor *[]){h, weight, target})
        ->out[0];
}
