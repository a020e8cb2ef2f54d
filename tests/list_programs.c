/* SPDX-License-Identifier: MIT */
/*
 * list_programs [-g | -w | -m | -n] FOLDER FILE [SECTION.KEY=VALUE ...]: writes into FOLDER each
 * program that a training of the configuration FILE, or of a case of tests/golden/, gives to the
 * OpenCL compiler: one file a program, its options as #defines at the top. -g: cut as for a GPU;
 * -w: for one with a barrier of all work-groups; -m: for one with matrix units, which are emulated;
 * -n: for a card of NVIDIA with both.
 *
 * It stands between seqtrain and the OpenCL library (--wrap): programs are kept instead of built,
 * and kernels are never launched.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/kmeans.h"
#include "analysis/tsne.h"
#include "chosen.h"
#include "device/opencl.h"
#include "golden_case.h"
#include "models/model.h"
#include "train/engine.h"

enum { POINTS = 100 };
enum cut { CUT_FLAT, CUT_GPU, CUT_WALKS, CUT_MATRIX, CUT_NVIDIA };
enum { MATRIX_RATE = 16 };

static const char *folder, *file_name;
static char *text; /* of the program that was made last */
static int failed;

/* libOpenCL's, or what stands in for it */
cl_program __real_clCreateProgramWithSource(cl_context, cl_uint, const char **, const size_t *,
                                            cl_int *);
cl_program __wrap_clCreateProgramWithSource(cl_context, cl_uint, const char **, const size_t *,
                                            cl_int *);
cl_int __wrap_clBuildProgram(cl_program, cl_uint, const cl_device_id *, const char *,
                             void (*)(cl_program, void *), void *);
cl_kernel __wrap_clCreateKernel(cl_program, const char *, cl_int *);
cl_int __wrap_clReleaseKernel(cl_kernel);
cl_int __wrap_clSetKernelArg(cl_kernel, cl_uint, size_t, const void *);
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue, cl_kernel, cl_uint, const size_t *,
                                     const size_t *, const size_t *, cl_uint, const cl_event *,
                                     cl_event *);

cl_program __wrap_clCreateProgramWithSource(cl_context context, cl_uint count, const char **part,
                                            const size_t *bytes, cl_int *code)
{
    size_t size = 1;
    for (cl_uint i = 1; i < count; i++) /* but builtins.h, as who reads them has clang's own */
        size += strlen(part[i]);
    free(text);
    text = calloc(1, size);
    for (cl_uint i = 1; text && i < count; i++)
        strcat(text, part[i]);
    return __real_clCreateProgramWithSource(context, count, part, bytes, code);
}

/* FNV-1a of what makes a program: the same program has the same file. */
static unsigned long hash_of(const char *s, unsigned long hash)
{
    for (; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 0x100000001b3UL;
    return hash;
}

/* "-DNAME=VALUE ..." as lines "#define NAME VALUE"; other options are for the driver only. */
static int write_options(FILE *out, const char *options)
{
    char *all = strdup(options), *rest = all, *word;
    int bad = !all;
    while (rest && (word = strsep(&rest, " "))) {
        char *value = strchr(word, '=');
        if (strncmp(word, "-D", 2) || !value)
            continue;
        *value = ' ';
        bad |= fprintf(out, "#define %s\n", word + 2) < 0;
    }
    free(all);
    return bad;
}

cl_int __wrap_clBuildProgram(cl_program program, cl_uint count, const cl_device_id *device,
                             const char *options, void (*done)(cl_program, void *), void *ctx)
{
    (void)program, (void)count, (void)device, (void)done, (void)ctx;
    char path[1024];
    unsigned long hash = hash_of(text ? text : "", hash_of(options, 0xcbf29ce484222325UL));
    snprintf(path, sizeof path, "%s/%s-%016lx.cl", folder, file_name, hash);
    FILE *out = text ? fopen(path, "w") : NULL;
    failed |= !out || write_options(out, options) || fputs(text, out) < 0;
    failed |= out && fclose(out);
    return failed ? CL_OUT_OF_HOST_MEMORY : CL_SUCCESS;
}

cl_kernel __wrap_clCreateKernel(cl_program program, const char *name, cl_int *code)
{
    static char kernel;
    (void)program, (void)name;
    *code = CL_SUCCESS;
    return (cl_kernel)(void *)&kernel;
}

cl_int __wrap_clReleaseKernel(cl_kernel kernel)
{
    (void)kernel;
    return CL_SUCCESS;
}

cl_int __wrap_clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    (void)kernel, (void)index, (void)size, (void)value;
    return CL_SUCCESS;
}

