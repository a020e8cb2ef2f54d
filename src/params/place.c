/* SPDX-License-Identifier: MIT */
/* Where each parameter lies, and in how many buffers. */
#include <stdlib.h>
#include <string.h>

#include "params/params.h"
#include "quant/quant.h"

/* In the order of their places; frozen parameters of the first device, then of the next ones. */
enum place { PLACE_DECAYED, PLACE_OTHERS, PLACE_RUNNING, PLACE_HOSTED, PLACE_FROZEN };

static size_t place_of(const struct param *p)
{
    if (p->group == PARAM_RUNNING)
        return PLACE_RUNNING;
    if (p->group == PARAM_FROZEN)
        return p->is_hosted ? PLACE_HOSTED : PLACE_FROZEN + p->value.device;
    return p->decay ? PLACE_DECAYED : PLACE_OTHERS;
}

static size_t place_bytes(const struct param *p, size_t align)
{
    return (tensor_bytes(&p->value) + align - 1) / align * align;
}

/* Gives those of one kind their places from byte `at` on; returns where they end. */
static size_t place_kind(const struct params *params, size_t place, size_t at, size_t align)
{
    for (size_t i = 0; i < params->count; i++) {
        struct param *p = params->list[i];
        if (place != place_of(p))
            continue;
        p->value.offset = p->grad.offset = at;
        at += place_bytes(p, align);
    }
    return at;
}

size_t params_align(struct device *first)
{
    const size_t devices = device_count(first);
    size_t most = 1;
    for (size_t d = 0; d < devices; d++)
        if (device_info(device_at(first, d))->base_align > most)
            most = device_info(device_at(first, d))->base_align;
    return most;
}

void params_place(struct params *params, size_t align)
{
    size_t last = PLACE_FROZEN;
    params->align = align;
    for (size_t i = 0; i < params->count; i++)
        if (place_of(params->list[i]) > last)
            last = place_of(params->list[i]);
    const size_t decayed = place_kind(params, PLACE_DECAYED, 0, align);
    const size_t trained = place_kind(params, PLACE_OTHERS, decayed, align);
    const size_t kept = place_kind(params, PLACE_RUNNING, trained, align);
    size_t end = kept;
    for (size_t place = PLACE_FROZEN; place <= last; place++)
        end = place_kind(params, place, end, align);
    params->decayed = decayed / 4;
    params->elems = trained / 4;
    params->running = kept / 4 - params->elems;
    params->frozen = end - kept;
    params->hosted = place_kind(params, PLACE_HOSTED, end, align) - end;
}

uint64_t params_frozen_on(const struct params *params, size_t device)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < params->count; i++)
        if (place_of(params->list[i]) == PLACE_FROZEN + device)
            bytes += place_bytes(params->list[i], params->align);
    return bytes;
}

static int place_compare(const void *a, const void *b)
{
    const struct param *const *x = a, *const *y = b;
    const size_t i = (*x)->value.offset, k = (*y)->value.offset;
    return i < k ? -1 : i > k;
}

/* Cuts the values into blocks that the devices allow: a parameter lies in one of them. Frozen ones
 * of each device begin a block, and those in the host's memory, which are one block. */
static int place_cut(struct params *params, struct device *dev, struct error *err)
{
    const size_t n = params->count, kept = (params->elems + params->running) * 4;
    const size_t hosted = kept + params->frozen, all = hosted + params->hosted;
    struct param **in_order = malloc((n + 1) * sizeof *in_order);
    params->from = malloc((n + 2) * sizeof *params->from);
    params->device = calloc(n + 2, sizeof *params->device);
    if (!in_order || !params->from || !params->device) {
        free(in_order);
        return error_set(err, STATUS_FAILED, "parameters: out of memory");
    }
    if (n)
        memcpy(in_order, params->list, n * sizeof *in_order);
    qsort(in_order, n, sizeof *in_order, place_compare);
    params->from[0] = 0;
    params->blocks = 1;
    for (size_t i = 0; i < n; i++) {
        const size_t at = in_order[i]->value.offset;
        const size_t end = i + 1 < n ? in_order[i + 1]->value.offset : all;
        const size_t from = params->from[params->blocks - 1];
        if (at >= hosted) {
            if (at == hosted && at > from)
                params->from[params->blocks++] = at;
            continue;
        }
        const size_t on = in_order[i]->value.device;
        const uint64_t most = device_info(device_at(dev, on))->max_alloc_bytes;
        if (end - at > most) {
            error_set(err, STATUS_DEVICE,
                      "%s takes %zu bytes, more than the device's largest buffer of %llu",
                      in_order[i]->value.name, end - at, (unsigned long long)most);
            free(in_order);
            return -1;
        }
        if (at > from && (end - from > most || (params->frozen && at == kept) ||
                          on != params->device[params->blocks - 1]))
            params->from[params->blocks++] = at;
        params->device[params->blocks - 1] = on;
    }
    params->from[params->blocks] = all;
    free(in_order);
    return 0;
}

