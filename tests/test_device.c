/* SPDX-License-Identifier: MIT */
/*
 * The device layer: selection, buffers, the order of commands on an out-of-order and on an in-order
 * queue, kernels and their errors, and the cache of programs with every kind of bad entry.
 */
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/opencl.h"
#include "util/file.h"

static char root[] = "/tmp/seqtrain-device-XXXXXX"; /* XDG_CACHE_HOME of the tests lies here */
static const char *self;
static unsigned built;

static void count_build(void *ctx, const char *program)
{
    (void)ctx;
    assert_non_null(program);
    built++;
}

static struct device *open_device(const char *select)
{
    struct error err = {0};
    struct device *dev = device_open(
        &(struct device_options){.select = select, .memory_fraction = 0.5, .threads = -1}, &err);
    if (!dev)
        fail_msg("%s", err.text);
    device_on_build(dev, count_build, NULL);
    return dev;
}

/* The same device without a second queue, as GPUs are used. */
static struct device *open_in_order(void)
{
    struct device *dev = open_device("auto");
    clReleaseCommandQueue(dev->side);
    dev->side = NULL;
    return dev;
}

static struct buffer *floats(struct device *dev, size_t n)
{
    struct error err = {0};
    struct buffer *b = buffer_new(dev, n * sizeof(float), "test", &err);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static uint32_t random_state = 1;
static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)random_state * n >> 32);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void need_native(struct device *dev)
{
    if (!device_info(dev)->has_native) {
        print_message("this device runs no host functions\n");
        device_close(dev);
        skip();
    }
}

/* --- selection */

static void refused_as(enum status status, const char *select, const char *text)
{
    struct error err = {0};
    assert_null(device_open(
        &(struct device_options){.select = select, .memory_fraction = 0.5, .threads = -1}, &err));
    assert_int_equal(err.status, status);
    if (!strstr(err.text, text) || strchr(err.text, '\n'))
        fail_msg("'%s' is refused with: %s", select, err.text);
}

static void refused(const char *select, const char *text)
{
    refused_as(STATUS_DEVICE, select, text);
}

static void test_selection(void **state)
{
    (void)state;
    struct device *dev = open_device("auto");
    const struct device_info info = *device_info(dev);
    assert_true(info.name[0] && info.platform[0] && info.version[0] && info.driver[0]);
    assert_true(info.compute_units > 0 && info.max_group > 0 && info.local_bytes > 0);
    assert_true(info.max_alloc_bytes > 0 && info.max_alloc_bytes <= info.global_bytes);
    assert_true(info.base_align >= 64 && !(info.base_align & (info.base_align - 1)));
    assert_int_equal(device_budget(dev), (uint64_t)((double)info.global_bytes * 0.5));
    device_close(dev);

    const char *kind = info.is_cpu ? "CPU" : "gpu";
    char part[8] = "";
    memcpy(part, info.name + 1, strlen(info.name) > 8 ? 6 : 1);
    const char *selects[] = {"", "AUTO", kind, part, info.name};
    for (size_t i = 0; i < sizeof selects / sizeof *selects; i++) {
        dev = open_device(selects[i]);
        assert_string_equal(device_info(dev)->name, info.name);
        device_close(dev);
    }
    dev = open_device("0");
    device_close(dev);
    refused("nonsense no device is called", "no usable OpenCL device fits 'nonsense");
    refused("4096", "device 4096: there are ");
    refused("-1", "device -1: there are ");
    refused("99999999999999999999999", "numbered from 0");
    if (info.is_cpu)
        refused("gpu", "no usable OpenCL device fits 'gpu'");
}

static void test_part_names(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0.x/2",  "0.",     "0.1",    "0.1/",   "0./2",
                                        "0.1/2x", "0.1/ 2", "0.-1/2", "0.1/+2", "0.0/12345678901"};
    struct device_part part;
    struct error err = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused_as(STATUS_USAGE, wrong[i], "is no part of a device: ");
    refused_as(STATUS_USAGE, "0.0/0", "0.0/0: a device has at least one part");
    refused_as(STATUS_USAGE, "0.2/2", "0.2/2: 2 parts are numbered from 0 to 1");
    refused("4096.0/2", "device 4096.0/2: there are ");
    assert_int_equal(part_read("12.3/4", &part, &err), 1);
    assert_true(part.index == 12 && part.number == 3 && part.of == 4);
    assert_int_equal(part_read("12", &part, &err), 0);
    assert_int_equal(part_read("x.1/2", &part, &err), 0);
    assert_int_equal(part.of, 1);
}

/* Into how many parts a device can be cut. */
static void test_part_sizes(void **state)
{
    (void)state;
    struct error err = {0};
    struct device_found found = {.cuts = DEVICE_CUTS_BY_COUNTS,
                                 .info = {.name = "twelve", .compute_units = 12}};
    const struct device_part third = {3, 2, 3}, fifth = {3, 4, 5}, much = {3, 0, 24};
    assert_int_equal(part_check(&found, &third, &err), 0);
    assert_int_equal(part_check(&found, &fifth, &err), -1);
    assert_string_equal(err.text, "device 3 (twelve) has 12 compute units, which 5 equal parts do "
                                  "not divide: it can have 1, 2, 3, 4, 6, 12");
    assert_int_equal(part_check(&found, &much, &err), -1);
    found.cuts = 0;
    assert_int_equal(part_check(&found, &third, &err), -1);
    assert_string_equal(err.text, "device 3 (twelve) cannot be cut into parts: device.select = 3 "
                                  "takes it whole");
    assert_int_equal(err.status, STATUS_DEVICE);
}

