/*
 * Sums over rows, in two passes whose order depends on the shape alone: each work-group sums the rows
 * of its chunk for a block of columns; then the chunks are added up in order.
 * -D: VEC, LANES; NB vectors of columns a work-group (first pass).
 */
#ifndef NB
#define NB 1
#endif

/* part[chunk, columns] = sum of x[row, columns] over the chunk's rows */
__kernel void sum_rows(__global const float *restrict x, __global float *restrict part,
                       const int rows, const int columns, const int chunk, const int blocks)
{
    const int c = (int)get_group_id(0) / blocks, block = (int)get_group_id(0) % blocks;
    const int from = c * chunk, to = min(from + chunk, rows), vectors = columns / VEC;
    for (int v0 = block * NB * LANES + (int)get_local_id(0); v0 < min((block + 1) * NB * LANES, vectors);
         v0 += NB * LANES) {
        vec sum[NB];
#pragma unroll
        for (int i = 0; i < NB; i++)
            sum[i] = (vec)(0.0f);
        if (v0 + (NB - 1) * LANES < vectors) {
            for (int row = from; row < to; row++)
#pragma unroll
                for (int i = 0; i < NB; i++)
                    sum[i] += load_vec(v0 + i * LANES, x + (size_t)row * columns);
        } else {
            for (int row = from; row < to; row++)
                for (int i = 0; i < NB; i++)
                    if (v0 + i * LANES < vectors)
                        sum[i] += load_vec(v0 + i * LANES, x + (size_t)row * columns);
        }
        for (int i = 0; i < NB; i++)
            if (v0 + i * LANES < vectors)
                store_vec(sum[i], v0 + i * LANES, part + (size_t)c * columns);
    }
}

/* y[columns] += sum of part[chunk, offset + columns] over chunks; a row of part has `stride` floats */
__kernel void add_parts(__global const float *restrict part, __global float *restrict y,
                        const int chunks, const int columns, const int stride, const int offset)
{
    const int v = (int)get_global_id(0);
    if (v >= columns / VEC)
        return;
    vec sum = (vec)(0.0f);
    for (int c = 0; c < chunks; c++)
        sum += load_vec(0, part + (size_t)c * stride + offset + v * VEC);
    store_vec(load_vec(v, y) + sum, v, y);
}
