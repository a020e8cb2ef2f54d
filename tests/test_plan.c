/* SPDX-License-Identifier: MIT */
/*
 * The planner on random graphs, held against a checker of its own: it sweeps over the launches and
 * looks at what lives at each. No device is needed, only its limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "device/opencl.h"
#include "ir/graph.h"
#include "lower/lower.h"
#include "lower/split.h"

enum { GRAPHS = 400, TENSORS = 60, LAUNCHES = 80 };

static struct device fake; /* only its limits are asked for */
static uint64_t state;

static size_t below(size_t n) /* xorshift64* */
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (size_t)((state * 2685821657736338717u) >> 33) % n;
}

static struct plan *start(uint64_t seed, size_t align, uint64_t most)
{
    state = seed * 2654435761u + 1;
    fake.info.base_align = (unsigned)align;
    fake.info.max_alloc_bytes = most;
    struct plan *p = plan_new(&fake, NULL);
    assert_non_null(p);
    return p;
}

/* Launches that read what is written and write anything; sizes from words to many pages. */
static void grow(struct plan *p, size_t largest)
{
    struct tensor *t[TENSORS];
    int written[TENSORS] = {0};
    size_t tensors = 2 + below(TENSORS - 2), launches = 1 + below(LAUNCHES);
    struct tensor *state_tensor = plan_state(p, "state", 1 + below(100));
    for (size_t i = 0; i < tensors; i++) {
        char name[32];
        snprintf(name, sizeof name, "t%zu", i);
        size_t elems = 1 + below(below(3) ? largest / 4 : 200);
        t[i] = plan_tensor(p, name, elems);
        t[i]->keep = below(12) == 0;
    }
    for (size_t i = 0; i < launches; i++) {
        struct launch *l = plan_kernel(p, "none.cl", "random", 1, 1, "-DX=%zu", i);
        for (size_t a = below(6); a > 0; a--) {
            size_t at = below(tensors);
            if (written[at])
                launch_read(l, t[at]);
        }
        if (below(4) == 0)
            launch_update(l, state_tensor);
        launch_int(l, i);
        size_t out = below(tensors);
        if (written[out] && below(2))
            launch_update(l, t[out]);
        else
            launch_write(l, t[out]);
        written[out] = 1;
        /* chains as in a real model: the latest is read soon */
        if (below(2) && i + 1 < launches)
            launch_read(plan_kernel(p, "none.cl", "next", 1, 1, "%s", ""), t[out]);
    }
}

/* First and last launch that names t; 0 if none does. */
static int lifetime(const struct plan *p, const struct tensor *t, size_t *first, size_t *last)
{
    int used = 0;
    for (size_t i = 0; i < p->launch_count; i++)
        for (unsigned a = 0; a < p->launches[i]->args; a++)
            if (p->launches[i]->arg[a].tensor == t) {
                *first = used ? *first : i;
                *last = i;
                used = 1;
            }
    if (used && t->keep)
        *last = p->launch_count;
    return used;
}

struct figures {
    size_t naive, bound, taken, segments;
};

