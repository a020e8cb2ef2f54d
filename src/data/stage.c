/* SPDX-License-Identifier: MIT */
#include "data/stage.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "data/captioned.h"
#include "util/block.h"
#include "util/now.h"

struct stage {
    const struct dataset *data;
    struct stage_memory memory;
    struct stage_batch slot[STAGE_SLOTS];
    struct stage_shape shape; /* of the order */
    const uint32_t *start;    /* [count] the order */
    size_t count;
    size_t *clip; /* [batch] whose features are fetched; NULL without clips */

    pthread_t thread;
    pthread_mutex_t lock; /* of what follows, and of the order */
    pthread_cond_t changed;
    int threaded, ends;
    int filling;          /* the thread copies into the slot of batch `made` */
    size_t taken, made;   /* batches so far; batch i lies in slot[i % STAGE_SLOTS] */
    size_t first, length; /* samples of the batch to be made next; length 0: none is */
    double waited;        /* seconds, for batches that were not made yet */
};

/* Copies `rows` rows of `columns` values, from row `from` of a table on. */
static void copy_rows(void *to, const void *table, size_t from, size_t rows, size_t columns)
{
    memcpy(to, (const char *)table + from * columns * sizeof(float),
           rows * columns * sizeof(float));
}

/* The features of the clips that the samples are of. */
static void copy_clips(const struct stage *stage, struct stage_batch *b)
{
    const struct captioned *c = stage->data->captioned;
    const size_t elems = c->rows * c->columns;
    for (size_t i = 0; i < b->count; i++)
        stage->clip[i] = captioned_clip(stage->data, b->start[i]);
    b->failed = c->fetch(c->ctx, stage->clip, b->count, b->clip, &b->err);
    for (size_t i = b->count; i < stage->shape.batch; i++)
        memcpy(b->clip + i * elems, b->clip, elems * sizeof *b->clip);
}

static void fill(struct stage *stage, struct stage_batch *b)
{
    const struct dataset *data = stage->data;
    const struct stage_shape *s = &stage->shape;
    for (size_t i = 0; i < s->batch; i++) {
        size_t row = stage->start[b->first + (i < b->count ? i : 0)];
        b->start[i] = (uint32_t)row;
        copy_rows(b->series + i * s->window * data->features, dataset_rows(data), row, s->window,
                  data->features);
        if (b->target)
            copy_rows(b->target + i * s->target_rows * data->targets, data->target,
                      row + s->target_first, s->target_rows, data->targets);
        if (b->weight)
            b->weight[i] = data->weight[row];
        if (b->flag)
            b->flag[i] = data->augment->flag[row];
    }
    if (b->clip)
        copy_clips(stage, b);
}

/* Makes the next batch. The lock is held, but not while rows are copied. */
static void make_next(struct stage *stage)
{
    struct stage_batch *b = &stage->slot[stage->made % STAGE_SLOTS];
    b->first = stage->first;
    b->count = stage->length;
    stage->filling = 1;
    pthread_mutex_unlock(&stage->lock);
    fill(stage, b);
    pthread_mutex_lock(&stage->lock);
    stage->filling = 0;
    stage->made++;
    size_t left = stage->count - (b->first + b->count);
    stage->first = b->first + b->count;
    stage->length = left < stage->shape.batch ? left : stage->shape.batch;
    pthread_cond_broadcast(&stage->changed);
}

/* Whether a batch is to be made, and its slot is neither taken nor the one taken before. */
static int has_work(const struct stage *stage)
{
    return stage->length && stage->made - stage->taken < STAGE_SLOTS - 2;
}

static void *stage_thread(void *arg)
{
    struct stage *stage = arg;
    pthread_mutex_lock(&stage->lock);
    while (!stage->ends)
        if (has_work(stage))
            make_next(stage);
        else
            pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);
    return NULL;
}

/* Signals are the main thread's. */
static void start_thread(struct stage *stage)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    stage->threaded = !pthread_create(&stage->thread, NULL, stage_thread, stage);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct stage_room stage_room(const struct stage_shape *shapes, size_t count)
{
    struct stage_room room = {0};
    for (size_t i = 0; i < count; i++) {
        const struct stage_shape *s = &shapes[i];
        const size_t rows = s->batch * s->window, targets = s->batch * s->target_rows;
        room.samples = s->batch > room.samples ? s->batch : room.samples;
        room.rows = rows > room.rows ? rows : room.rows;
        room.targets = targets > room.targets ? targets : room.targets;
    }
    return room;
}