static void test_list(void **state)
{
    (void)state;
    struct error err = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_int_equal(device_list((char *[]){"auto"}, 1, out, NULL, &err), 0);
    fclose(out);
    struct device *dev = open_device("auto");
    assert_non_null(strstr(text, device_info(dev)->name));
    assert_non_null(strstr(text, device_info(dev)->platform));
    assert_non_null(strstr(text, "* would be used: "));
    device_close(dev);
    free(text);

    out = open_memstream(&text, &size);
    /* still lists what there is */
    assert_int_equal(device_list((char *[]){"auto", "nonsense"}, 2, out, NULL, &err), -1);
    fclose(out);
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(text, "0: "));
    assert_null(strstr(text, "would be used"));
    free(text);
}

/* Runs this program again as `mode` with `name` = `value` (NULL: unset); its exit status. */
static int child(const char *mode, const char *name, const char *value)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        if (value)
            setenv(name, value, 1);
        else {
            unsetenv(name);
            unsetenv("XDG_CACHE_HOME");
        }
        execl(self, self, mode, (char *)NULL);
        _exit(99);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int child_no_platform(void)
{
    struct error err = {0};
    if (device_open(
            &(struct device_options){.select = "auto", .memory_fraction = 0.5, .threads = -1},
            &err))
        return 1;
    if (err.status != STATUS_DEVICE || !strstr(err.text, "no OpenCL platform found"))
        return 2;
    memset(&err, 0, sizeof err);
    return device_list((char *[]){"auto"}, 1, stderr, NULL, &err) == -1 &&
                   err.status == STATUS_DEVICE
               ? 0
               : 3;
}

static void test_no_platform(void **state)
{
    (void)state;
    char empty[128];
    snprintf(empty, sizeof empty, "%s/empty/", root);
    assert_int_equal(mkdir(empty, 0700), 0);
    assert_int_equal(child("no-platform", "OCL_ICD_VENDORS", empty), 0);
}

static void test_threads(void **state)
{
    (void)state;
    struct error err = {0};
    for (long threads = 1; threads <= 3; threads++) {
        struct device *dev = device_open(
            &(struct device_options){.select = "auto", .memory_fraction = 0.5, .threads = threads},
            &err);
        if (!dev)
            fail_msg("%s", err.text);
        if (device_info(dev)->is_cpu)
            assert_true(device_info(dev)->compute_units <= (unsigned)threads ||
                        device_info(dev)->compute_units < 3);
        if (device_info(dev)->is_cpu && threads == 1)
            assert_int_equal(device_info(dev)->compute_units, 1);
        buffer_free(floats(dev, 100));
        device_close(dev);
    }
    /* The device's threads end their last commands while it is closed. */
    for (int again = 0; again < 200; again++) {
        struct device *dev = device_open(
            &(struct device_options){.select = "auto", .memory_fraction = 0.5, .threads = 1}, &err);
        if (!dev)
            fail_msg("%s", err.text);
        buffer_free(floats(dev, 100));
        device_close(dev);
    }
}

/* --- buffers */

static void test_buffers(void **state)
{
    (void)state;
    struct error err = {0};
    struct device *dev = open_device("auto");
    size_t align = device_info(dev)->base_align, words = align / 4;
    struct buffer *b = floats(dev, 4 * words);
    assert_int_equal(device_bytes(dev), 4 * align);
    uint32_t *x = malloc(4 * align), *y = malloc(4 * align);
    assert_true(x && y);
    memset(y, 0xff, 4 * align);
    assert_int_equal(buffer_read(b, 0, 4 * align, y, &err), 0);
    for (size_t i = 0; i < 4 * words; i++)
        assert_int_equal(y[i], 0);

    struct buffer *part = buffer_part(b, 2 * align, align + 4, &err);
    assert_non_null(part);
    assert_int_equal(buffer_size(part), align + 4);
    assert_int_equal(device_bytes(dev), 4 * align); /* a part takes nothing */
    for (size_t i = 0; i < 4 * words; i++)
        x[i] = (uint32_t)i * 2654435761u;
    assert_int_equal(buffer_write(b, 0, 4 * align, x, &err), 0);
    assert_int_equal(buffer_read(part, 4, align, y, &err), 0);
    assert_memory_equal(y, x + 2 * words + 1, align);
    assert_int_equal(buffer_zero(part, &err), 0);
    memset(x + 2 * words, 0, align + 4);
    assert_int_equal(buffer_read(b, 0, 4 * align, y, &err), 0);
    assert_memory_equal(y, x, 4 * align);

    assert_null(buffer_part(b, 4 * align, align, &err)); /* beyond the end */
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(err.text, "clCreateSubBuffer"));
    assert_int_equal(buffer_read(b, 4 * align, 4, y, &err), -1);
    assert_non_null(strstr(err.text, "clEnqueueReadBuffer: CL_INVALID_VALUE"));
    assert_int_equal(buffer_read(b, 0, 4 * align, y, &err), 0); /* nothing is stuck */
    assert_memory_equal(y, x, 4 * align);

    const uint64_t budget = device_budget(dev);
    assert_null(buffer_new(dev, (size_t)budget, "series", &err));
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(err.text, "series: "));
    for (size_t less = 0; less < 9; less++) {
        assert_null(buffer_new(dev, SIZE_MAX - less, "series", &err));
        assert_non_null(strstr(err.text, "series: "));
        assert_non_null(strstr(err.text, "do not fit"));
    }
    dev->budget = UINT64_MAX;
    assert_null(buffer_new(dev, (size_t)device_info(dev)->max_alloc_bytes + 4, "series", &err));
    assert_non_null(strstr(err.text, "largest buffer"));
    dev->budget = budget;
    assert_int_equal(device_bytes(dev), 4 * align);
    buffer_free(part);
    buffer_free(b);
    assert_int_equal(device_bytes(dev), 0);
    b = buffer_new(dev, 0, "nothing", &err); /* one word */
    assert_int_equal(buffer_size(b), 4);
    buffer_free(b);
    free(x);
    free(y);
    device_close(dev);
}

