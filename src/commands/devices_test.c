/* SPDX-License-Identifier: MIT */
/*
 * seqtrain devices --test: known answers of each family of kernels on each device.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "known/known.h"
#include "util/now.h"

enum { FAMILIES = 256 };

/* What has come of a device. */
struct tested {
    size_t count, wrong;
    double seconds;
    char families[FAMILIES]; /* those with a wrong answer: "norm, loss" */
    char why[512];           /* of the first call that failed; "": none has */
};

static void add_family(struct tested *t, const char *family)
{
    const size_t used = strlen(t->families);
    if (!strstr(t->families, family))
        snprintf(t->families + used, sizeof t->families - used, "%s%s", used ? ", " : "", family);
}

static void print_result(void *ctx, const struct known_result *r)
{
    struct tested *t = ctx;
    char apart[32] = "-";
    if (isfinite(r->apart))
        snprintf(apart, sizeof apart, "%.1e", r->apart);
    printf("  %-15s %-38s %-6s %8s of %.0e %6.2f s\n", r->family, r->what,
           r->is_right ? "ok" : "WRONG", apart, r->allowed, r->seconds);
    if (r->why)
        printf("    %s\n", r->why);
    fflush(stdout);
    t->count++;
    if (r->is_right)
        return;
    t->wrong++;
    add_family(t, r->family);
    if (r->why && !*t->why)
        snprintf(t->why, sizeof t->why, "; %.*s", (int)strcspn(r->why, "\n"), r->why);
}

static int judge(const struct tested *t, const struct device_info *info, struct error *err)
{
    if (!t->wrong)
        return 0;
    return error_set(err, STATUS_DEVICE,
                     "%s (%s, driver %s): %zu of %zu known answers are wrong, of: %s: what is "
                     "trained with these kernels by this driver would be wrong, too%s",
                     info->name, info->platform, info->driver, t->wrong, t->count, t->families,
                     t->why);
}

/* Tries a device as it is, or as one that may round to TF32; *info: what it is. */
static int try_device(const char *select, int tf32, struct tested *t, struct device_info *info,
                      struct error *err)
{
    const struct device_options with = {
        .select = select, .memory_fraction = 1, .threads = -1, .tf32 = tf32};
    const double before = now();
    struct device *dev = device_open(&with, err);
    if (!dev)
        return -1;
    *info = *device_info(dev);
    if (!tf32)
        printf("%s (%s, driver %s)\n", info->name, info->platform, info->driver);
    known_try(dev, print_result, t);
    t->seconds += now() - before;
    device_save_programs(dev);
    device_close(dev);
    return 0;
}

static int test_device(const char *select, struct error *err)
{
    struct tested t = {0};
    struct device_info info;
    if (try_device(select, 0, &t, &info, err) ||
        (device_matrix_kind(info.matrix) == MATRIX_PTX && try_device(select, 1, &t, &info, err)))
        return -1;
    if (!t.wrong)
        printf("  all %zu known answers are right, %.1f s\n", t.count, t.seconds);
    return judge(&t, &info, err);
}

int devices_test(char *const *select, size_t count, struct error *err)
{
    struct error one;
    int failed = 0;
    for (size_t i = 0; i < count; i++)
        if (test_device(select[i], &one)) {
            if (!failed++)
                *err = one;
            else
                error_add(err, "%s", one.text);
        }
    return failed ? -1 : 0;
}

int devices_test_all(struct error *err)
{
    unsigned *index;
    size_t count;
    if (device_usable(&index, &count, err))
        return -1;
    char(*text)[16] = calloc(count + 1, sizeof *text);
    char **select = calloc(count + 1, sizeof *select);
    for (size_t i = 0; text && select && i < count; i++) {
        snprintf(text[i], sizeof text[i], "%u", index[i]);
        select[i] = text[i];
    }
    const int failed = text && select ? devices_test(select, count, err)
                                      : error_set(err, STATUS_FAILED, "out of memory");
    free(select);
    free(text);
    free(index);
    return failed;
}