static int by_place(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Sweeps over the launches; what lives at each, sorted by place, must not touch. */
static struct figures sweep(const struct plan *p)
{
    const size_t align = fake.info.base_align;
    struct figures f = {.taken = p->activation_bytes, .segments = p->segments};
    size_t *first = calloc(p->tensors.count, sizeof *first);
    size_t *last = calloc(p->tensors.count, sizeof *last);
    struct tensor **live = calloc(p->tensors.count, sizeof(struct tensor *));
    assert_true(first && last && live);
    size_t ends[2 * TENSORS] = {0}, sum = 0;
    assert_true(p->segments <= 2 * TENSORS);
    for (size_t i = 0; i < p->tensors.count; i++) {
        const struct tensor *t = p->tensors.item[i];
        last[i] = 0;
        first[i] = 1; /* never */
        if (t->kind != TENSOR_ACTIVATION || !lifetime(p, t, &first[i], &last[i]))
            continue;
        size_t bytes = (tensor_bytes(t) + align - 1) / align * align;
        f.naive += bytes;
        assert_int_equal(t->offset % align, 0);
        assert_true(t->segment < p->segments);
        assert_true(t->offset + tensor_bytes(t) <= p->segment_bytes[t->segment]);
        if (t->offset + bytes > ends[t->segment])
            ends[t->segment] = t->offset + bytes;
    }
    for (size_t s = 0; s < p->segments; s++) {
        assert_true(p->segment_bytes[s] <= fake.info.max_alloc_bytes);
        assert_int_equal(p->segment_bytes[s], ends[s]); /* no byte for nothing */
        sum += p->segment_bytes[s];
    }
    assert_int_equal(sum, p->activation_bytes);
    for (size_t now = 0; now <= p->launch_count; now++) {
        size_t n = 0, bytes = 0;
        for (size_t i = 0; i < p->tensors.count; i++)
            if (first[i] <= now && now <= last[i] &&
                p->tensors.item[i]->kind == TENSOR_ACTIVATION) {
                live[n++] = p->tensors.item[i];
                bytes += (tensor_bytes(p->tensors.item[i]) + align - 1) / align * align;
            }
        qsort(live, n, sizeof *live, by_place);
        for (size_t i = 1; i < n; i++)
            if (live[i - 1]->segment == live[i]->segment &&
                live[i - 1]->offset + tensor_bytes(live[i - 1]) > live[i]->offset)
                fail_msg("at launch %zu %s and %s overlap", now, live[i - 1]->name, live[i]->name);
        f.bound = bytes > f.bound ? bytes : f.bound;
    }
    free(first);
    free(last);
    free(live);
    return f;
}

static void test_random_graphs(void **unused)
{
    (void)unused;
    double worst = 1, total = 0;
    size_t several = 0, saved = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        struct error err = {0};
        const size_t largest = 40000, align = seed % 3 == 0 ? 4096 : seed % 3 == 1 ? 64 : 128;
        int small = seed % 2 == 0; /* segments hardly larger than the largest tensor */
        struct plan *p = start(seed, align, small ? largest + 4096 : (uint64_t)1 << 31);
        grow(p, largest);
        if (plan_place(p, &err) || plan_check(p, &err))
            fail_msg("graph %d: %s", (int)seed, err.text);
        struct figures f = sweep(p);
        assert_true(f.taken <= f.naive && f.taken >= f.bound);
        several += f.segments > 1;
        saved += f.taken < f.naive;
        assert_true(small || f.segments <= 1);
        double factor = f.bound ? (double)f.taken / (double)f.bound : 1;
        /* first fit by size: what is left over in small segments costs more */
        if (factor > (small ? 2.0 : 1.5))
            fail_msg("graph %d takes %zu bytes, %zu live at once", (int)seed, f.taken, f.bound);
        if (!small) {
            worst = factor > worst ? factor : worst;
            total += factor;
        }
        plan_free(p);
    }
    print_message("# in one segment: %.3f times the lower bound, at worst %.3f\n",
                  total / (GRAPHS / 2), worst);
    assert_true(total / (GRAPHS / 2) < 1.1);
    assert_true(several > GRAPHS / 4 && saved > GRAPHS / 2);
}

static int larger_first(const void *a, const void *b)
{
    const struct tensor *x = *(struct tensor *const *)a, *y = *(struct tensor *const *)b;
    if (x->elems != y->elems)
        return x->elems < y->elems ? 1 : -1;
    return x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                : strcmp(x->name, y->name);
}

/* The planner's rule, literally: the lowest place in the first segment that has one, looked for at
 * the end of each tensor that lives at the same time. */
static void place_literally(const struct tensor *t, struct tensor *const *placed, size_t count,
                            size_t *segment, size_t *offset)
{
    const size_t align = fake.info.base_align, most = (size_t)fake.info.max_alloc_bytes;
    size_t bytes = (tensor_bytes(t) + align - 1) / align * align;
    for (*segment = 0;; ++*segment) {
        size_t best = SIZE_MAX;
        for (size_t c = 0; c <= count; c++) {
            size_t at = 0;
            if (c < count)
                at = placed[c]->offset + (tensor_bytes(placed[c]) + align - 1) / align * align;
            int free = (c == count || placed[c]->segment == *segment) && at + bytes <= most;
            for (size_t i = 0; i < count && free; i++)
                free = placed[i]->segment != *segment || placed[i]->first > t->last ||
                       t->first > placed[i]->last || placed[i]->offset >= at + bytes ||
                       placed[i]->offset + tensor_bytes(placed[i]) <= at;
            best = free && at < best ? at : best;
        }
        if (best < SIZE_MAX) {
            *offset = best;
            return;
        }
    }
}

