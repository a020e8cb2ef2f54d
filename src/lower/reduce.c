/* SPDX-License-Identifier: MIT */
#include "lower/reduce.h"

#include "lower/cut.h"

/* Vectors of columns that a work-item sums side by side at most. */
static unsigned side(const struct plan *p)
{
    return cut_for_cpu(p) ? 8 : 1;
}

/* Work-items side by side, on a GPU those of a line of its cache, 128 bytes, so that few columns
 * make many groups, and how many teams of them share a group's rows. */
static unsigned lanes_of(const struct plan *p, unsigned vec)
{
    const unsigned line = cut_group(p, 32 / vec), most = cut_group(p, 256) / 4; /* four teams */
    return line < most || !most ? line : most;
}

static unsigned teams_of(const struct plan *p, unsigned vec)
{
    return cut_group(p, 256) / lanes_of(p, vec);
}

/* Both kernels of a width of vectors are of one program. */
static struct launch *kernel(struct plan *p, const char *name, size_t groups, unsigned vec)
{
    const struct teams cut = {
        .lanes = lanes_of(p, vec), .teams = teams_of(p, vec), .groups = groups};
    return cut_kernel(p, "reduce.cl", name, &cut, "-DVEC=%u -DNB=%u ", vec, side(p));
}

/* Into how many chunks rows are cut: on a GPU into some that fill it, of four rows a team. */
static size_t chunks_of(const struct plan *p, size_t rows, unsigned vec, size_t blocks)
{
    const size_t least = 4 * teams_of(p, vec), most = blocks < 1024 ? 1024 / blocks : 1;
    const size_t chunks = (rows + least - 1) / least;
    if (cut_for_cpu(p))
        return cut_chunks(p, (rows + 15) / 16);
    return chunks < most ? chunks : most;
}

void reduce_add_parts(struct plan *p, struct tensor *part, size_t chunks, size_t columns,
                      size_t stride, size_t offset, struct tensor *grad, const char *label)
{
    unsigned vec = cut_vec(p, columns);
    while (stride % vec || offset % vec)
        vec /= 2;
    unsigned lanes = lanes_of(p, vec);
    struct launch *l = kernel(p, "add_parts", (columns / vec + lanes - 1) / lanes, vec);
    launch_read(l, part);
    launch_update(l, grad);
    launch_int(l, chunks);
    launch_int(l, columns);
    launch_int(l, stride);
    launch_int(l, offset);
    launch_cost(l, (double)chunks * (double)columns, label);
}

void reduce_sum_rows(struct plan *p, struct tensor *x, size_t rows, size_t columns,
                     struct tensor *grad, const char *label)
{
    unsigned vec = cut_vec(p, columns);
    size_t vectors = columns / vec, per_group = side(p) * lanes_of(p, vec);
    size_t blocks = (vectors + per_group - 1) / per_group;
    size_t chunks = chunks_of(p, rows, vec, blocks), chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + chunk - 1) / chunk;
    struct tensor *part = plan_tensor2(p, "parts", chunks, columns);
    struct launch *l = kernel(p, "sum_rows", chunks * blocks, vec);
    launch_read(l, x);
    launch_write(l, part);
    launch_int(l, rows);
    launch_int(l, columns);
    launch_int(l, chunk);
    launch_int(l, blocks);
    launch_cost(l, (double)rows * (double)columns, label);
    reduce_add_parts(p, part, chunks, columns, columns, 0, grad, label);
}