static void *make_block(void *ctx, size_t bytes)
{
    (void)ctx;
    return block_new(bytes);
}

static void release_block(void *ctx, void *memory)
{
    (void)ctx;
    block_free(memory);
}

/* Memory of `count` numbers. */
static void *make(const struct stage *stage, size_t count, int *failed)
{
    void *memory = stage->memory.make(stage->memory.ctx, (count + 1) * sizeof(float));
    *failed |= !memory;
    return memory;
}

/* Room for the largest of the shapes. */
static int allocate(struct stage *stage, const struct stage_shape *shapes, size_t count)
{
    const struct dataset *data = stage->data;
    const struct stage_room room = stage_room(shapes, count);
    int failed = 0;
    if (data->captioned)
        failed = !(stage->clip = malloc((room.samples + 1) * sizeof *stage->clip));
    for (size_t i = 0; i < STAGE_SLOTS; i++) {
        struct stage_batch *b = &stage->slot[i];
        b->start = make(stage, room.samples, &failed);
        b->series = make(stage, room.rows * data->features, &failed);
        if (data->targets)
            b->target = make(stage, room.targets * data->targets, &failed);
        if (data->weight)
            b->weight = make(stage, room.samples, &failed);
        if (data->augment && data->augment->flag)
            b->flag = make(stage, room.samples, &failed);
        if (data->captioned)
            b->clip = make(stage, room.samples * dataset_clip(data), &failed);
    }
    return failed ? -1 : 0;
}

struct stage *stage_new(const struct dataset *data, const struct stage_shape *shapes, size_t count,
                        const struct stage_memory *memory)
{
    static const struct stage_memory blocks = {make_block, release_block, NULL};
    struct stage *stage = calloc(1, sizeof *stage);
    if (!stage)
        return NULL;
    stage->data = data;
    stage->memory = memory->make ? *memory : blocks;
    pthread_mutex_init(&stage->lock, NULL);
    pthread_cond_init(&stage->changed, NULL);
    if (!allocate(stage, shapes, count)) {
        start_thread(stage);
        return stage;
    }
    stage_free(stage);
    return NULL;
}

void stage_free(struct stage *stage)
{
    if (!stage)
        return;
    if (stage->threaded) {
        pthread_mutex_lock(&stage->lock);
        stage->ends = 1;
        pthread_cond_broadcast(&stage->changed);
        pthread_mutex_unlock(&stage->lock);
        pthread_join(stage->thread, NULL);
    }
    for (size_t i = 0; i < STAGE_SLOTS; i++) {
        const struct stage_batch *b = &stage->slot[i];
        void *const all[] = {b->start, b->series, b->target, b->weight, b->flag, b->clip};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            stage->memory.release(stage->memory.ctx, all[k]);
    }
    free(stage->clip);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
    free(stage);
}

/* Forgets what was made ahead; samples [first, first + length) are next. The lock is held. */
static void go_to(struct stage *stage, size_t first, size_t length)
{
    while (stage->filling)
        pthread_cond_wait(&stage->changed, &stage->lock);
    stage->made = stage->taken;
    stage->first = first;
    stage->length = length;
}

void stage_order(struct stage *stage, const struct stage_shape *shape, const uint32_t *start,
                 size_t count)
{
    pthread_mutex_lock(&stage->lock);
    go_to(stage, 0, count < shape->batch ? count : shape->batch);
    stage->shape = *shape;
    stage->start = start;
    stage->count = count;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

/* Whether the batch that comes next, made or not, is this one. The lock is held. */
static int is_next(const struct stage *stage, size_t first, size_t count)
{
    const struct stage_batch *b = &stage->slot[stage->taken % STAGE_SLOTS];
    if (stage->made > stage->taken || stage->filling)
        return b->first == first && b->count == count;
    return stage->first == first && stage->length == count;
}

const struct stage_batch *stage_next(struct stage *stage, size_t first, size_t count)
{
    pthread_mutex_lock(&stage->lock);
    if (!is_next(stage, first, count))
        go_to(stage, first, count);
    pthread_cond_broadcast(&stage->changed);
    const double asked = now();
    while (stage->made == stage->taken)
        if (stage->threaded)
            pthread_cond_wait(&stage->changed, &stage->lock);
        else
            make_next(stage);
    stage->waited += now() - asked;
    const struct stage_batch *b = &stage->slot[stage->taken++ % STAGE_SLOTS];
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return b;
}

double stage_waited(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    const double waited = stage->waited;
    pthread_mutex_unlock(&stage->lock);
    return waited;
}
