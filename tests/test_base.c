/* SPDX-License-Identifier: MIT */
/*
 * Small models that transformers wrote, tests/base/, give its logits: to 1e-4 in fp32, and to 2e-2
 * with activations and products in bfloat16. What does not fit a folder is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chosen.h"
#include "device/gemm/gemm.h"
#include "exec/exec.h"
#include "hf/folder.h"
#include "ir/fuse.h"
#include "lower/lower.h"
#include "models/model.h"
#include "ok.h"
#include "tensor/packed.h"
#include "train/base.h"
#include "util/file.h"

static const char *const names[] = {"qwen3",        "qwen3_untied", "llama",
                                    "llama_linear", "gpt2",         "gpt2_untied"};

static const char *folder_of(const char *name)
{
    static char path[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/base/%s", srcdir ? srcdir : ".", name);
    return path;
}

/* What base = FOLDER makes of the keys. */
static struct config *config_of(const char *folder)
{
    char base[4200];
    char *settings[] = {"data.source=x.txt", "data.window=12", "model.type=language", base};
    snprintf(base, sizeof base, "model.base=%s", folder);
    struct config *config = config_load_with(NULL, settings, 4, model_check, &err);
    if (!config)
        fail_msg("%s", err.text);
    return config;
}

/* The graph of a model's logits and its parameters, ready to run. */
struct ready {
    struct config *config;
    struct params *params;
    struct plan *plan;
    struct tensor *tokens, *logits;
};

static struct ready ready(struct device *dev, const char *folder, enum dtype stored,
                          enum dtype packs, size_t batch, size_t window)
{
    static char any[] = "*", *all[] = {any};
    struct ready r = {.config = config_of(folder), .params = params_new(0)};
    assert_non_null(r.params);
    params_freeze(r.params, all, packs != DTYPE_F32);
    params_quantize(r.params, packs, DTYPE_F32);
    struct graph *g = graph_new(r.params, batch, 0);
    assert_non_null(g);
    op_store(g, stored);
    const struct model_shape shape = {.window = window,
                                      .vocabulary = (size_t)r.config->model.vocabulary};
    struct model_io io = {.tokens =
                              graph_state(g, "tokens", DTYPE_U32, 2, (size_t[]){batch, window})};
    model_of(r.config)->build(g, r.config, &shape, &io);
    r.tokens = io.tokens;
    r.logits = io.output;
    graph_fuse(g);
    if (!(r.plan = lower_graph(g, dev, &err)))
        fail_msg("%s", err.text);
    params_place(r.params, device_info(dev)->base_align);
    OK(params_allocate(r.params, dev, 0, &err));
    OK(plan_place(r.plan, &err));
    OK(exec_prepare(r.plan, NULL,
                    gemm_provider_find(stored == DTYPE_BF16 ? "bf16_products" : "own"), &err));
    return r;
}

static void ready_fini(struct ready *r)
{
    plan_free(r->plan);
    params_free(r->params);
    config_free(r->config);
}

/* Logits by the weights of a folder, for the model of base `name`, against those of `golden_of`.
 * The caller ends what is returned. */
static struct ready compare(struct device *dev, const char *name, const char *weights,
                            const char *golden_of, enum dtype stored, enum dtype packs,
                            double tolerance)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/golden.safetensors", golden_of);
    struct safetensors *golden = safetensors_read(path, &err);
    if (!golden)
        fail_msg("%s", err.text);
    const struct safetensor *tokens = safetensors_find(golden, "tokens");
    const struct safetensor *logits = safetensors_find(golden, "logits");
    const size_t n = logits->bytes / sizeof(float);
    const float *want = logits->data;
    float *got = malloc(logits->bytes);
    assert_non_null(got);
    struct ready r = ready(dev, folder_of(name), stored, packs, tokens->shape[0], tokens->shape[1]);
    assert_int_equal(r.logits->elems, n);
    OK(base_load(r.params, weights, &err));
    OK(tensor_write(r.tokens, tokens->data, &err));
    OK(exec_run(r.plan, 0, r.plan->launch_count, &err));
    OK(tensor_read(r.logits, got, &err));
    double most = 0, size = 1;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)got[i] - (double)want[i]));
        size = fmax(size, fabs((double)want[i]));
    }
    printf("# %s, %s: logits up to %.3g, apart by %.3g\n", name, dtype_name(stored), size, most);
    if (!(most <= tolerance))
        fail_msg("%s: logits are apart by %g", weights, most);
    free(got);
    safetensors_free(golden);
    return r;
}

static void compare_base(struct device *dev, const char *name, enum dtype stored, double tolerance)
{
    char folder_name[4096];
    strcpy(folder_name, folder_of(name));
    struct ready r = compare(dev, name, folder_name, folder_name, stored, DTYPE_F32, tolerance);
    ready_fini(&r);
}

static struct device *open_device(void)
{
    struct device *dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 0.9, .threads = -1},
        &err);
    if (!dev)
        fail_msg("%s", err.text);
    return dev;
}

static void logits_fp32(void **state)
{
    (void)state;
    struct device *dev = open_device();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        compare_base(dev, names[i], DTYPE_F32, 1e-4);
    device_close(dev);
}

static void logits_bf16(void **state)
{
    (void)state;
    struct device *dev = open_device();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        compare_base(dev, names[i], DTYPE_BF16, 2e-2);
    device_close(dev);
}

/* --- quantised: by us, and as bitsandbytes has it in a folder (tests/peer/make_quant_golden.py) */

