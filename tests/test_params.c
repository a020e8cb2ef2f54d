/* SPDX-License-Identifier: MIT */
/*
 * params: the places of the three groups, the buffers that they are cut into, and what is frozen.
 * The device is none, which only counts, with a largest buffer that is made up.
 */
#include "params/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/opencl.h"

static struct error err;

static struct device *none(uint64_t largest)
{
    struct device *dev = device_open(
        &(struct device_options){.select = "none", .memory_fraction = 1, .threads = -1}, &err);
    if (!dev)
        fail_msg("%s", err.text);
    dev->info.max_alloc_bytes = largest;
    return dev;
}

/* Layers of an encoder and a decoder, each a weight, a bias and a statistic. */
enum { LAYERS = 6 };

static void make(struct params *params)
{
    for (size_t i = 0; i < LAYERS; i++) {
        const char *part = i < LAYERS / 2 ? "encoder" : "decoder";
        const size_t weight[] = {i + 3, 40 + i}, bias = i + 3;
        char name[64];
        snprintf(name, sizeof name, "%s.%zu.weight", part, i);
        assert_non_null(params_get(params, name, 2, weight, 1, INIT_NORMAL, 1));
        snprintf(name, sizeof name, "%s.%zu.bias", part, i);
        assert_non_null(params_get(params, name, 1, &bias, 0, INIT_CONSTANT, 0));
        snprintf(name, sizeof name, "%s.%zu.running_mean", part, i);
        assert_non_null(params_get_running(params, name, 1, &bias, 0));
    }
}

static struct params *model(struct device *dev, char *const *freeze, size_t count)
{
    struct params *params = params_new(0);
    assert_non_null(params);
    params_freeze(params, freeze, count);
    make(params);
    params_place(params, device_info(dev)->base_align);
    return params;
}

/* That no two parameters share a byte, the groups lie in their order, and each in one block. */
static void check_places(const struct params *params, uint64_t largest)
{
    const size_t trained = params->elems * 4, kept = trained + params->running * 4;
    const struct arena *values = params->values;
    assert_int_equal(arena_bytes(values), kept + params->frozen);
    for (size_t b = 0; b < values->blocks; b++) {
        assert_in_range(values->from[b + 1] - values->from[b], 1, largest);
        assert_true(values->from[b] >= kept || values->from[b + 1] <= kept);
    }
    for (size_t i = 0; i < params->count; i++) {
        const struct param *p = params->list[i];
        const size_t at = p->value.offset, end = at + p->value.elems * 4;
        const size_t low = p->group == PARAM_TRAINED   ? p->decay ? 0 : params->decayed * 4
                           : p->group == PARAM_RUNNING ? trained
                                                       : kept;
        const size_t high = p->group == PARAM_TRAINED   ? p->decay ? params->decayed * 4 : trained
                            : p->group == PARAM_RUNNING ? kept
                                                        : kept + params->frozen;
        assert_true(low <= at && end <= high);
        size_t block = 0;
        while (values->from[block + 1] <= at)
            block++;
        assert_true(end <= values->from[block + 1]);
        for (size_t k = 0; k < i; k++) {
            const struct tensor *other = &params->list[k]->value;
            assert_true(end <= other->offset || other->offset + other->elems * 4 <= at);
        }
        assert_true((p->value.grad != NULL) == (p->group == PARAM_TRAINED));
        assert_true((p->grad.buffer != NULL) == (p->group == PARAM_TRAINED));
        assert_int_equal(p->value.needs_grad, p->group == PARAM_TRAINED);
    }
}

static void one_buffer_or_many(void **state)
{
    (void)state;
    for (uint64_t largest = 1536; largest < 20000; largest += 512) {
        struct device *dev = none(largest);
        struct params *params = model(dev, NULL, 0);
        if (params_allocate(params, dev, 1, &err))
            fail_msg("%s", err.text);
        check_places(params, largest);
        const size_t bytes = arena_bytes(params->values);
        assert_int_equal(params->values->blocks > 1, bytes > largest);
        assert_int_equal(arena_bytes(params->grads), params->elems * 4);
        /* where one more would have fitted, there is no new block */
        for (size_t b = 0; b + 2 <= params->values->blocks; b++)
            assert_true(params->values->from[b + 2] - params->values->from[b] > largest);
        assert_int_equal(device_bytes(dev), bytes + params->elems * 4);
        params_free(params);
        assert_int_equal(device_bytes(dev), 0);
        device_close(dev);
    }
}

