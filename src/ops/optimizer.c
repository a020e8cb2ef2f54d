#include "ops/ops.h"

void op_adamw(struct graph *g, struct tensor *metrics, double beta1, double beta2, double epsilon)
{
    const struct params *p = g->params;
    unsigned vec = graph_vec(g, 16), lanes = device_info(g->dev)->is_cpu ? 1 : 64;
    size_t vectors = p->elems / vec, chunks = graph_chunks(g, (vectors + 63) / 64);
    size_t chunk = (vectors + chunks - 1) / chunks, groups = (vectors + chunk - 1) / chunk;
    struct tensor *grads = graph_borrow(g, "gradients", p->grads);
    struct tensor *part = graph_tensor(g, "norm.parts", 1, &groups);

    struct launch *l = graph_kernel(g, "optimizer.cl", "norm_parts", groups, lanes,
                                    "-DVEC=%u -DLANES=%u", vec, lanes);
    launch_read(l, grads);
    launch_write(l, part);
    launch_int(l, vectors);
    launch_int(l, chunk);
    launch_cost(l, 2.0 * (double)p->elems, "norm");

    l = graph_kernel(g, "optimizer.cl", "norm_finish", 1, 1, "-DVEC=%u -DLANES=%u", vec, lanes);
    launch_read(l, part);
    launch_update(l, metrics);
    launch_read(l, g->step);
    launch_int(l, groups);
    launch_cost(l, (double)groups, "norm");

    l = graph_kernel(g, "optimizer.cl", "adamw", groups, lanes, "-DVEC=%u -DLANES=%u", vec, lanes);
    launch_update(l, graph_borrow(g, "parameters", p->values));
    launch_update(l, grads);
    launch_update(l, graph_borrow(g, "exp_avg", p->exp_avg));
    launch_update(l, graph_borrow(g, "exp_avg_sq", p->exp_avg_sq));
    launch_read(l, metrics);
    launch_read(l, g->step);
    launch_int(l, vectors);
    launch_int(l, chunk);
    launch_int(l, p->decayed / vec);
    launch_float(l, beta1);
    launch_float(l, 1 - beta1);
    launch_float(l, beta2);
    launch_float(l, 1 - beta2);
    launch_float(l, epsilon);
    launch_cost(l, 14.0 * (double)p->elems, "adamw");
}