static void test_places(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct error err = {0};
        struct plan *p = start(seed, 64, seed % 2 ? (uint64_t)1 << 31 : 44096);
        struct tensor *placed[TENSORS];
        size_t count = 0;
        grow(p, 40000);
        assert_int_equal(plan_place(p, &err), 0);
        for (size_t i = 0; i < p->tensors.count; i++)
            if (p->tensors.item[i]->kind == TENSOR_ACTIVATION && p->tensors.item[i]->first >= 0)
                placed[count++] = p->tensors.item[i];
        qsort(placed, count, sizeof *placed, larger_first);
        for (size_t i = 0; i < count; i++) {
            size_t segment, offset;
            place_literally(placed[i], placed, i, &segment, &offset);
            assert_int_equal(placed[i]->segment, segment);
            assert_int_equal(placed[i]->offset, offset);
        }
        plan_free(p);
    }
}

/* Seconds of the processor to plan and check a model of so many layers. */
static double seconds_of(size_t layers)
{
    struct error err = {0};
    struct plan *p = start(1, 64, (uint64_t)1 << 40);
    struct tensor **kept = calloc(2 * layers, sizeof(struct tensor *));
    assert_non_null(kept);
    for (size_t i = 0; i < layers; i++)
        for (size_t j = 0; j < 2; j++) {
            kept[2 * i + j] = plan_tensor2(p, "kept", 100, 3 + j);
            launch_write(plan_kernel(p, "none.cl", "forward", 1, 1, "%s", ""), kept[2 * i + j]);
        }
    for (size_t i = 2 * layers; i-- > 0;) {
        struct launch *l = plan_kernel(p, "none.cl", "backward", 1, 1, "%s", "");
        launch_read(l, kept[i]);
        launch_write(l, plan_tensor2(p, "gradient", 100, 2 + i % 3));
    }
    clock_t before = clock();
    assert_int_equal(plan_place(p, &err) || plan_check(p, &err), 0);
    double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    plan_free(p);
    free(kept);
    return seconds;
}

/* Eight times the layers take about eight times as long, not 64 times. */
static void test_deep_graph(void **unused)
{
    (void)unused;
    double few = 1, many = 1;
    for (int i = 0; i < 3; i++) {
        double a = seconds_of(4000), b = seconds_of(32000);
        few = a < few ? a : few;
        many = b < many ? b : many;
    }
    print_message("# 4000 layers are planned in %.3f s, 32000 in %.3f s\n", few, many);
    assert_true(many < 24 * few);
}

/* The same graph gives the same places. */
static void test_deterministic(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct error err = {0};
        struct plan *g[2];
        for (int i = 0; i < 2; i++) {
            g[i] = start(seed, 128, 50000);
            grow(g[i], 40000);
            assert_int_equal(plan_place(g[i], &err), 0);
        }
        for (size_t i = 0; i < g[0]->tensors.count; i++) {
            assert_int_equal(g[0]->tensors.item[i]->offset, g[1]->tensors.item[i]->offset);
            assert_int_equal(g[0]->tensors.item[i]->segment, g[1]->tensors.item[i]->segment);
        }
        plan_free(g[0]);
        plan_free(g[1]);
    }
}