/* Host memory that copies read from: what the driver gives for a GPU, blocks for a CPU. */
static void test_host_memory(void **state)
{
    enum { PIECES = 5, WORDS = 1000 };
    (void)state;
    for (int gpu = 0; gpu < 2; gpu++) {
        static const size_t freed[PIECES] = {2, 0, 4, 3, 1};
        struct error err = {0};
        uint32_t *host[PIECES], got[WORDS];
        struct device *dev = open_device("auto");
        if (gpu)
            device_act_as_gpu(dev);
        const uint64_t before = device_bytes(dev);
        struct buffer *b = floats(dev, WORDS);
        for (size_t p = 0; p < PIECES; p++) {
            assert_non_null(host[p] = device_host_new(dev, p ? sizeof got : 0));
            for (size_t i = 0; p && i < WORDS; i++)
                host[p][i] = (uint32_t)(i * 7 + p);
        }
        assert_int_equal(dev->host != NULL, !device_info(dev)->is_cpu);
        assert_int_equal(device_bytes(dev), before + sizeof got);
        for (size_t p = 1; p < PIECES; p++) {
            assert_int_equal(buffer_send(b, 0, sizeof got, host[p], &err), 0);
            assert_int_equal(buffer_read(b, 0, sizeof got, got, &err), 0);
            assert_memory_equal(got, host[p], sizeof got);
            assert_int_equal(buffer_read(b, 0, sizeof got, host[p], &err), 0);
            assert_memory_equal(got, host[p], sizeof got);
        }
        for (size_t p = 0; p < PIECES; p++)
            device_host_free(dev, host[freed[p]]);
        device_host_free(dev, NULL);
        assert_null(dev->host);
        buffer_free(b);
        device_close(dev);
    }
}

/* --- order */

#define CELLS 8
#define BUFFERS 6
#define PRIME 65521

struct affine {
    float add;
};

/* y = (3 y + x + add) mod 65521: exact in fp32 and never the same in another order */
static void affine(void **memory, const void *arg)
{
    const struct affine *a = arg;
    float *y = memory[0];
    const float *x = memory[1];
    for (int i = 0; i < CELLS; i++)
        y[i] = fmodf(3 * y[i] + fmodf(x[i], PRIME) + a->add, PRIME);
}

static struct kernel *adder(struct device *dev, const char *options)
{
    struct error err = {0};
    struct kernel *k = kernel_new(dev, "reduce.cl", "add_parts", options, &err);
    if (!k)
        fail_msg("%s", err.text);
    return k;
}

/* y += x */
static void add(struct kernel *k, struct buffer *x, struct buffer *y)
{
    struct error err = {0};
    kernel_set_buffer(k, 0, x);
    kernel_set_buffer(k, 1, y);
    kernel_set_buffer(k, 2, y); /* the second sum has no columns here */
    kernel_set_int(k, 3, 1);
    kernel_set_int(k, 4, CELLS);
    kernel_set_int(k, 5, CELLS);
    kernel_set_int(k, 6, CELLS);
    kernel_set_int(k, 7, 0);
    if (kernel_enqueue(k, CELLS, 1, &err))
        fail_msg("%s", err.text);
}

/* Thousands of commands of every kind, each depending on what went before, held against the host.
 */
