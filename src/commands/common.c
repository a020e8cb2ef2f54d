#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "util/now.h"

static void on_build(void *ctx, const char *program)
{
    char text[96];
    snprintf(text, sizeof text, "Compiling %s", program);
    log_progress(ctx, text, 1, 2);
    log_detail(ctx, "%s", text);
}

struct engine_options command_engine_options(struct log *log, const struct options *options,
                                             int training)
{
    const char *debug = getenv("SEQTRAIN_DEBUG"); /* see seqtrain(1) */
    return (struct engine_options){.training = training,
                                   .profile = options->profile,
                                   .scattered = debug && strstr(debug, "scattered"),
                                   .as_gpu = debug && strstr(debug, "gpu"),
                                   .on_build = on_build,
                                   .on_build_ctx = log};
}

int command_devices(const struct options *options, struct error *err)
{
    const char *select = "auto";
    for (size_t i = 0; i < options->setting_count; i++)
        if (!strncmp(options->settings[i], "device.select=", 14))
            select = options->settings[i] + 14;
    return device_list(select, stdout, err);
}

/* --- profile */

struct ceilings {
    double flops, bytes; /* a second */
};

/* Best of some runs of a square product, and of a fill, which only writes. */
static int measure(struct engine *e, struct ceilings *c, struct error *err)
{
    const size_t n = 1024, bytes = (size_t)64 << 20;
    struct buffer *m[3] = {NULL}, *big = buffer_new(e->dev, bytes, "ceiling", err);
    int failed = !big;
    for (int i = 0; i < 3 && !failed; i++)
        failed = !(m[i] = buffer_new(e->dev, n * n * 4, "ceiling", err));
    struct gemm *gemm = failed ? NULL
                               : gemm_new(e->dev, e->gemm, (struct gemm_shape){0, 0, n, n, n}, m[0],
                                          m[1], m[2], 0, err);
    failed |= !gemm;
    c->flops = c->bytes = 0;
    for (int i = 0; i < 5 && !failed; i++) {
        double a = now();
        failed = gemm_enqueue(gemm, err) || device_finish(e->dev, err);
        double b = now();
        failed |= failed || buffer_zero(big, err) || device_finish(e->dev, err);
        double d = now();
        double flops = 2.0 * (double)(n * n * n) / (b - a), rate = (double)bytes / (d - b);
        c->flops = flops > c->flops ? flops : c->flops;
        c->bytes = rate > c->bytes ? rate : c->bytes;
    }
    gemm_free(gemm);
    for (int i = 0; i < 3; i++)
        buffer_free(m[i]);
    buffer_free(big);
    return failed ? -1 : 0;
}

struct line {
    char name[48]; /* kernel, or product with its shape */
    double seconds, flops, bytes, floor;
    uint64_t runs;
};

static int slower_first(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static void collect(struct line *lines, size_t *count, const struct graph *g,
                    const struct ceilings *c)
{
    for (size_t i = 0; g && i < g->launch_count; i++) {
        const struct launch *l = g->launches[i];
        char name[sizeof lines->name];
        size_t at = 0;
        if (l->is_gemm)
            snprintf(name, sizeof name, "gemm %zux%zux%zu%s%s", l->gemm.m, l->gemm.n, l->gemm.k,
                     l->gemm.trans_a ? " A'" : "", l->gemm.trans_b ? " B'" : "");
        else
            snprintf(name, sizeof name, "%s", l->name);
        while (at < *count && strcmp(lines[at].name, name))
            at++;
        if (at == *count)
            strcpy(lines[(*count)++].name, name);
        double runs = (double)l->runs, by_flops = l->flops / c->flops,
               by_bytes = l->bytes / c->bytes;
        lines[at].seconds += l->seconds;
        lines[at].runs += l->runs;
        lines[at].flops += l->flops * runs;
        lines[at].bytes += l->bytes * runs;
        lines[at].floor += (by_flops > by_bytes ? by_flops : by_bytes) * runs;
    }
}

int profile_print(struct engine *e, FILE *out, struct error *err)
{
    struct ceilings c;
    if (measure(e, &c, err))
        return -1;
    size_t most = (e->train ? e->train->launch_count : 0) + e->eval->launch_count, count = 0;
    struct line *lines = calloc(most + 1, sizeof *lines), all = {0};
    if (!lines)
        return error_set(err, STATUS_FAILED, "out of memory");
    collect(lines, &count, e->train, &c);
    collect(lines, &count, e->eval, &c);
    qsort(lines, count, sizeof *lines, slower_first);
    for (size_t i = 0; i < count; i++) {
        all.seconds += lines[i].seconds;
        all.floor += lines[i].floor;
    }
    fprintf(out,
            "Profile (each launch waited for; ceilings measured now: %.1f GF/s, %.1f GB/s)\n"
            "  %-28s %9s %10s %6s %10s %8s %8s %6s\n",
            c.flops / 1e9, c.bytes / 1e9, "kernel", "launches", "ms", "share", "us each", "GF/s",
            "GB/s", "floor");
    for (size_t i = 0; i < count; i++) {
        const struct line *l = &lines[i];
        if (!l->runs)
            continue;
        fprintf(out, "  %-28s %9llu %10.1f %5.1f%% %10.1f %8.1f %8.1f %5.0f%%\n", l->name,
                (unsigned long long)l->runs, l->seconds * 1e3, 100 * l->seconds / all.seconds,
                l->seconds * 1e6 / (double)l->runs, l->flops / l->seconds / 1e9,
                l->bytes / l->seconds / 1e9, 100 * l->floor / l->seconds);
    }
    fprintf(out, "  all %.1f ms, at the floor %.1f ms (%.0f%%)\n", all.seconds * 1e3,
            all.floor * 1e3, 100 * all.floor / all.seconds);
    free(lines);
    return 0;
}