static struct tensor *find(const struct plan *p, const char *name)
{
    for (size_t i = 0; i < p->tensors.count; i++)
        if (!strcmp(p->tensors.item[i]->name, name))
            return p->tensors.item[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

/* Whatever two tensors are laid over each other: plan_check tells if they live at once. */
static void test_check_sees_overlaps(void **unused)
{
    (void)unused;
    size_t planted = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct error err = {0};
        struct plan *p = start(seed, 64, (uint64_t)1 << 31);
        grow(p, 40000);
        assert_int_equal(plan_place(p, &err), 0);
        for (int try = 0; try < 20; try++) {
            struct tensor *a = p->tensors.item[below(p->tensors.count)];
            struct tensor *b = p->tensors.item[below(p->tensors.count)];
            size_t fa, la, fb, lb;
            if (a == b || a->kind != TENSOR_ACTIVATION || b->kind != TENSOR_ACTIVATION ||
                !lifetime(p, a, &fa, &la) || !lifetime(p, b, &fb, &lb) || fa > lb || fb > la)
                continue;
            const size_t offset = b->offset, reach = (tensor_bytes(a) - 1) / 64;
            b->offset = a->offset + below(reach + 1) * 64; /* its start lies within a */
            if (b->offset + tensor_bytes(b) <= p->segment_bytes[0]) {
                memset(&err, 0, sizeof err);
                assert_int_equal(plan_check(p, &err), -1);
                assert_non_null(strstr(err.text, "overlap"));
                planted++;
            }
            b->offset = offset;
        }
        assert_int_equal(plan_check(p, &err), 0);
        plan_free(p);
    }
    assert_true(planted > 100);
}

static void test_check_sees_misplaced(void **unused)
{
    (void)unused;
    struct error err = {0};
    struct plan *p = start(1, 64, 1 << 20);
    struct tensor *a = plan_tensor2(p, "a", 3, 100), *b = plan_tensor2(p, "b", 2, 100);
    struct launch *l = plan_kernel(p, "none.cl", "one", 1, 1, "%s", "");
    launch_write(l, a);
    launch_write(l, b);
    assert_int_equal(plan_place(p, &err), 0);
    assert_int_equal(p->activation_bytes, 1216 + 832);
    assert_int_equal(plan_check(p, &err), 0);
    const struct {
        size_t segment, offset;
    } bad[] = {{0, 4}, {0, 1280}, {0, SIZE_MAX / 2 + 1}, {1, 1216}, {SIZE_MAX, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tensor was = *b;
        b->segment = bad[i].segment;
        b->offset = bad[i].offset;
        memset(&err, 0, sizeof err);
        assert_int_equal(plan_check(p, &err), -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, "b lies outside its segment"));
        *b = was;
    }
    fake.info.max_alloc_bytes = 1000;
    assert_int_equal(plan_check(p, &err), -1);
    plan_free(p);
}

static void refused(struct plan *p, enum status status, const char *a, const char *b)
{
    struct error err = {0};
    assert_int_equal(plan_place(p, &err), -1);
    if (err.status != status || !strstr(err.text, a) || !strstr(err.text, b))
        fail_msg("refused with status %d: %s", (int)err.status, err.text);
    plan_free(p);
}

static void test_reading_first(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < 4; kind++) {
        struct plan *p = start(1, 64, 1 << 20);
        struct tensor *a = plan_tensor2(p, "early", 3, 100), *b = plan_tensor2(p, "b", 2, 100);
        struct launch *l = plan_kernel(p, "none.cl", "first", 1, 1, "%s", "");
        launch_cost(l, 0, "somewhere");
        if (kind == 3)
            launch_write(l, a); /* in the same launch is not before it */
        if (kind == 1)
            launch_update(l, a);
        else if (kind == 2)
            plan_gemm(p, "product", gemm_shape_of(0, 0, 1, 1, 1), a, a, b, 0);
        else
            launch_read(l, a);
        launch_write(plan_kernel(p, "none.cl", "late", 1, 1, "%s", ""), a);
        refused(p, STATUS_FAILED, "reads early, which nothing has written",
                kind == 2 ? "launch 1 (gemm product)" : "launch 0 (first somewhere)");
    }
}

