/* SPDX-License-Identifier: MIT */
/* Models in integers (src/fixed): formats against their definition, and drawn models run in
 * integers beside the same in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixed/emulated.h"
#include "fixed/measured.h"
#include "ok.h"
#include "util/philox.h"

#define HIDDEN 9
#define ROWS 2000

static double drawn(uint32_t stream, uint32_t i)
{
    uint32_t word[4];
    philox(word, i, stream, 0, 0, 11);
    return ldexp(word[0], -31) - 1;
}

static const char *no_number; /* the parameter that has none */

/* Parameters: numbers up to 0.6, keyed by their name's length. */
static int read_drawn(void *ctx, const struct tensor *param, float *to, struct error *fault)
{
    const double *size = ctx;
    const int is_broken = no_number && !strcmp(param->name, no_number);
    (void)fault;
    for (size_t i = 0; i < param->elems; i++)
        to[i] =
            is_broken ? NAN : (float)(*size * drawn((uint32_t)strlen(param->name), (uint32_t)i));
    return 0;
}

static struct tensor tensor_of(const char *name, size_t rows, size_t columns)
{
    return (struct tensor){.name = (char *)name,
                           .rank = 2,
                           .dim = {rows, columns},
                           .elems = rows * columns,
                           .readers = 1};
}

/* I/Q features, a layer of such cells, a linear layer with a ReLU, beside the features, and a
 * linear layer: what DGRU does. */
static struct fixed *model_of(enum fixed_kind kind, int weight_bits, double *size)
{
    const size_t gates = kind == FIXED_LSTM ? 4 : kind == FIXED_GRU ? 3 : 1;
    static struct tensor t[16];
    struct fixed *f = fixed_new(weight_bits, read_drawn, size);
    assert_non_null(f);
    t[0] = tensor_of("x", 1, 2);
    t[1] = tensor_of("features", 1, 6);
    t[2] = tensor_of("w_ih", gates * HIDDEN, 6);
    t[3] = tensor_of("w_hh_", gates * HIDDEN, HIDDEN);
    t[4] = tensor_of("bias_ih", 1, gates * HIDDEN);
    t[5] = tensor_of("bias_hh_", 1, gates * HIDDEN);
    t[6] = tensor_of("h", 1, HIDDEN);
    t[7] = tensor_of("hid.weight", 5, HIDDEN);
    t[8] = tensor_of("hid", 1, 5);
    t[9] = tensor_of("hid.bias.", 1, 5);
    t[10] = tensor_of("biased", 1, 5);
    t[11] = tensor_of("relu", 1, 5);
    t[12] = tensor_of("joined", 1, 11);
    t[13] = tensor_of("out.weight..", 2, 11);
    t[14] = tensor_of("y", 1, 2);
    fixed_begin(f, &t[0]);
    fixed_iq(f, &t[0], &t[1]);
    fixed_cell(f, kind, &t[1], (struct tensor *[]){&t[2], &t[3], &t[4], &t[5]}, &t[6]);
    fixed_linear(f, &t[6], &t[7], &t[8]);
    fixed_bias(f, &t[8], &t[9], &t[10]);
    fixed_relu(f, &t[10], &t[11]);
    fixed_join(f, &t[11], &t[1], &t[12]);
    fixed_linear(f, &t[12], &t[13], &t[14]);
    fixed_end(f, &t[14]);
    OK(fixed_check(f, &err));
    return f;
}

static void draw_row(float row[2], uint32_t t)
{
    for (uint32_t k = 0; k < 2; k++)
        row[k] = (float)(t % 50 == 7 ? 0 : 0.7 * drawn(900 + k, t));
}

static int settle(struct fixed *f)
{
    struct measured *m = measured_new(f);
    float row[2];
    assert_non_null(m);
    for (uint32_t t = 0; t < ROWS; t++) {
        draw_row(row, t);
        measured_step(m, row);
    }
    measured_free(m);
    return fixed_settle(f, &err);
}

/* The largest deviation of an output, in parts of the largest output. */
static double deviation(struct fixed *f)
{
    struct measured *m = measured_new(f);
    struct emulated *e = emulated_new(f);
    const struct fixed_value *in = f->value[f->input], *out = f->value[f->output];
    double most = 0;
    float row[2];
    int16_t q[2];
    assert_non_null(m);
    assert_non_null(e);
    for (uint32_t t = 0; t < ROWS; t++) {
        draw_row(row, t);
        for (int k = 0; k < 2; k++)
            q[k] = fixed_number((double)row[k], in->bits);
        const double *want = measured_step(m, row);
        const int16_t *got = emulated_step(e, q);
        for (int k = 0; k < 2; k++)
            most = fmax(most, fabs(ldexp(got[k], -out->bits) - want[k]));
    }
    measured_free(m);
    emulated_free(e);
    return most / out->most;
}

