/* SPDX-License-Identifier: MIT */
#include "exec/exec.h"

#include <stdlib.h>
#include <string.h>

#include "util/now.h"

static struct buffer *poisoned(struct plan *p, const struct tensor *t, struct error *err)
{
    struct buffer *b = buffer_new(device_at(p->dev, t->device), tensor_bytes(t), t->name, err);
    uint16_t *nan = b ? malloc(tensor_bytes(t) + 1) : NULL;
    if (!nan) {
        if (b)
            error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
        buffer_free(b);
        return NULL;
    }
    for (size_t i = 0; i < tensor_bytes(t) / 2; i++)
        nan[i] = 0x7fc1; /* a quiet NaN in each type: what reads it shows */
    int failed = buffer_write(b, 0, tensor_bytes(t), nan, err);
    free(nan);
    if (failed) {
        buffer_free(b);
        return NULL;
    }
    return b;
}

/* The activations of `shared` have room for those of g. */
static int fits_into(const struct plan *p, const struct plan *shared)
{
    int fits = shared && !shared->scattered && shared->segments >= p->segments;
    for (size_t i = 0; fits && i < p->segments; i++)
        fits = shared->segment_bytes[i] >= p->segment_bytes[i] &&
               shared->segment_device[i] == p->segment_device[i];
    return fits;
}

struct counted {
    const struct plan *plan;
    size_t device;
    uint64_t bytes;
};

static int count_tensor(struct tensor *t, void *ctx)
{
    struct counted *c = ctx;
    if (!t->buffer && t->device == c->device &&
        (t->kind == TENSOR_STATE || (c->plan->scattered && t->first >= 0)))
        c->bytes += tensor_bytes(t);
    return 0;
}

uint64_t exec_activations(const struct plan *p, const struct plan *shared, size_t device)
{
    uint64_t bytes = 0;
    if (p->scattered || fits_into(p, shared))
        return 0;
    for (size_t i = 0; i < p->segments; i++)
        bytes += p->segment_device[i] == device ? p->segment_bytes[i] : 0;
    return bytes;
}

uint64_t exec_bytes(const struct plan *p, const struct plan *shared, size_t device)
{
    struct counted c = {p, device, exec_activations(p, shared, device)};
    plan_each_tensor(p, count_tensor, &c);
    return c.bytes;
}

static int make_segments(struct plan *p, struct plan *shared, struct error *err)
{
    p->segment = calloc(p->segments + 1, sizeof(struct buffer *));
    if (!p->segment)
        return error_set(err, STATUS_FAILED, "out of memory");
    int fits = fits_into(p, shared);
    p->owns_segments = !fits;
    for (size_t i = 0; i < p->segments; i++) {
        p->segment[i] = fits ? shared->segment[i]
                             : buffer_new(device_at(p->dev, p->segment_device[i]),
                                          p->segment_bytes[i], "activations", err);
        if (!p->segment[i])
            return -1;
    }
    return 0;
}

struct making {
    struct plan *plan;
    struct error *err;
};

static int make_tensor(struct tensor *t, void *ctx)
{
    struct plan *p = ((struct making *)ctx)->plan;
    struct error *err = ((struct making *)ctx)->err;
    if (t->buffer)
        return 0;
    if (t->kind == TENSOR_STATE)
        t->buffer = buffer_new(device_at(p->dev, t->device), tensor_bytes(t), t->name, err);
    else if (t->first < 0)
        return 0; /* nothing uses it */
    else if (p->scattered)
        t->buffer = poisoned(p, t, err);
    else
        t->buffer = buffer_part(p->segment[t->segment], t->offset, tensor_bytes(t), err);
    if (t->buffer && t->initial)
        return tensor_write(t, t->initial, err);
    return t->buffer ? 0 : -1;
}

static int make_kernel(struct plan *p, struct launch *l, struct error *err)
{
    l->kernel = kernel_new(device_at(p->dev, l->device), l->file, l->name, l->options, err);
    if (!l->kernel)
        return -1;
    for (unsigned a = 0; a < l->args; a++)
        switch (l->arg[a].kind) {
        case ARG_READ:
        case ARG_WRITE:
        case ARG_UPDATE:
            kernel_set_buffer(l->kernel, a, l->arg[a].tensor->buffer);
            break;
        case ARG_INT:
            kernel_set_int(l->kernel, a, l->arg[a].i);
            break;
        case ARG_FLOAT:
            kernel_set_float(l->kernel, a, l->arg[a].f);
            break;
        }
    return 0;
}