static void a_parameter_that_fits_no_buffer(void **state)
{
    (void)state;
    struct device *dev = none(1024);
    struct params *params = model(dev, NULL, 0);
    assert_int_equal(params_allocate(params, dev, 1, &err), -1);
    assert_int_equal(err.status, STATUS_DEVICE);
    assert_string_equal(err.text, "decoder.3.weight takes 1536 bytes, more than the device's "
                                  "largest buffer of 1024");
    params_free(params);
    device_close(dev);
}

static void frozen_ones(void **state)
{
    (void)state;
    static char *const freeze[] = {"encoder.*", "*.4.bias"};
    for (uint64_t largest = 1536; largest < 20000; largest += 512) {
        struct device *dev = none(largest);
        struct params *all = model(dev, NULL, 0), *params = model(dev, freeze, 2);
        assert_null(params_unfrozen(params));
        if (params_allocate(params, dev, 1, &err))
            fail_msg("%s", err.text);
        check_places(params, largest);
        size_t frozen = 0;
        for (size_t i = 0; i < params->count; i++) {
            const struct tensor *t = &params->list[i]->value;
            int wants = params->list[i]->group != PARAM_RUNNING &&
                        (!strncmp(t->name, "encoder.", 8) || !strcmp(t->name, "decoder.4.bias"));
            assert_int_equal(params->list[i]->group == PARAM_FROZEN, wants);
            frozen += wants ? t->elems : 0;
        }
        assert_int_equal(params_count_of(params, PARAM_FROZEN), frozen);
        assert_int_equal(params_count(params), params_count(all));
        assert_int_equal(params_count_of(params, PARAM_TRAINED), params_count(all) - frozen);
        assert_int_equal(params->running, all->running);
        assert_int_equal(device_bytes(dev), arena_bytes(params->values) + params->elems * 4);

        /* a twin has the same places, and takes no memory for what is frozen */
        const uint64_t before = device_bytes(dev);
        struct params *twin = params_twin(params);
        assert_non_null(twin);
        params_place(twin, device_info(dev)->base_align);
        if (params_allocate(twin, dev, 0, &err))
            fail_msg("%s", err.text);
        assert_int_equal(device_bytes(dev) - before, (params->elems + params->running) * 4);
        assert_int_equal(twin->values->blocks, params->values->blocks);
        for (size_t b = 0; b < twin->values->blocks; b++)
            assert_int_equal(twin->values->block[b] == params->values->block[b],
                             twin->values->from[b] >= (params->elems + params->running) * 4);
        for (size_t i = 0; i < params->count; i++) {
            assert_int_equal(twin->list[i]->value.offset, params->list[i]->value.offset);
            assert_int_equal(twin->list[i]->group, params->list[i]->group);
        }
        params_free(twin);
        assert_int_equal(device_bytes(dev), before);
        params_free(params);
        params_free(all);
        assert_int_equal(device_bytes(dev), 0);
        device_close(dev);
    }
}

/* A statistic is no parameter of the same name, whether that is trained or frozen. */
static void a_name_twice(void **state)
{
    (void)state;
    static char *const freeze[] = {"encoder.*"};
    const size_t bias = 3, last = LAYERS + 2;
    struct device *dev = none(1 << 20);
    struct params *params = model(dev, freeze, 1);
    const size_t count = params->count;
    assert_null(params_get_running(params, "encoder.0.bias", 1, &bias, 0));
    assert_null(params_get_running(params, "decoder.5.bias", 1, &last, 0));
    assert_non_null(params_get_running(params, "encoder.0.running_mean", 1, &bias, 0));
    assert_null(params_get_running(params, "encoder.0.running_mean", 1, &last, 0));
    assert_non_null(params_get(params, "encoder.0.bias", 1, &bias, 0, INIT_CONSTANT, 0));
    assert_int_equal(params->count, count);
    params_free(params);
    device_close(dev);
}

static void patterns_that_fit_nothing(void **state)
{
    (void)state;
    static const struct {
        char *pattern[3];
        const char *misses;
    } of[] = {
        {{"encoder.*", "*.weight"}, NULL},
        {{"encoder.0.weight"}, NULL},
        {{"*"}, NULL},
        {{"decoder.[34].*"}, NULL},
        {{"encoder.*", "encodr.*"}, "encodr.*"},
        {{"encoder"}, "encoder"},
        {{"weight"}, "weight"},
        {{"*.running_mean"}, "*.running_mean"}, /* no parameter */
    };
    struct device *dev = none(1 << 20);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        size_t count = 0;
        while (of[i].pattern[count])
            count++;
        struct params *params = model(dev, of[i].pattern, count);
        const char *misses = params_unfrozen(params);
        if (of[i].misses)
            assert_string_equal(misses, of[i].misses);
        else
            assert_null(misses);
        params_free(params);
    }
    device_close(dev);
}