static void test_models(void **state)
{
    static const enum fixed_kind kinds[] = {FIXED_GRU, FIXED_LSTM, FIXED_RNN};
    double size = 0.6;
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (int bits = 8; bits <= 16; bits += 8) {
            struct fixed *f = model_of(kinds[i], bits, &size);
            OK(settle(f));
            const double off = deviation(f);
            if (!(off < (bits == 16 ? 1e-3 : 0.1)))
                fail_msg("kind %d with weights of %d bits is off by %g", (int)kinds[i], bits, off);
            fixed_free(f);
        }
}

/* The weights and sums of a model whose numbers are far from 1 have formats, too. */
static void test_sizes(void **state)
{
    (void)state;
    for (double size = 1e-7; size < 1e4; size *= 10) {
        struct fixed *f = model_of(FIXED_GRU, 8, &size);
        const int failed = settle(f);
        assert_true(!failed || (size > 100 && strstr(err.text, "too large for 16 bits")));
        for (size_t i = 0; i < f->matrices; i++)
            for (size_t k = 0; k < f->matrix[i]->out * f->matrix[i]->in; k++)
                assert_in_range(f->matrix[i]->weight[k] + 127, 0, 254);
        assert_true(failed || isfinite(deviation(f)));
        fixed_free(f);
    }
}

static void test_no_numbers(void **state)
{
    double size = (double)NAN;
    struct fixed *f = model_of(FIXED_RNN, 16, &size);
    struct measured *m = measured_new(f);
    (void)state;
    assert_non_null(m);
    measured_step(m, (float[]){0.5f, 0.25f});
    measured_step(m, (float[]){0, 0});
    measured_free(m);
    assert_int_equal(fixed_settle(f, &err), -1);
    assert_non_null(strstr(err.text, "it has values that are no numbers"));
    fixed_free(f);
}

/* A ReLU does not hide them. */
static void test_no_numbers_behind(void **state)
{
    double size = 0.6;
    (void)state;
    no_number = "hid.weight";
    struct fixed *f = model_of(FIXED_RNN, 16, &size);
    no_number = NULL;
    assert_int_equal(settle(f), -1);
    assert_non_null(strstr(err.text, "it has values that are no numbers"));
    fixed_free(f);
}

/* Values for which there is no format: |x|^3 is above 2^30. */
static void test_large(void **state)
{
    double size = 1e-7;
    (void)state;
    for (double x = 900; x < 1e9; x *= 100) {
        struct fixed *f = model_of(FIXED_GRU, 16, &size);
        struct measured *m = measured_new(f);
        assert_non_null(m);
        measured_step(m, (float[]){(float)x, (float)-x / 4});
        measured_free(m);
        assert_int_equal(fixed_settle(f, &err), x > 1024 ? -1 : 0);
        assert_true(x < 1024 || strstr(err.text, "are too large for 16 bits"));
        fixed_free(f);
    }
}

/* A matrix of 2^20 numbers and its biases are more than a model may have. */
static void test_many(void **state)
{
    double size = 0.6;
    struct tensor x = tensor_of("x", 1, 1024), w = tensor_of("w", 1024, 1024),
                  y = tensor_of("y", 1, 1024);
    struct fixed *f = fixed_new(16, read_drawn, &size);
    (void)state;
    assert_non_null(f);
    fixed_begin(f, &x);
    fixed_linear(f, &x, &w, &y);
    assert_int_equal(fixed_check(f, &err), -1);
    assert_string_equal(err.text, "w: integers are for smaller models");
    fixed_free(f);
}

static void test_formats(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        const double most = ldexp(1 + fabs(drawn(1, i)), (int)(i % 30) - 15);
        const int largest = i % 2 ? 127 : 32767, bits = fixed_bits(most, largest);
        assert_in_range(bits + 15, 0, 35);
        assert_true(bits == -15 || ldexp(most, bits) <= largest);
        assert_true(bits == 20 || ldexp(most, bits + 1) > largest);
    }
    assert_int_equal(fixed_bits(127, 127), 0);
    assert_int_equal(fixed_bits(nextafter(127, 200), 127), -1);
    assert_int_equal(fixed_number(1, 15), 32767);
    assert_int_equal(fixed_number(-1, 15), -32768);
    assert_int_equal(fixed_number(2.5, 0), 3);
    assert_int_equal(fixed_number(-2.5, 0), -2);
    assert_int_equal(fixed_number((double)NAN, 0), -32768);
}

/* What is rounded stays when it is rounded again. */
static void test_round(void **state)
{
    float w[200], again[200];
    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        w[i] = (float)drawn(2, i);
    fixed_round(w, 8, 25, 8);
    memcpy(again, w, sizeof w);
    fixed_round(again, 8, 25, 8);
    assert_memory_equal(again, w, sizeof w);
    for (size_t i = 0; i < 200; i++)
        assert_true(fabs(ldexp((double)w[i], 7)) <= 128 &&
                    ldexp((double)w[i], 20) == rint(ldexp((double)w[i], 20)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),    cmocka_unit_test(test_round),
        cmocka_unit_test(test_models),     cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_no_numbers), cmocka_unit_test(test_no_numbers_behind),
        cmocka_unit_test(test_large),      cmocka_unit_test(test_many),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("fixed", tests, NULL, NULL);
}