static void test_unfit(void **unused)
{
    (void)unused;
    struct plan *p = start(1, 64, 1000);
    struct launch *l = plan_kernel(p, "none.cl", "one", 1, 1, "%s", "");
    launch_write(l, plan_tensor2(p, "small", 2, 100));
    launch_write(l, plan_tensor2(p, "wide", 2, 121)); /* 968 bytes are 1024 */
    refused(p, STATUS_USAGE, "wide takes 1024 bytes", "largest buffer of 1000");

    p = start(1, 64, 1000);
    l = plan_kernel(p, "none.cl", "one", 1, 1, "%s", "");
    launch_int(l, INT32_MAX);
    launch_word(l, UINT32_MAX);
    assert_int_equal(l->arg[0].i, INT32_MAX);
    assert_int_equal((uint32_t)l->arg[1].i, UINT32_MAX);
    assert_int_equal(plan_place(p, &(struct error){0}), 0);
    launch_int(l, (size_t)INT32_MAX + 1);
    launch_cost(l, 0, "many rows");
    refused(p, STATUS_USAGE, "one many rows: 2147483648 is more", "train.batch");

    p = start(1, 64, 1000);
    l = plan_kernel(p, "none.cl", "one", 1, 1, "%s", "");
    for (size_t i = 0; i < LAUNCH_MAX_ARGS; i++)
        launch_int(l, i);
    assert_int_equal(plan_place(p, &(struct error){0}), 0);
    for (size_t i = 0; i < 5; i++)
        launch_read(l, find(p, "step"));
    refused(p, STATUS_FAILED, "25 arguments, at most 20", "one");

    /* 2^62 elements have 2^64 bytes; 2^32 * 2^32 * 2 have none */
    const size_t shapes[][3] = {{1, (size_t)1 << 62, 1},
                                {(size_t)1 << 32, (size_t)1 << 32, 2},
                                {SIZE_MAX, SIZE_MAX, SIZE_MAX},
                                {3, SIZE_MAX / 2, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        p = start(1, 64, UINT64_MAX);
        struct tensor vast = {.rank = 3};
        memcpy(vast.dim, shapes[i], sizeof shapes[i]);
        l = plan_kernel(p, "none.cl", "one", 1, 1, "%s", "");
        launch_write(l, plan_like(p, "vast", &vast));
        refused(p, STATUS_USAGE, "vast is larger than any memory", "");
    }
}

static void places(const struct plan *p, const char *names, const size_t *units, size_t segment)
{
    for (size_t i = 0; names[i]; i++) {
        const struct tensor *t = find(p, (char[]){names[i], 0});
        if (t->offset != 64 * units[i] || t->segment != segment)
            fail_msg("%s lies in segment %zu at %zu, not in %zu at %zu", t->name, t->segment,
                     t->offset, segment, 64 * units[i]);
    }
}

/* A tensor of so many units of 64 bytes; the last is not full. */
static struct tensor *units(struct plan *p, const char *name, size_t count)
{
    size_t elems = 16 * count - 3;
    return plan_tensor(p, name, elems);
}

/* The largest first, each at the lowest place: worked out by hand. a, b and c lie behind each
 * other, then b's place is free for e, f and g, which fill it; h comes behind all. */
static struct plan *with_a_hole(uint64_t most)
{
    struct plan *p = start(1, 64, most);
    /* made in another order than that of their places */
    struct tensor *h = units(p, "h", 1), *e = units(p, "e", 1), *G = units(p, "g", 1);
    struct tensor *f = units(p, "f", 1), *c = units(p, "c", 2), *b = units(p, "b", 3);
    struct tensor *a = units(p, "a", 4);
    struct tensor *first[] = {c, b, a}, *second[] = {h, e, G, f}, *last[] = {h, e, G, f, a, c};
    struct launch *l = plan_kernel(p, "none.cl", "first", 1, 1, "%s", "");
    for (size_t i = 0; i < 3; i++)
        launch_write(l, first[i]);
    launch_read(plan_kernel(p, "none.cl", "middle", 1, 1, "%s", ""), b);
    l = plan_kernel(p, "none.cl", "second", 1, 1, "%s", "");
    for (size_t i = 0; i < 4; i++)
        launch_write(l, second[i]);
    l = plan_kernel(p, "none.cl", "last", 1, 1, "%s", "");
    for (size_t i = 0; i < 6; i++)
        launch_read(l, last[i]);
    return p;
}

static void test_places_by_hand(void **unused)
{
    (void)unused;
    struct error err = {0};
    struct plan *p = with_a_hole(640); /* as much as is needed */
    assert_int_equal(plan_place(p, &err), 0);
    places(p, "abcefgh", (const size_t[]){0, 4, 7, 4, 5, 6, 9}, 0);
    assert_true(p->segments == 1 && p->activation_bytes == 640);
    assert_int_equal(plan_check(p, &err), 0);
    plan_free(p);

    p = with_a_hole(639);
    assert_int_equal(plan_place(p, &err), 0);
    places(p, "abcefg", (const size_t[]){0, 4, 7, 4, 5, 6}, 0);
    places(p, "h", (const size_t[]){0}, 1);
    assert_true(p->segments == 2 && p->activation_bytes == 640);
    assert_int_equal(plan_check(p, &err), 0);
    plan_free(p);

    p = with_a_hole(256); /* exactly the largest: the others have segments beside it */
    assert_int_equal(plan_place(p, &err), 0);
    places(p, "a", (const size_t[]){0}, 0);
    places(p, "befg", (const size_t[]){0, 0, 1, 2}, 1);
    places(p, "c", (const size_t[]){0}, 2);
    places(p, "h", (const size_t[]){3}, 1);
    assert_true(p->segments == 3 && p->activation_bytes == 256 + 256 + 128);
    plan_free(p);
    refused(with_a_hole(255), STATUS_USAGE, "a takes 256 bytes", "largest buffer of 255");
}

/* Of tensors of one size the earlier one lies lower, of those of one launch the first by name. */
static void test_order_of_equals(void **unused)
{
    (void)unused;
    struct error err = {0};
    struct plan *p = start(1, 64, 1 << 20);
    struct tensor *c = units(p, "c", 2), *a = units(p, "a", 2), *b = units(p, "b", 2);
    struct launch *l = plan_kernel(p, "none.cl", "first", 1, 1, "%s", "");
    launch_write(l, b);
    l = plan_kernel(p, "none.cl", "second", 1, 1, "%s", "");
    launch_write(l, c);
    launch_write(l, a);
    launch_read(l, b);
    assert_int_equal(plan_place(p, &err), 0);
    places(p, "bac", (const size_t[]){0, 2, 4}, 0);
    plan_free(p);
}

/* What is kept is not written over, and plan_check() knows. */
static void test_kept(void **unused)
{
    (void)unused;
    struct error err = {0};
    for (int keep = 0; keep < 2; keep++) {
        struct plan *p = start(1, 64, 1 << 20);
        struct tensor *a = units(p, "a", 3), *b = units(p, "b", 2), *c = units(p, "c", 1);
        struct tensor *unused_one = units(p, "d", 1);
        a->keep = unused_one->keep = keep;
        launch_write(plan_kernel(p, "none.cl", "first", 1, 1, "%s", ""), a);
        launch_write(plan_kernel(p, "none.cl", "second", 1, 1, "%s", ""), b);
        launch_write(plan_kernel(p, "none.cl", "third", 1, 1, "%s", ""), c);
        assert_int_equal(plan_place(p, &err), 0);
        places(p, "abc", keep ? (const size_t[]){0, 3, 3} : (const size_t[]){0, 0, 0}, 0);
        assert_int_equal(p->activation_bytes, 64 * (keep ? 5 : 3));
        c->offset = a->offset;
        assert_int_equal(plan_check(p, &err), -keep);
        plan_free(p);
    }
}

/* What runs carry on begins with zeros of its own; a graph that is not there can be freed. */
static void test_carried(void **unused)
{
    (void)unused;
    struct plan *p = start(1, 64, 1000);
    struct tensor *t = plan_carried(p, "h", 5);
    assert_ptr_equal(find(p, "h"), t);
    assert_true(t->kind == TENSOR_STATE && t->carried && t->elems == 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(((uint32_t *)t->initial)[i], 0);
    plan_free(p);
    plan_free(NULL);
}

static void test_parameter_names(void **unused)
{
    (void)unused;
    struct params *params = params_new(0);
    assert_non_null(params);
    char name[PARAM_MAX_NAME + 2];
    memset(name, 'n', sizeof name);
    name[PARAM_MAX_NAME] = 0; /* the longest that fits */
    struct tensor *t = params_get(params, name, 2, (size_t[]){3, 4}, 1, INIT_CONSTANT, 1);
    assert_non_null(t);
    assert_string_equal(t->name, name);
    assert_ptr_equal(params_get(params, name, 2, (size_t[]){3, 4}, 1, INIT_CONSTANT, 1), t);
    assert_null(params_get(params, name, 2, (size_t[]){4, 3}, 1, INIT_CONSTANT, 1));
    name[PARAM_MAX_NAME] = 'n';
    name[PARAM_MAX_NAME + 1] = 0;
    assert_null(params_get(params, name, 2, (size_t[]){3, 4}, 1, INIT_CONSTANT, 1));
    assert_null(params_get(params, "vast", 2, (size_t[]){SIZE_MAX, 4}, 1, INIT_CONSTANT, 1));
    assert_int_equal(params->count, 1);

    /* places: decayed first, aligned, apart */
    params_get(params, "bias", 1, (size_t[]){5}, 0, INIT_CONSTANT, 0);
    params_get(params, "weight", 1, (size_t[]){33}, 1, INIT_CONSTANT, 0);
    params_place(params, 128);
    assert_int_equal(params->list[0]->value.offset, 0);
    assert_int_equal(params->list[2]->value.offset, 128);
    assert_int_equal(params->list[1]->value.offset, 384);
    assert_int_equal(params->decayed * 4, 384);
    assert_int_equal(params->elems * 4, 512);
    assert_int_equal(params_count(params), 12 + 5 + 33);

    struct error err = {0};
    struct graph *of = graph_new(params, 1, 1);
    assert_non_null(of);
    graph_param(of, name, 1, (size_t[]){3}, 1, INIT_CONSTANT, 1);
    assert_null(lower_graph(of, &fake, &err));
    assert_int_equal(err.status, STATUS_USAGE);
    assert_non_null(strstr(err.text, "nnn does not fit"));
    params_free(params);
}

/* --- several devices */

/* What a tensor holds: a number that stands for how it came about. */
struct content {
    const struct tensor *of;
    uint64_t number;
};

static uint64_t *content_of(struct content *all, size_t *count, const struct tensor *t,
                            uint64_t at_first)
{
    for (size_t i = 0; i < *count; i++)
        if (all[i].of == t)
            return &all[i].number;
    all[*count] = (struct content){t, at_first};
    return &all[(*count)++].number;
}

/* Runs a launch on these tensors: all that it writes depends on all that it uses. */
static uint64_t pretend(struct content *all, size_t *count, const struct launch *l, uint64_t number)
{
    for (unsigned a = 0; a < l->args; a++)
        if (l->arg[a].tensor)
            number = (number ^ *content_of(all, count, l->arg[a].tensor, 0)) * 1099511628211u + a;
    for (unsigned a = 0; a < l->args; a++)
        if (l->arg[a].tensor && l->arg[a].kind != ARG_READ)
            *content_of(all, count, l->arg[a].tensor, 0) = number + a;
    return number;
}

/* Whatever runs where: each launch sees what it would see on one device. */
static void test_split_sees_the_same(void **unused)
{
    (void)unused;
    static struct device beside[2];
    static struct content all[8 * TENSORS];
    static uint64_t seen[4 * LAUNCHES];
    static struct launch *given[4 * LAUNCHES];
    size_t moves = 0;
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        struct error err = {0};
        struct plan *p = start(seed, 64, (uint64_t)1 << 31);
        fake.next = &beside[0];
        beside[0] = beside[1] = (struct device){.info = fake.info};
        beside[0].next = &beside[1];
        grow(p, 4000);
        const size_t launches = p->launch_count;
        for (size_t i = 0, count = 0, device = 0; i < launches; i++) {
            device = below(4) ? device : below(3);
            p->launches[i]->device = device;
            given[i] = p->launches[i];
            seen[i] = pretend(all, &count, given[i], i);
        }
        split_join(p);
        assert_false(p->failed);
        size_t at = 0, count = 0;
        for (size_t i = 0; i < p->launch_count; i++) {
            const struct launch *l = p->launches[i];
            if (l->moves) { /* a copy holds something else before */
                const uint64_t from = *content_of(all, &count, l->arg[0].tensor, 0);
                *content_of(all, &count, l->arg[1].tensor, 1) = from;
                moves++;
                continue;
            }
            assert_ptr_equal(l, given[at]);
            assert_true(pretend(all, &count, l, at) == seen[at]);
            at++;
        }
        assert_int_equal(at, launches);
        assert_int_equal(plan_place(p, &err) || plan_check(p, &err), 0);
        for (size_t i = 0; i < p->tensors.count; i++) {
            const struct tensor *t = p->tensors.item[i];
            if (t->kind == TENSOR_ACTIVATION && t->first >= 0)
                assert_int_equal(p->segment_device[t->segment], t->device);
        }
        for (size_t i = 0; i < p->launch_count; i++)
            if (p->launches[i]->moves) {
                p->launches[i]->moves = 0;
                assert_int_equal(plan_check(p, &err), -1);
                assert_non_null(strstr(err.text, "of device"));
                break;
            }
        plan_free(p);
        fake.next = NULL;
    }
    assert_true(moves > GRAPHS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_deep_graph),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_check_sees_overlaps),
        cmocka_unit_test(test_check_sees_misplaced),
        cmocka_unit_test(test_reading_first),
        cmocka_unit_test(test_unfit),
        cmocka_unit_test(test_places_by_hand),
        cmocka_unit_test(test_order_of_equals),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_carried),
        cmocka_unit_test(test_parameter_names),
        cmocka_unit_test(test_split_sees_the_same),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