/* Paths, ends of paths behind a point, patterns of whole paths. */
static void targets_of_an_adapter(void **state)
{
    (void)state;
    static const struct {
        const char *target, *weight;
        int fits;
    } of[] = {
        {"q_proj", "model.layers.0.self_attn.q_proj.weight", 1},
        {"self_attn.q_proj", "model.layers.0.self_attn.q_proj.weight", 1},
        {"model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj.weight", 1},
        {"in_proj", "encoder.layers.0.self_attn.in_proj_weight", 1},
        {"proj", "model.layers.0.self_attn.q_proj.weight", 0},
        {"q_proj.weight", "model.layers.0.self_attn.q_proj.weight", 0},
        {"self_attn", "model.layers.0.self_attn.q_proj.weight", 0},
        {"output", "output.weight", 1},
        {"put", "output.weight", 0},
        {"*.q_proj", "model.layers.0.self_attn.q_proj.weight", 1},
        {"model.layers.[01].*", "model.layers.0.self_attn.q_proj.weight", 1},
        {"model.layers.?.mlp.*", "model.layers.0.self_attn.q_proj.weight", 0},
        {"*.q_pro", "model.layers.0.self_attn.q_proj.weight", 0},
        {"all", "model.layers.0.self_attn.q_proj.weight", 1},
        {"all", "encoder.layers.0.output.weight", 1},
        {"all", "output.weight", 0},
        {"all", "lm_head.weight", 0},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (adapter_fits(of[i].target, of[i].weight) != of[i].fits)
            fail_msg("%s and %s: not %d", of[i].target, of[i].weight, of[i].fits);
    assert_int_equal(adapter_owns("h.0.c_fc.lora_A.weight"), 1);
    assert_int_equal(adapter_owns("h.0.c_fc.lora_B.weight"), 1);
    assert_int_equal(adapter_owns("h.0.c_fc.weight"), 0);
    assert_int_equal(adapter_owns("lora_A.weight"), 0);
}

/* With an adapter all but its parameters are frozen; a target has to fit a linear layer. */
static void an_adapter(void **state)
{
    (void)state;
    static char *const target[] = {"*.4", "*.1"}, *const freeze[] = {"*.lora_A.*"};
    static const char *const own[] = {"encoder.4.lora_A.weight", "encoder.4.lora_B.weight"};
    const struct adapter adapter = {.rank = 2, .alpha = 2, .target = target, .targets = 2};
    const size_t dim[] = {3, 2};
    struct device *dev = none(1 << 20);
    struct params *params = params_new(0);
    params_adapt(params, &adapter);
    params_freeze(params, freeze, 1);
    assert_int_equal(params_adapts(params, "encoder.4.weight"), 0); /* not there yet */
    for (size_t i = 0; i < 2; i++)
        assert_non_null(params_get(params, i ? "encoder.1.weight" : "encoder.4.weight", 2, dim, 1,
                                   INIT_NORMAL, 1));
    assert_int_equal(params_adapts(params, "encoder.4.weight"), 1);
    assert_string_equal(params_unadapted(params), "*.1"); /* the other is no linear layer */
    for (size_t i = 0; i < 2; i++)
        assert_non_null(params_get(params, own[i], 2, dim, 1, INIT_NORMAL, 1));
    assert_null(params_unfrozen(params));
    struct params *twin = params_twin(params);
    assert_non_null(twin);
    for (size_t i = 0; i < params->count; i++) {
        const enum param_group group = i < 3 ? PARAM_FROZEN : PARAM_TRAINED;
        assert_int_equal(params->list[i]->group, group);
        assert_int_equal(twin->list[i]->group, group);
    }
    params_free(twin);
    params_free(params);
    device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_buffer_or_many),
        cmocka_unit_test(a_parameter_that_fits_no_buffer),
        cmocka_unit_test(frozen_ones),
        cmocka_unit_test(a_name_twice),
        cmocka_unit_test(patterns_that_fit_nothing),
        cmocka_unit_test(targets_of_an_adapter),
        cmocka_unit_test(an_adapter),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