static void random_chain(struct device *dev, unsigned commands)
{
    enum { SENDS = 4096 };
    struct error err = {0};
    struct kernel *k = adder(dev, "-DVEC=1 -DLANES=1");
    struct buffer *b[BUFFERS];
    float want[BUFFERS][CELLS] = {{0}}, got[CELLS];
    float(*sent)[CELLS] = calloc(SENDS, sizeof *sent);
    assert_non_null(sent);
    unsigned sends = 0, reads = 0, native = device_info(dev)->has_native != 0;
    for (int i = 0; i < BUFFERS; i++)
        b[i] = floats(dev, CELLS);
    for (unsigned c = 0; c < commands; c++) {
        uint32_t i = random_below(BUFFERS), j = random_below(BUFFERS - 1), what = random_below(100);
        j += j >= i;
        if (what < 40) {
            if (want[i][0] + want[j][0] > 1e6f) /* sums stay exact */
                continue;
            add(k, b[j], b[i]);
            for (int e = 0; e < CELLS; e++)
                want[i][e] += want[j][e];
        } else if (what < 85 && native) {
            struct affine a = {(float)random_below(1000)};
            struct buffer *list[] = {b[i], b[j]};
            assert_int_equal(device_enqueue_native(dev, affine, &a, sizeof a, list, 2, &err), 0);
            affine((void *[]){want[i], want[j]}, &a);
        } else if (what < 97 && sends < SENDS) {
            for (int e = 0; e < CELLS; e++)
                want[i][e] = sent[sends][e] = (float)random_below(PRIME);
            assert_int_equal(buffer_send(b[i], 0, sizeof got, sent[sends++], &err), 0);
        } else if (what < 98) {
            assert_int_equal(buffer_zero(b[i], &err), 0);
            memset(want[i], 0, sizeof want[i]);
        } else if (what < 99) {
            assert_int_equal(device_pace(dev, 3, &err), 0);
        } else {
            assert_int_equal(buffer_read(b[i], 0, sizeof got, got, &err), 0);
            assert_memory_equal(got, want[i], sizeof got);
            reads++;
        }
    }
    for (int i = 0; i < BUFFERS; i++) {
        assert_int_equal(buffer_read(b[i], 0, sizeof got, got, &err), 0);
        assert_memory_equal(got, want[i], sizeof got);
        buffer_free(b[i]);
    }
    assert_true(reads > 10 && sends > 100);
    kernel_free(k);
    free(sent);
}

/* Closes; every event, buffer, kernel, program and queue holds the context in PoCL. */
static void close_checked(struct device *dev)
{
    cl_context context = dev->context;
    int counts = strstr(device_info(dev)->platform, "Portable") != NULL;
    cl_uint held = 0;
    assert_int_equal(clRetainContext(context), CL_SUCCESS);
    device_close(dev);
    for (int wait = 0; counts && held != 1 && wait < 400; wait++) {
        clGetContextInfo(context, CL_CONTEXT_REFERENCE_COUNT, sizeof held, &held, NULL);
        if (held != 1)
            pause_ms(5); /* the device's threads let go of an event a little later */
    }
    if (counts)
        assert_int_equal(held, 1);
    clReleaseContext(context);
}

static void test_order(void **state)
{
    (void)state;
    struct device *dev = open_device("auto");
    random_chain(dev, 6000);
    close_checked(dev);
}

static void test_order_in_order_queue(void **state)
{
    (void)state;
    struct device *dev = open_in_order();
    random_chain(dev, 2000);
    close_checked(dev);
}

struct cell {
    size_t at;
    long pause_ms;
};

static void slow_start(void **memory, const void *arg)
{
    const struct cell *c = arg;
    float *x = memory[0];
    pause_ms(c->pause_ms);
    for (size_t i = 0; i < c->at; i++)
        x[i] = 1;
}

static void one_cell(void **memory, const void *arg)
{
    const struct cell *c = arg;
    float *x = memory[0];
    if (c->pause_ms)
        pause_ms(c->pause_ms);
    x[c->at] = 2 * x[c->at] + 1;
}

static void add_cells(void **memory, const void *arg)
{
    const struct cell *c = arg;
    const float *x = memory[0];
    float *sum = memory[1];
    *sum = 0;
    for (size_t i = 0; i < c->at; i++)
        *sum += x[i];
}

/* A fork waits for what was before, whatever comes after waits for all of it; one of its first
 * commands takes long. */
static void fork_of(struct device *dev, size_t n)
{
    struct error err = {0};
    struct buffer *x = floats(dev, n), *sum = floats(dev, 1);
    struct cell c = {n, 5};
    assert_int_equal(device_enqueue_native(dev, slow_start, &c, sizeof c, &x, 1, &err), 0);
    device_fork(dev);
    for (size_t i = 0; i < n; i++) {
        c = (struct cell){i, i == n / 3 || i == n - 1 ? 20 : 0};
        assert_int_equal(device_enqueue_native(dev, one_cell, &c, sizeof c, &x, 1, &err), 0);
    }
    device_join(dev, &err);
    c.at = n;
    struct buffer *list[] = {sum, x};
    struct buffer *swapped[] = {list[1], list[0]};
    assert_int_equal(device_enqueue_native(dev, add_cells, &c, sizeof c, swapped, 2, &err), 0);
    float got = 0;
    assert_int_equal(buffer_read(sum, 0, sizeof got, &got, &err), 0);
    if (got != 3 * (float)n)
        fail_msg("a fork of %zu commands gave %g, not %g", n, (double)got, 3 * (double)n);
    buffer_free(x);
    buffer_free(sum);
}

static void test_fork(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 16, 255, 256, 257, 258, 300, 511, 512, 513, 600};
    struct device *dev = open_device("auto");
    need_native(dev);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        fork_of(dev, sizes[i]);
    close_checked(dev);
    dev = open_in_order();
    fork_of(dev, 300);
    device_close(dev);
}

static atomic_uint paced;
static void count_slowly(void **memory, const void *arg)
{
    (void)memory;
    (void)arg;
    pause_ms(2);
    atomic_fetch_add(&paced, 1);
}