/* The same codes in both. */
static void same_codes(const struct params *a, const struct params *b)
{
    size_t packed = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct tensor *t = &a->list[i]->value;
        if (!packed_is(t->dtype))
            continue;
        const struct packed_form form = packed_form(t->dtype, tensor_rows(t), tensor_columns(t));
        unsigned char *x = malloc(form.bytes), *y = malloc(form.bytes);
        assert_true(x && y);
        OK(params_read(a, i, a->values, x, &err));
        OK(params_read(b, i, b->values, y, &err));
        const size_t codes = t->dtype == DTYPE_INT8 ? t->elems : (t->elems + 1) / 2;
        if (memcmp(x, y, codes) != 0)
            fail_msg("%s: other codes than bitsandbytes'", t->name);
        if (t->dtype != DTYPE_NF4_NESTED) /* whose offset may differ in its last bit */
            assert_memory_equal(x + form.scales, y + form.scales, form.bytes - form.scales);
        packed += t->elems;
        free(x);
        free(y);
    }
    assert_true(packed > 1000);
}

static void logits_quantised(void **state)
{
    (void)state;
    static const struct {
        const char *name, *form;
        enum dtype dtype;
    } cases[] = {{"qwen3", "nested", DTYPE_NF4_NESTED},
                 {"llama", "nf4", DTYPE_NF4},
                 {"qwen3_untied", "int8", DTYPE_INT8}};
    const char *srcdir = getenv("srcdir");
    struct device *dev = open_device();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char ours[4096], theirs[4096];
        strcpy(ours, folder_of(cases[i].name));
        snprintf(theirs, sizeof theirs, "%s/tests/golden/quant/%s_%s", srcdir ? srcdir : ".",
                 cases[i].name, cases[i].form);
        struct ready a = compare(dev, cases[i].name, ours, theirs, DTYPE_F32, cases[i].dtype, 1e-4);
        struct ready b =
            compare(dev, cases[i].name, theirs, theirs, DTYPE_F32, cases[i].dtype, 1e-4);
        same_codes(a.params, b.params);
        ready_fini(&a);
        ready_fini(&b);
    }
    device_close(dev);
}

/* --- folders that do not fit */

static char folder[] = "/tmp/seqtrain-base-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[sizeof folder + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    remove(path_of("config.json"));
    remove(path_of("model.safetensors"));
    return rmdir(folder);
}

/* gpt2's tensors as fp32 under other names: `rename` changes one, or leaves it out by "". */
static void write_folder(const char *(*rename)(const char *name), size_t cut_rows)
{
    size_t size;
    float x[2000];
    struct hf_folder *from = hf_folder_open(folder_of("gpt2"), &err);
    struct safetensors *st = safetensors_new();
    assert_true(from && st);
    char *config = file_read(strcat(strcpy((char[4200]){0}, folder_of("gpt2")), "/config.json"),
                             1 << 20, &size, &err);
    assert_non_null(config);
    OK(file_write(path_of("config.json"), config, size, &err));
    free(config);
    for (size_t i = 0; i < from->count; i++) {
        const struct safetensor *t = from->tensor[i];
        const char *name = rename(t->name);
        uint64_t shape[] = {t->shape[0], t->shape[1]};
        if (!*name)
            continue;
        if (!strcmp(name, "transformer.wpe.weight"))
            shape[0] -= cut_rows;
        OK(hf_folder_floats(from, t, 0, t->bytes / 4, x, &err));
        OK(safetensors_add(st, name, DTYPE_F32, t->rank, shape, x, &err));
    }
    const float mask = 0;
    OK(safetensors_add(st, "h.0.attn.bias", DTYPE_F32, 0, NULL, &mask, &err));
    OK(safetensors_write(st, path_of("model.safetensors"), &err));
    safetensors_free(st);
    hf_folder_close(from);
}

static void load_bad(const char *expected)
{
    char all[400];
    struct device *dev = open_device();
    struct ready r = ready(dev, folder, DTYPE_F32, DTYPE_F32, 1, 4);
    snprintf(all, sizeof all, "%s%s", folder, expected);
    assert_int_equal(base_load(r.params, folder, &err), -1);
    assert_string_equal(err.text, all);
    assert_int_equal(err.status, STATUS_INPUT);
    ready_fini(&r);
    device_close(dev);
}

static const char *bare(const char *name)
{
    return !strncmp(name, "transformer.", 12) ? name + 12 : name;
}

static const char *same(const char *name)
{
    return name;
}

static const char *without(const char *name)
{
    return strcmp(name, "transformer.ln_f.bias") ? name : "";
}

static const char *other(const char *name)
{
    return strcmp(name, "transformer.ln_f.bias") ? name : "transformer.ln_f.beta";
}

/* A decoder without its head, as GPT-2 itself is published, with a mask beside. */
static void bare_decoder(void **state)
{
    (void)state;
    struct device *dev = open_device();
    write_folder(bare, 0);
    struct ready r = ready(dev, folder, DTYPE_F32, DTYPE_F32, 1, 4);
    OK(base_load(r.params, folder, &err));
    ready_fini(&r);
    device_close(dev);
}

static void misfits(void **state)
{
    (void)state;
    write_folder(without, 0);
    load_bad(": no tensor transformer.ln_f.bias is there");
    write_folder(other, 0);
    load_bad(": tensor transformer.ln_f.beta is none of this model's: its config.json tells of "
             "another one?");
    write_folder(same, 1);
    load_bad(": transformer.wpe.weight has not the shape that its config.json tells of");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_fp32),      cmocka_unit_test(logits_bf16),
        cmocka_unit_test(logits_quantised), cmocka_unit_test(bare_decoder),
        cmocka_unit_test(misfits),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