static int make_product(struct plan *p, struct launch *l, const struct gemm_provider *provider,
                        struct error *err)
{
    struct buffer *room = l->has_room ? l->arg[3].tensor->buffer : NULL;
    const unsigned tail = l->has_room ? 4 : 3;
    for (unsigned i = 0; i < TAIL_BUFFERS && l->has_tail; i++)
        l->tail.buffer[i] = l->arg[tail + i].tensor->buffer;
    l->product = gemm_new(device_at(p->dev, l->device), provider, l->gemm, l->arg[0].tensor->buffer,
                          l->arg[1].tensor->buffer, l->arg[2].tensor->buffer, room,
                          l->arg[2].kind == ARG_UPDATE, l->has_tail ? &l->tail : NULL, err);
    return l->product ? 0 : -1;
}

/* Who makes the products of another device than the first: the same, where it serves that, too. */
static const struct gemm_provider *provider_on(const struct plan *p, size_t device,
                                               const struct gemm_provider *provider)
{
    struct device *dev = device_at(p->dev, device);
    return !device || gemm_provider_serves(provider, dev) ? provider : gemm_provider_for(dev, NULL);
}

/* Room for the largest tensor that goes to another device. */
static int make_passing(struct plan *p, struct error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < p->launch_count; i++)
        if (p->launches[i]->moves && tensor_bytes(p->launches[i]->arg[0].tensor) > most)
            most = tensor_bytes(p->launches[i]->arg[0].tensor);
    return !most || (p->passing = malloc(most)) ? 0
                                                : error_set(err, STATUS_FAILED, "out of memory");
}

int exec_prepare(struct plan *p, struct plan *shared, const struct gemm_provider *provider,
                 struct error *err)
{
    if (!p->scattered && make_segments(p, shared, err))
        return -1;
    if (plan_each_tensor(p, make_tensor, &(struct making){p, err}) || make_passing(p, err))
        return -1;
    for (size_t i = 0; i < p->launch_count; i++) {
        struct launch *l = p->launches[i];
        if (l->sent || l->moves)
            continue;
        if (!l->is_gemm) {
            if (make_kernel(p, l, err))
                return error_prefix(err, "%s", l->label[0] ? l->label : l->name);
            continue;
        }
        if (make_product(p, l, provider_on(p, l->device, provider), err))
            return error_prefix(err, "%s", l->label);
    }
    return 0;
}

/* What is copied stays as it is. */
static int send(const struct launch *l, struct error *err)
{
    const struct tensor *from = l->sent, *to = l->arg[0].tensor;
    return buffer_send(to->buffer, 0, tensor_bytes(from),
                       arena_host(l->plan->params->values, from->offset), err);
}

/* The one device is waited for, then the other: whatever makes them, both copy to and from the
 * host. */
static int move(const struct launch *l, struct error *err)
{
    const struct tensor *from = l->arg[0].tensor, *to = l->arg[1].tensor;
    void *passing = l->plan->passing;
    return buffer_read(from->buffer, 0, tensor_bytes(from), passing, err) ||
                   buffer_write(to->buffer, 0, tensor_bytes(to), passing, err)
               ? -1
               : 0;
}

static int run_kind(struct launch *l, struct error *err)
{
    if (l->sent)
        return send(l, err);
    if (l->moves)
        return move(l, err);
    return l->is_gemm ? gemm_enqueue(l->product, err)
                      : kernel_enqueue(l->kernel, l->groups, l->lanes, err);
}

static int run_launch(struct launch *l, struct error *err)
{
    const int failed = run_kind(l, err);
    return failed ? error_prefix(err, "%s", l->label[0] ? l->label : l->name) : 0;
}

int exec_run(struct plan *p, size_t from, size_t to, struct error *err)
{
    for (size_t i = from; i < to; i++)
        if (run_launch(p->launches[i], err))
            return -1;
    return 0;
}

int exec_run_profiled(struct plan *p, size_t from, size_t to, struct error *err)
{
    for (size_t i = from; i < to; i++) {
        if (device_finish(p->dev, err))
            return -1;
        double before = now();
        if (run_launch(p->launches[i], err) || device_finish(p->dev, err))
            return -1;
        p->launches[i]->seconds += now() - before;
        p->launches[i]->runs++;
    }
    return 0;
}

static int forget(struct tensor *t, void *ctx)
{
    return t->carried ? tensor_write(t, t->initial, ctx) : 0;
}

int exec_forget(struct plan *p, struct error *err)
{
    return plan_each_tensor(p, forget, err);
}

int tensor_read(const struct tensor *t, void *to, struct error *err)
{
    t = t->of ? t->of : t;
    return buffer_read(t->buffer, 0, tensor_bytes(t), to, err);
}

int tensor_write(struct tensor *t, const void *from, struct error *err)
{
    t = tensor_base(t);
    return buffer_write(t->buffer, 0, tensor_bytes(t), from, err);
}
