/* SPDX-License-Identifier: MIT */
#include "lower/tail.h"

#include "ir/graph.h"

struct launch *tail_product(struct plan *p, struct tensor *t)
{
    struct launch *l = p->launch_count ? p->launches[p->launch_count - 1] : NULL;
    if (!l || !l->is_gemm || l->has_tail || l->arg[2].kind != ARG_WRITE)
        return NULL;
    if (l->arg[2].tensor != tensor_base(t) || l->gemm.n != tensor_columns(t))
        return NULL;
    /* graph->products is who multiplies on the first device */
    return !p->device && p->graph && gemm_takes_tail(p->dev, p->graph->products, &l->gemm) ? l
                                                                                           : NULL;
}

void tail_give(struct launch *l, const struct gemm_tail *tail,
               struct tensor *const with[TAIL_BUFFERS], struct tensor *to)
{
    l->has_tail = 1;
    l->tail = *tail;
    l->arg[2].tensor = tensor_base(to);
    for (int i = 0; i < TAIL_BUFFERS; i++)
        if (i == TAIL_KEPT && tail->keeps)
            launch_write(l, with[i]);
        else
            launch_read(l, with[i] ? with[i] : with[TAIL_STEP]);
}