static void check_pace(struct device *dev, unsigned depth)
{
    enum { STEPS = 40 };
    struct error err = {0};
    struct buffer *b = floats(dev, 1);
    unsigned furthest = 0;
    atomic_store(&paced, 0);
    for (unsigned i = 0; i < STEPS; i++) {
        assert_int_equal(device_pace(dev, depth, &err), 0);
        unsigned done = atomic_load(&paced), bound = depth < 8 ? depth : 8;
        if (done + bound < i)
            fail_msg("depth %u: %u of %u steps done", depth, done, i);
        furthest = i - done > furthest ? i - done : furthest;
        assert_int_equal(device_enqueue_native(dev, count_slowly, NULL, 0, &b, 1, &err), 0);
    }
    assert_int_equal(device_finish(dev, &err), 0);
    assert_int_equal(atomic_load(&paced), STEPS);
    if (depth > 1)
        assert_true(furthest >= 1); /* it does not simply wait for everything */
    else if (!depth)
        assert_int_equal(furthest, 0);
    buffer_free(b);
}

static void test_pace(void **state)
{
    (void)state;
    static const unsigned depths[] = {1, 4, 8, 100, 0};
    struct device *dev = open_device("auto");
    need_native(dev);
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        check_pace(dev, depths[i]);
        close_checked(dev);
        dev = open_device("auto");
    }
    device_close(dev);
    dev = open_in_order();
    check_pace(dev, 4);
    device_close(dev);
}

/* Pacing before anything was enqueued, and finishing an empty queue. */
static void test_empty_queue(void **state)
{
    (void)state;
    struct error err = {0};
    struct device *dev = open_device("auto");
    for (int i = 0; i < 20; i++)
        assert_int_equal(device_pace(dev, 2, &err), 0);
    device_fork(dev);
    device_join(dev, &err);
    assert_int_equal(device_finish(dev, &err), 0);
    device_close(dev);
    device_close(NULL);
}

static void test_native_errors(void **state)
{
    (void)state;
    struct error err = {0};
    struct device *dev = open_device("auto");
    need_native(dev);
    struct buffer *b = floats(dev, 8), *many[9];
    static const char large[4096];
    for (int i = 0; i < 9; i++)
        many[i] = b;
    assert_int_equal(device_enqueue_native(dev, affine, large, sizeof large, many, 1, &err), -1);
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_int_equal(device_enqueue_native(dev, affine, large, 4, many, 9, &err), -1);
    /* the same buffer twice, and no buffer at all */
    struct affine a = {1};
    assert_int_equal(device_enqueue_native(dev, affine, &a, sizeof a, many, 2, &err), 0);
    atomic_store(&paced, 0);
    assert_int_equal(device_enqueue_native(dev, count_slowly, NULL, 0, NULL, 0, &err), 0);
    float got[CELLS];
    assert_int_equal(buffer_read(b, 0, sizeof got, got, &err), 0);
    assert_true(got[0] == 1 && got[CELLS - 1] == 1 && atomic_load(&paced) == 1);
    buffer_free(b);
    device_close(dev);
}

/* --- kernels */

static void test_kernel_errors(void **state)
{
    (void)state;
    struct error err = {0};
    struct device *dev = open_device("auto");
    assert_null(kernel_new(dev, "no-such.cl", "x", "", &err));
    assert_string_equal(err.text, "no kernel file 'no-such.cl'");
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_null(kernel_new(dev, "reduce.cl", "no_such", "-DVEC=1 -DLANES=1", &err));
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(err.text, "clCreateKernel: CL_INVALID_KERNEL_NAME"));
    assert_non_null(strstr(err.text, "no_such"));

    struct buffer *x = floats(dev, CELLS), *y = floats(dev, CELLS);
    struct kernel *k = adder(dev, "-DVEC=1 -DLANES=1");
    kernel_set_buffer(k, 0, x);
    assert_int_equal(kernel_enqueue(k, CELLS, 1, &err), -1); /* arguments are missing */
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_non_null(strstr(err.text, "clEnqueueNDRangeKernel: CL_INVALID_KERNEL_ARGS"));
    assert_non_null(strstr(err.text, "add_parts"));
    kernel_set_int(k, 17, 1);
    kernel_set_int(k, 18, 1);
    assert_int_equal(kernel_enqueue(k, CELLS, 1, &err), -1);
    assert_non_null(strstr(err.text, "clSetKernelArg: CL_INVALID_ARG_INDEX"));
    assert_non_null(strstr(err.text, "add_parts, argument 17"));
    kernel_free(k);

    k = adder(dev, "-DVEC=1 -DLANES=1");
    kernel_set_buffer(k, 1, NULL);
    assert_int_equal(kernel_enqueue(k, 1, 1, &err), -1);
    assert_non_null(strstr(err.text, "add_parts, argument 1"));
    kernel_free(k);

    k = adder(dev, "-DVEC=1 -DLANES=1");
    add(k, x, y);
    assert_int_equal(kernel_enqueue(k, 1, device_info(dev)->max_group * 2, &err), -1);
    assert_non_null(strstr(err.text, "add_parts"));
    assert_null(strstr(err.text, "unknown"));
    add(k, x, y); /* refused launches leave the queue in order */
    assert_int_equal(device_finish(dev, &err), 0);
    kernel_free(k);
    kernel_free(NULL);
    buffer_free(x);
    buffer_free(y);
    device_close(dev);
}