/* The first block from this byte on. */
static size_t place_block(const struct params *params, size_t offset)
{
    size_t block = 0;
    while (block < params->blocks && params->from[block] < offset)
        block++;
    return block;
}

/* An arena of the first `bytes` of the values, its frozen blocks those of `other`. */
static struct arena *place_arena(const struct params *params, struct device *dev, size_t bytes,
                                 const char *what, const struct arena *other, struct error *err)
{
    const size_t kept = (params->elems + params->running) * 4;
    const struct arena_kept how = {other, place_block(params, kept),
                                   place_block(params, kept + params->frozen), params->device};
    size_t *from = malloc((params->blocks + 1) * sizeof *from), blocks = 1;
    if (!from) {
        error_set(err, STATUS_FAILED, "%s: out of memory", what);
        return NULL;
    }
    memcpy(from, params->from, (params->blocks + 1) * sizeof *from);
    while (from[blocks] < bytes)
        blocks++;
    from[blocks] = bytes;
    struct arena *a = arena_new(dev, from, blocks, what, &how, err);
    free(from);
    return a;
}

struct arena *params_arena(const struct params *params, struct device *dev, const char *what,
                           struct error *err)
{
    return place_arena(params, dev, params->elems * 4, what, NULL, err);
}

int params_allocate(struct params *params, struct device *dev, int training, struct error *err)
{
    if (place_cut(params, dev, err))
        return -1;
    params->values = place_arena(params, dev, params->from[params->blocks], "parameters",
                                 params->shares ? params->shares->values : NULL, err);
    if (!params->values)
        return -1;
    if (training && !(params->grads = params_arena(params, dev, "gradients", err)))
        return -1;
    for (size_t i = 0; i < params->count; i++) {
        struct tensor *v = &params->list[i]->value, *g = &params->list[i]->grad;
        if (params->list[i]->is_hosted)
            continue;
        v->buffer = arena_part(params->values, v->offset, tensor_bytes(v), err);
        if (!v->buffer)
            return -1;
        if (training && params->list[i]->group == PARAM_TRAINED &&
            !(g->buffer = arena_part(params->grads, g->offset, tensor_bytes(g), err)))
            return -1;
    }
    return 0;
}

int params_read(const struct params *params, size_t index, const struct arena *arena, void *to,
                struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    return arena_read(arena, t->offset, tensor_bytes(t), to, err);
}

int params_write(const struct params *params, size_t index, const struct arena *arena,
                 const void *from, struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    return arena_write(arena, t->offset, tensor_bytes(t), from, err);
}

int params_put(const struct params *params, size_t index, const struct arena *arena,
               const float *from, struct error *err)
{
    const struct tensor *t = &params->list[index]->value;
    if (t->dtype == DTYPE_F32)
        return params_write(params, index, arena, from, err);
    void *stored = malloc(tensor_bytes(t));
    if (!stored)
        return error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
    int failed = 0;
    if (packed_is(t->dtype))
        failed =
            quant_pack(t->dtype, from, tensor_rows(t), tensor_columns(t), stored, t->name, err);
    else
        dtype_bfloats(from, t->elems, stored);
    failed = failed || params_write(params, index, arena, stored, err);
    free(stored);
    return failed ? -1 : 0;
}
