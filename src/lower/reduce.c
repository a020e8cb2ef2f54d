/* SPDX-License-Identifier: MIT */
#include "lower/reduce.h"

#include "lower/cut.h"

#define GPU_LINE 128      /* bytes of a line of a GPU's cache */
#define GPU_SECTOR 32     /* those that it loads of one at least */
#define GPU_COLUMNS 16384 /* so many by lines are groups enough for a large GPU */

/* Vectors of columns that a work-item sums side by side at most. */
static unsigned side(const struct plan *p)
{
    return cut_for_cpu(p) ? 8 : 1;
}

/* Work-items side by side, on a GPU those of so many bytes, and how many teams of them share a
 * group's rows. */
static unsigned lanes_of(const struct plan *p, unsigned vec, unsigned bytes)
{
    const unsigned wide = cut_group(p, bytes / 4 / vec), most = cut_group(p, 256) / 4;
    return wide < most || !most ? wide : most; /* four teams at least */
}

static unsigned teams_of(const struct plan *p, unsigned lanes)
{
    return cut_group(p, 256) / lanes;
}

/* Kernels of a width of vectors and of as many lanes are of one program. */
static struct launch *kernel(struct plan *p, const char *name, size_t groups, unsigned lanes,
                             unsigned vec)
{
    const struct teams cut = {.lanes = lanes, .teams = teams_of(p, lanes), .groups = groups};
    return cut_kernel(p, "reduce.cl", name, &cut, "-DVEC=%u -DNB=%u ", vec, side(p));
}

/* Into how many chunks rows are cut: on a GPU into some that fill it, of four rows a team. */
static size_t chunks_of(const struct plan *p, size_t rows, unsigned lanes, size_t blocks)
{
    const size_t least = 4 * teams_of(p, lanes), most = blocks < 1024 ? 1024 / blocks : 1;
    const size_t chunks = (rows + least - 1) / least;
    if (cut_for_cpu(p))
        return cut_chunks(p, (rows + 15) / 16);
    return chunks < most ? chunks : most;
}

/* Few columns of many chunks are as many groups as they have sectors: a group's loads wait for each
 * other, and what a GPU has in flight bounds it. */
static unsigned lanes_of_parts(const struct plan *p, unsigned vec, size_t chunks, size_t columns)
{
    return lanes_of(p, vec, chunks >= 64 && columns < GPU_COLUMNS ? GPU_SECTOR : GPU_LINE);
}

void reduce_add_parts(struct plan *p, struct tensor *part, size_t chunks, size_t columns,
                      size_t stride, size_t offset, struct tensor *const grad[2], const char *label)
{
    const size_t all = columns * (grad[1] ? 2 : 1);
    unsigned vec = cut_vec(p, columns);
    while (stride % vec || offset % vec)
        vec /= 2;
    const unsigned lanes = lanes_of_parts(p, vec, chunks, all);
    struct launch *l = kernel(p, "add_parts", (all / vec + lanes - 1) / lanes, lanes, vec);
    launch_read(l, part);
    launch_update(l, grad[0]);
    if (grad[1])
        launch_update(l, grad[1]);
    else
        launch_write(l, plan_tensor2(p, "unused", 1, 1));
    launch_int(l, chunks);
    launch_int(l, columns);
    launch_int(l, all);
    launch_int(l, stride);
    launch_int(l, offset);
    launch_cost(l, (double)chunks * (double)all, label);
}

void reduce_sum_rows(struct plan *p, struct tensor *x, size_t rows, size_t columns,
                     struct tensor *grad, const char *label)
{
    unsigned vec = cut_vec(p, columns);
    const unsigned lanes = lanes_of(p, vec, GPU_LINE);
    size_t vectors = columns / vec, per_group = side(p) * lanes;
    size_t blocks = (vectors + per_group - 1) / per_group;
    size_t chunks = chunks_of(p, rows, lanes, blocks), chunk = (rows + chunks - 1) / chunks;
    chunks = (rows + chunk - 1) / chunk;
    struct tensor *part = plan_tensor2(p, "parts", chunks, columns);
    struct launch *l = kernel(p, "sum_rows", chunks * blocks, lanes, vec);
    launch_read(l, x);
    launch_write(l, part);
    launch_int(l, rows);
    launch_int(l, columns);
    launch_int(l, chunk);
    launch_int(l, blocks);
    launch_cost(l, (double)rows * (double)columns, label);
    reduce_add_parts(p, part, chunks, columns, columns, 0, (struct tensor *[2]){grad}, label);
}