static void test_build_failure(void **state)
{
    (void)state;
    struct error err = {0};
    struct device *dev = open_device("auto");
    unsigned programs = device_programs(dev);
    for (int i = 0; i < 2; i++) {
        assert_null(kernel_new(dev, "reduce.cl", "add_parts", "-DVEC=broken_width", &err));
        assert_int_equal(err.status, STATUS_DEVICE);
        assert_non_null(strstr(err.text, "clBuildProgram: CL_BUILD_PROGRAM_FAILURE"));
        assert_non_null(strstr(err.text, "reduce.cl -DVEC=broken_width"));
        assert_non_null(strstr(err.text, "error")); /* the compiler's own words */
        assert_non_null(strchr(err.text, '\n'));
    }
    assert_int_equal(device_programs(dev), programs);
    device_close(dev);
}

/* --- the cache */

static char cache[160];

/* An empty XDG_CACHE_HOME of its own. */
static void use_cache(const char *name)
{
    snprintf(cache, sizeof cache, "%s/%s", root, name);
    setenv("XDG_CACHE_HOME", cache, 1);
}

/* Opens a device, adds with a program of these options, saves; returns how many were built. */
static unsigned builds(const char *options)
{
    struct error err = {0};
    struct device *dev = open_device("auto");
    float one[CELLS], got[CELLS];
    for (int i = 0; i < CELLS; i++)
        one[i] = (float)i + 1;
    struct buffer *x = floats(dev, CELLS), *y = floats(dev, CELLS);
    assert_int_equal(buffer_write(x, 0, sizeof one, one, &err), 0);
    built = 0;
    struct kernel *k = adder(dev, options), *again = adder(dev, options);
    add(k, x, y);
    add(again, x, y);
    assert_int_equal(device_programs(dev), 1);
    assert_int_equal(buffer_read(y, 0, sizeof got, got, &err), 0);
    for (int i = 0; i < CELLS; i++)
        assert_true(got[i] == 2 * one[i]);
    device_save_programs(dev);
    kernel_free(k);
    kernel_free(again);
    buffer_free(x);
    buffer_free(y);
    device_close(dev);
    return built;
}

/* Paths of the cache's files; how many there are. */
static size_t entries(char path[][512], size_t most)
{
    char folder[256];
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/seqtrain", cache);
    DIR *dir = opendir(folder);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        if (d->d_name[0] == '.')
            continue;
        assert_non_null(strstr(d->d_name, ".bin")); /* nothing else is left lying about */
        assert_null(strstr(d->d_name, ".tmp"));
        assert_true(n < most);
        snprintf(path[n++], 512, "%s/%s", folder, d->d_name);
    }
    if (dir)
        closedir(dir);
    return n;
}

static void test_cache(void **state)
{
    (void)state;
    char path[4][512];
    use_cache("fresh/and/deep"); /* made where it is missing */
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
    assert_int_equal(entries(path, 4), 1);
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 0);
    assert_int_equal(builds("-DVEC=1 -DLANES=1 -DOTHER"), 1);
    assert_int_equal(entries(path, 4), 2);
    assert_int_equal(builds("-DVEC=1 -DLANES=1 -DOTHER"), 0);
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 0);
}

/* A program's times: first launches only while they are watched, and only the first of a kernel. */
static void test_times(void **state)
{
    (void)state;
    use_cache("times");
    for (int round = 0; round < 3; round++) { /* not watched; watched, built; watched, loaded */
        char options[64];
        struct program_times times[2];
        struct error err = {0};
        struct device *dev = open_device("auto");
        struct buffer *x = floats(dev, CELLS), *y = floats(dev, CELLS);
        if (round)
            device_watch(dev);
        snprintf(options, sizeof options, "-DVEC=1 -DLANES=1 -DTIMES=%d", round > 0);
        struct kernel *k = adder(dev, options), *other = adder(dev, "-DVEC=1 -DLANES=1");
        add(k, x, y);
        assert_int_equal(device_finish(dev, &err), 0);
        assert_int_equal(device_program_times(dev, times, 2), 2);
        const struct program_times *t = !strcmp(times[0].options, options) ? times : times + 1;
        assert_string_equal(t->file, "reduce.cl");
        assert_string_equal(t->options, options);
        assert_true(t->built > 0);
        assert_int_equal(t->loaded, round == 2);
        assert_int_equal(t->launched > 0, round > 0);
        assert_true(times[0].built + times[0].launched >= times[1].built + times[1].launched);
        const double before = t->launched;
        add(k, x, y);
        assert_int_equal(device_program_times(dev, times, 2), 2);
        t = !strcmp(times[0].options, options) ? times : times + 1;
        assert_true(t->launched == before);
        device_save_programs(dev);
        kernel_free(k);
        kernel_free(other);
        buffer_free(x);
        buffer_free(y);
        device_close(dev);
    }
}

struct entry {
    char path[512];
    char *bytes;
    size_t size;
};