/* Nothing was computed, so that what would go on from here must not. */
cl_int __wrap_clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint rank,
                                     const size_t *offset, const size_t *global,
                                     const size_t *local, cl_uint waits, const cl_event *wait,
                                     cl_event *event)
{
    (void)queue, (void)kernel, (void)rank, (void)offset, (void)global, (void)local;
    (void)waits, (void)wait, (void)event;
    return CL_INVALID_OPERATION;
}

static void remember_file(void *ctx, const char *program)
{
    (void)ctx;
    file_name = program;
}

/* The programs of k-means and t-SNE, which end at their first launch. */
static void list_analysis(const struct engine *e, size_t d)
{
    float *x = calloc(POINTS * d, sizeof *x), *y = calloc(POINTS * d, sizeof *y);
    uint32_t category[POINTS];
    struct error ignored;
    int32_t start[POINTS + 1] = {0};
    const struct affinity none = {POINTS, start, NULL, NULL};
    struct affinity near;
    double kl;
    failed |= !x || !y;
    for (size_t i = 0; x && i < POINTS * d; i++)
        x[i] = (float)(i % 17);
    if (!failed) {
        kmeans_assign(e->dev, x, POINTS, d, x, 2, category, &ignored);
        if (!affinity_init(&near, e->dev, x, POINTS, d, 5, &ignored))
            affinity_fini(&near);
        tsne_gradient(e->dev, &none, x, y, &kl, &ignored);
    }
    free(x);
    free(y);
}

static int list(const struct config *config, const struct dataset *data,
                const struct teacher *teacher, enum cut cut)
{
    struct error err = {0};
    struct engine *e = engine_open(
        config, data,
        &(struct engine_options){.training = 1,
                                 .teacher = teacher,
                                 .own = {.only_plans = 1,
                                         .as_gpu = cut != CUT_FLAT,
                                         .emulates_matrix = cut == CUT_MATRIX,
                                         .walks = cut == CUT_WALKS || cut == CUT_NVIDIA,
                                         .matrix = cut == CUT_NVIDIA ? MATRIX_PTX : MATRIX_NONE,
                                         .matrix_rate = MATRIX_RATE,
                                         .on_build = remember_file}},
        &err);
    if (!e) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (config->model.type == MODEL_AUTOENCODER)
        list_analysis(e, (size_t)config->model.latent);
    engine_close(e);
    return failed;
}

static int list_ini(const char *path, char **settings, size_t count, enum cut cut)
{
    struct error err = {0};
    struct log *log = log_new(LOG_QUIET);
    struct config *config = log ? config_load_with(path, settings, count, model_check, &err) : NULL;
    struct dataset *data = config ? dataset_load(config, NULL, log, &err) : NULL;
    int status = 1;
    if (data)
        status = list(config, data, NULL, cut);
    else
        fprintf(stderr, "%s\n", err.text);
    dataset_free(data);
    config_free(config);
    if (log)
        log_close(log, &err);
    return status;
}

static int list_golden(const char *path, enum cut cut)
{
    struct error err = {0};
    struct golden c;
    int status = 1;
    if (golden_open(&c, path, chosen_device(), &err))
        fprintf(stderr, "%s\n", err.text);
    else
        status = list(c.config, &c.data, golden_teacher(&c), cut);
    golden_close(&c);
    return status;
}

int main(int argc, char **argv)
{
    const enum cut cut = argc > 1 && !strcmp(argv[1], "-g")   ? CUT_GPU
                         : argc > 1 && !strcmp(argv[1], "-w") ? CUT_WALKS
                         : argc > 1 && !strcmp(argv[1], "-m") ? CUT_MATRIX
                         : argc > 1 && !strcmp(argv[1], "-n") ? CUT_NVIDIA
                                                              : CUT_FLAT;
    const int at = cut == CUT_FLAT ? 1 : 2;
    if (argc < at + 2) {
        fprintf(stderr,
                "usage: list_programs [-g | -w | -m | -n] FOLDER FILE [SECTION.KEY=VALUE ...]\n");
        return 2;
    }
    folder = argv[at];
    const char *path = argv[at + 1], *end = strrchr(path, '.');
    int status = end && !strcmp(end, ".safetensors")
                     ? list_golden(path, cut)
                     : list_ini(path, argv + at + 2, (size_t)(argc - at - 2), cut);
    free(text);
    return status;
}