static void put(const struct entry *e, const void *bytes, size_t size)
{
    FILE *f = fopen(e->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* After whatever was done to the entry: built once, works, and whole again. */
static void rebuilt(const struct entry *e, const char *what)
{
    struct error err = {0};
    if (builds("-DVEC=1 -DLANES=1") != 1)
        fail_msg("%s: not rebuilt", what);
    size_t size;
    char *bytes = file_read(e->path, 1 << 28, &size, &err);
    if (!bytes || builds("-DVEC=1 -DLANES=1") != 0)
        fail_msg("%s: the cache was not mended", what);
    free(bytes);
}

static void test_bad_cache(void **state)
{
    (void)state;
    struct error err = {0};
    char path[4][512];
    struct entry e;
    use_cache("bad");
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
    assert_int_equal(entries(path, 4), 1);
    memcpy(e.path, path[0], sizeof e.path);
    e.bytes = file_read(e.path, 1 << 28, &e.size, &err);
    assert_true(e.bytes && e.size > 400);
    char *garbled = malloc(e.size + 100);
    assert_non_null(garbled);

    put(&e, "", 0);
    rebuilt(&e, "empty");
    const size_t cuts[] = {1, 19, 44, 48, 100, e.size / 2, e.size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        put(&e, e.bytes, cuts[i]);
        rebuilt(&e, "truncated");
    }
    /* one bit of the magic, of each length, of the checksum, of the key, of the binary */
    const size_t flips[] = {0, 24, 31, 32, 39, 40, 47, 60, 300, e.size / 2, e.size - 1};
    for (size_t i = 0; i < sizeof flips / sizeof *flips; i++) {
        memcpy(garbled, e.bytes, e.size);
        garbled[flips[i]] ^= 0x10;
        put(&e, garbled, e.size);
        rebuilt(&e, "garbled");
    }
    memcpy(garbled, e.bytes, e.size);
    memset(garbled + e.size, 'x', 100);
    put(&e, garbled, e.size + 100);
    rebuilt(&e, "with more behind it");
    memset(garbled, 0xa5, e.size);
    put(&e, garbled, e.size);
    rebuilt(&e, "noise");

    /* a whole entry of another program in its place */
    assert_int_equal(builds("-DVEC=1 -DLANES=1 -DOTHER"), 1);
    assert_int_equal(entries(path, 4), 2);
    size_t size;
    char *other = file_read(path[strcmp(path[0], e.path) == 0], 1 << 28, &size, &err);
    assert_non_null(other);
    put(&e, other, size);
    rebuilt(&e, "foreign");
    free(other);

    /* a folder in its place stays in the way, and that is all */
    assert_int_equal(unlink(e.path), 0);
    assert_int_equal(mkdir(e.path, 0700), 0);
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
    assert_int_equal(entries(path, 4), 2);
    assert_int_equal(rmdir(e.path), 0);
    free(garbled);
    free(e.bytes);
}

static void test_no_cache(void **state)
{
    (void)state;
    char blocked[160];
    snprintf(blocked, sizeof blocked, "%s/file", root);
    FILE *f = fopen(blocked, "w");
    assert_non_null(f);
    fclose(f);
    const char *places[] = {blocked, "/proc/none", "/dev/null"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        setenv("XDG_CACHE_HOME", places[i], 1);
        assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
        assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
    }
    /* a relative XDG_CACHE_HOME is to be ignored; then it is $HOME/.cache */
    char *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL, path[4][512];
    setenv("XDG_CACHE_HOME", "relative", 1);
    snprintf(cache, sizeof cache, "%s/home", root);
    setenv("HOME", cache, 1);
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 0);
    strcat(cache, "/.cache");
    assert_int_equal(entries(path, 4), 1);
    unsetenv("HOME");
    assert_int_equal(builds("-DVEC=1 -DLANES=1"), 1);
    if (home)
        setenv("HOME", home, 1);
    free(home);
    use_cache("main");
    /* the same where the OpenCL implementation finds no home either */
    assert_int_equal(child("no-home", "HOME", NULL), 0);
}

static int child_no_home(void)
{
    struct error err = {0};
    struct device *dev = device_open(
        &(struct device_options){.select = "auto", .memory_fraction = 0.5, .threads = -1}, &err);
    if (!dev)
        return 1;
    struct kernel *k = kernel_new(dev, "reduce.cl", "add_parts", "-DVEC=1 -DLANES=1", &err);
    device_save_programs(dev);
    int failed = !k;
    kernel_free(k);
    device_close(dev);
    return failed ? 2 : 0;
}

/* A process on a GPU with others: tells that it has a device, waits for a byte, asks for a program.
 * Its status is how many it has built. */
static int child_shares(void)
{
    struct error err = {0};
    char go;
    struct device *dev = device_open(
        &(struct device_options){.select = "auto", .memory_fraction = 0.5, .threads = -1}, &err);
    if (!dev || write(1, "r", 1) != 1 || read(0, &go, 1) != 1)
        return 100;
    dev->shares = 1;
    device_on_build(dev, count_build, NULL);
    struct kernel *k = kernel_new(dev, "reduce.cl", "add_parts", "-DVEC=1 -DLANES=1", &err);
    const int failed = !k;
    kernel_free(k);
    device_close(dev);
    return failed ? 101 : (int)built;
}

/* Three processes that want the same program at the same time: one builds it. */
static void test_shared(void **state)
{
    (void)state;
    enum { PROCESSES = 3 };
    int ready[2], go[2], status, sum = 0;
    char byte[PROCESSES], path[4][512];
    use_cache("shared");
    assert_true(!pipe(ready) && !pipe(go));
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        const pid_t pid = fork();
        if (!pid) {
            dup2(ready[1], 1);
            dup2(go[0], 0);
            execl(self, self, "shares", (char *)NULL);
            _exit(102);
        }
    }
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(read(ready[0], byte, 1), 1);
    assert_int_equal(write(go[1], byte, PROCESSES), PROCESSES);
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(wait(&status) > 0 && WIFEXITED(status));
        sum += WEXITSTATUS(status);
    }
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
    assert_int_equal(sum, 1);
    assert_int_equal(entries(path, 4), 1);
    use_cache("main");
}

/* A device that only plans counts what a plan takes and makes no object of OpenCL. */
static void test_planned(void **state)
{
    (void)state;
    struct error err = {0};
    struct device_options options = {.select = "none", .memory_fraction = 0.5, .threads = -1};
    assert_true(device_only_plans("none") && device_only_plans("None"));
    assert_false(device_only_plans("auto") || device_only_plans("nonesuch"));
    options.memory = 64 << 20;
    struct device *dev = device_open(&options, &err);
    assert_non_null(dev);
    assert_true(!dev->context && !dev->queue && !dev->id);
    const struct device_info *info = device_info(dev);
    assert_true(info->is_planned && !info->is_cpu && !info->has_native);
    assert_true(info->local_bytes == 48 << 10 && info->max_group == 1024);
    assert_true(device_budget(dev) == 32 << 20);

    struct buffer *b = buffer_new(dev, 1 << 20, "test", &err);
    assert_non_null(b);
    struct buffer *part = buffer_part(b, 512, 1024, &err);
    assert_non_null(part);
    assert_true(device_bytes(dev) == 1 << 20);
    float x[4] = {1, 2, 3, 4};
    assert_int_equal(buffer_write(b, 0, sizeof x, x, &err), 0);
    assert_int_equal(buffer_read(b, 0, sizeof x, x, &err), -1);
    assert_non_null(strstr(err.text, "only plans"));
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_null(buffer_new(dev, 17 << 20, "large", &err)); /* over a quarter */
    assert_non_null(strstr(err.text, "largest buffer"));

    struct kernel *k = kernel_new(dev, "bias.cl", "bias_fwd", "-DX=1", &err);
    struct kernel *same = kernel_new(dev, "bias.cl", "bias_fwd", "-DX=1", &err);
    assert_true(k && same);
    kernel_set_buffer(k, 0, b);
    kernel_set_int(k, 1, 7);
    assert_int_equal(device_programs(dev), 1);
    assert_int_equal(kernel_enqueue(k, 1, 1, &err), -1);
    assert_non_null(strstr(err.text, "bias_fwd: device.select = none only plans"));
    assert_null(kernel_new(dev, "nothing.cl", "bias_fwd", "", &err));
    device_save_programs(dev);
    kernel_free(k);
    kernel_free(same);
    buffer_free(part);
    buffer_free(b);
    assert_true(device_bytes(dev) == 0);
    device_close(dev);

    options.memory = 0;
    dev = device_open(&options, &err);
    assert_non_null(dev);
    assert_true(device_info(dev)->global_bytes == 0);
    b = buffer_new(dev, (size_t)1 << 50, "vast", &err);
    assert_non_null(b);
    buffer_free(b);
    device_close(dev);
}

/* The planner's memory is what was asked for, the device's what it has. */
static void test_memory(void **state)
{
    (void)state;
    struct error err = {0};
    struct device_options options = {
        .select = "auto", .memory_fraction = 0.5, .threads = -1, .memory = 8 << 20};
    struct device *dev = device_open(&options, &err);
    assert_non_null(dev);
    assert_true(device_budget(dev) == 4 << 20);
    assert_null(buffer_new(dev, 5 << 20, "test", &err));
    assert_non_null(strstr(err.text, "do not fit"));
    device_close(dev);
    options.memory = UINT64_C(1) << 49;
    dev = device_open(&options, &err);
    assert_non_null(dev);
    assert_true(device_budget(dev) == UINT64_C(1) << 48);
    assert_null(buffer_new(dev, (size_t)1 << 47, "test", &err));
    dev->info.max_alloc_bytes = UINT64_C(1) << 48;
    assert_null(buffer_new(dev, (size_t)1 << 47, "test", &err));
    assert_non_null(strstr(err.text, "fewer than device.memory says"));
    device_close(dev);
}

static int remove_tree(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (!pid) {
        execlp("rm", "rm", "-rf", root, (char *)NULL);
        _exit(1);
    }
    int status;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    self = "/proc/self/exe";
    if (argc == 2 && !strcmp(argv[1], "shares"))
        return child_shares();
    if (argc == 2)
        return !strcmp(argv[1], "no-platform") ? child_no_platform() : child_no_home();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selection),     cmocka_unit_test(test_part_names),
        cmocka_unit_test(test_part_sizes),    cmocka_unit_test(test_list),
        cmocka_unit_test(test_no_platform),   cmocka_unit_test(test_planned),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_buffers),       cmocka_unit_test(test_host_memory),
        cmocka_unit_test(test_order),         cmocka_unit_test(test_order_in_order_queue),
        cmocka_unit_test(test_fork),          cmocka_unit_test(test_pace),
        cmocka_unit_test(test_empty_queue),   cmocka_unit_test(test_native_errors),
        cmocka_unit_test(test_kernel_errors), cmocka_unit_test(test_build_failure),
        cmocka_unit_test(test_cache),         cmocka_unit_test(test_times),
        cmocka_unit_test(test_bad_cache),     cmocka_unit_test(test_no_cache),
        cmocka_unit_test(test_shared),
    };
    if (!mkdtemp(root))
        return 1;
    use_cache("main");
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("device", tests, NULL, remove_tree);
}
