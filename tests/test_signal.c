/* SPDX-License-Identifier: MIT */
/* Transforms against the sum that defines them; NMSE, ACLR, EVM and Welch's method against OpenDPD
 * and scipy (numbers printed by tests/peer/make_signal_golden.py). */
#include "analysis/signal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/fft.h"

static void near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance))
        fail_msg("%.17g instead of %.17g", have, want);
}

static double noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0 - 0.5;
}

/* ---- transform ---- */

static void check_length(size_t n)
{
    double complex *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    struct fft *fft = fft_new(n);
    assert_true(x && y && fft);
    uint32_t state = (uint32_t)n;
    for (int twice = 0; twice < 2; twice++) { /* a plan serves again */
        for (size_t i = 0; i < n; i++) {
            double re = noise(&state), im = noise(&state);
            x[i] = y[i] = re + I * im;
        }
        fft_run(fft, y);
        for (size_t k = 0; k < n; k += n < 100 ? 1 : n / 7) {
            double complex sum = 0;
            for (size_t j = 0; j < n; j++) {
                double angle = -2 * acos(-1) * (double)(j * k % n) / (double)n;
                sum += x[j] * (cos(angle) + I * sin(angle));
            }
            near(cabs(sum - y[k]), 0, 1e-15 * sqrt((double)n) * (4 + log2((double)n)));
        }
    }
    fft_free(fft);
    free(x);
    free(y);
}

static void transforms(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 70; n++)
        check_length(n);
    static const size_t lengths[] = {128, 250, 997, 1024, 2560, 4095, 19662};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        check_length(lengths[i]);
    assert_null(fft_new(0));
    assert_null(fft_new(SIZE_MAX));
    fft_free(NULL);
}

/* ---- golden numbers ---- */

struct signals {
    double *input, *actual, *model; /* [samples, 2] */
};

/* As make() in make_signal_golden.py, operation by operation. */
static struct signals signals_make(size_t samples)
{
    size_t n = samples + 12;
    double *raw = malloc(2 * n * sizeof *raw), *x = malloc(2 * n * sizeof *x);
    struct signals s = {x, malloc(2 * n * sizeof *raw), malloc(2 * n * sizeof *raw)};
    assert_true(raw && x && s.actual && s.model);
    uint32_t state = 1;
    for (size_t i = 0; i < 2 * n; i++)
        x[i] = raw[i] = noise(&state);
    for (int box = 0; box < 3; box++)
        for (size_t i = 0; i < 2 * (n - 4); i++) /* in place: writes behind what it reads */
            x[i] = ((x[i + 8] + x[i + 6]) + x[i + 4]) + x[i + 2];
    for (size_t i = 0; i < samples; i++) {
        double *at = x + 2 * i;
        at[0] /= 64;
        at[1] /= 64;
        double power = at[0] * at[0] + at[1] * at[1];
        for (size_t k = 0; k < 2; k++) {
            s.actual[2 * i + k] = at[k] * (1 - 0.5 * power);
            s.model[2 * i + k] = at[k] * (1 - 0.45 * power);
        }
        s.model[2 * i] += raw[2 * i + 1] / 4096;
    }
    free(raw);
    return s;
}

static void signals_free(struct signals *s)
{
    free(s->input);
    free(s->actual);
    free(s->model);
}

enum { NMSE, POOLED, LEFT, RIGHT, EVM, LOWEST, THIRD, P_LOWEST, P_THIRD, P_CENTRE, P_SUM, NUMBERS };

static const struct {
    size_t samples;
    struct signal_channel channel;
    double number[NUMBERS];
} golden[] = {
    {5120, {800000000.0, 200000000.0, 10, 2560},
     {-51.011069640534018, -51.005374802186623, -14.326486464402027, -14.240290214432216, -50.989739208563101, -400000000, -133437500, -112.50525757402117, -60.935335738125488, -40.795361406860792, -14.737034141258436}},
    {3000, {983040000.0, 200000000.0, 5, 1024},
     {-50.978199946145594, -50.943618062755142, -9.7647067239209147, -10.921597793509285, -51.249716843154502, -491520000, -164160000, -110.00439094813083, -58.96328604347643, -35.601589039401148, -14.45679039966592}},
    {39324, {983040000.0, 200000000.0, 5, 19662},
     {-51.306496536367959, -51.304187311465896, -10.155383332345838, -10.178223305916518, -51.576814592373054, -491520000, -163840000, -127.26913184443468, -72.977490166529194, -48.665131517414835, -14.711112033397145}},
    {1500, {1.0, 0.3, 3, 250},
     {-50.728572177531824, -50.648062306163524, -23.603728639893507, -23.943940024044757, -50.494929867989555, -0.5, -0.16800000000000001, -101.89267629228615, -51.614387684431016, -31.418160098999518, -14.659904784637718}},
};

static void as_opendpd_and_scipy(void **state)
{
    (void)state;
    struct error err;
    for (size_t c = 0; c < sizeof golden / sizeof *golden; c++) {
        const double *want = golden[c].number;
        const struct signal_channel *channel = &golden[c].channel;
        size_t samples = golden[c].samples, n = channel->segment;
        struct signals s = signals_make(samples);
        near(signal_nmse(s.model, s.actual, samples, n), want[NMSE], 1e-10);
        near(signal_nmse(s.model, s.actual, samples, samples), want[POOLED], 1e-10);
        double left, right, evm;
        assert_int_equal(signal_aclr(s.actual, samples, channel, &left, &right, &err), 0);
        near(left, want[LEFT], 1e-10);
        near(right, want[RIGHT], 1e-10);
        assert_int_equal(signal_evm(s.model, s.actual, samples, channel, &evm, &err), 0);
        near(evm, want[EVM], 1e-10);

        double *f = malloc(n * sizeof *f), *p = malloc(n * sizeof *p), sum = 0;
        assert_true(f && p);
        assert_int_equal(signal_spectrum(s.actual, samples, n, 1, channel->sample_rate, f, p, &err),
                         0);
        for (size_t i = 0; i < n; i++)
            sum += p[i];
        near(f[0], want[LOWEST], 0);
        near(f[n / 3], want[THIRD], 1e-6);
        near(10 * log10(p[0]), want[P_LOWEST], 1e-9);
        near(10 * log10(p[n / 3]), want[P_THIRD], 1e-9);
        near(10 * log10(p[n / 2 + 1]), want[P_CENTRE], 1e-9);
        near(10 * log10(sum), want[P_SUM], 1e-10);
        free(f);
        free(p);
        signals_free(&s);
    }
}

/* ---- by hand ---- */

static void nmse_by_hand(void **state)
{
    (void)state;
    const double actual[] = {1, 0, 0, 1, 2, 0, 0, 0, 0, 0},
                 model[] = {1.1, 0, 0, 0.9, 2, 1, 1, 0, 0, 0};
    near(signal_nmse(model, actual, 2, 2), -20, 1e-12);
    /* segments: 0.02 / 2, 2 / 4, and one without energy */
    near(signal_nmse(model, actual, 5, 2), (-20 + 10 * log10(0.5)) / 2, 1e-12);
    near(signal_nmse(model, actual, 5, 5), 10 * log10(2.02 / 6), 1e-12);
    assert_true(isinf(signal_nmse(actual, actual, 2, 1)) && signal_nmse(actual, actual, 2, 1) < 0);
    assert_true(isnan(signal_nmse(model + 8, actual + 8, 1, 1)));
    assert_true(isnan(signal_nmse(model, actual, 0, 2)));
    assert_true(isnan(signal_nmse(model, actual, 5, 0)));
    const double odd[] = {NAN, 0, 0, 1};
    assert_true(isnan(signal_nmse(odd, actual, 2, 2)));
}

/* A tone of amplitude A on bin k has the Hann peak A^2 there, A^2 / 4 on both sides, 0 elsewhere.
 */
static void tone(void **state)
{
    (void)state;
    enum { N = 40, SAMPLES = 130 };
    double iq[2 * SAMPLES], f[N], p[N];
    struct error err;
    for (size_t i = 0; i < SAMPLES; i++) {
        double angle = 2 * acos(-1) * 7 * (double)i / N;
        iq[2 * i] = 3 * cos(angle) + 100; /* the offset is taken off */
        iq[2 * i + 1] = -3 * sin(angle);
    }
    assert_int_equal(signal_spectrum(iq, SAMPLES, N, 1, 80, f, p, &err), 0);
    for (size_t i = 0; i < N; i++) {
        near(f[i], 2 * ((double)i - N / 2), 1e-12);
        near(p[i], i == N / 2 - 7 ? 9 : i == N / 2 - 6 || i == N / 2 - 8 ? 2.25 : 0, 1e-12);
    }
    /* a short signal is filled up with zeros: both ways see the same one segment */
    double q[N];
    assert_int_equal(signal_spectrum(iq, 25, N, 1, 80, f, p, &err), 0);
    assert_int_equal(signal_spectrum(iq, 25, N, 0, 80, f, q, &err), 0);
    assert_memory_equal(p, q, sizeof p);
    assert_int_equal(signal_spectrum(iq, 0, N, 0, 80, f, p, &err), 0);
    near(p[3], 0, 0);
    assert_int_equal(signal_spectrum(iq, 5, 1, 1, 80, f, p, &err), 0);
    near(p[0], 0, 0); /* its own mean */
}

/* Three tones: in the channel, and weaker ones beside it. */
static void leakage_of_tones(void **state)
{
    (void)state;
    enum { N = 400 };
    double iq[2 * N] = {0}, left, right;
    struct error err;
    for (size_t i = 0; i < N; i++) {
        static const struct {
            double bin, amplitude;
        } tones[] = {{3, 1}, {-57, 0.1}, {57, 0.01}};
        for (size_t k = 0; k < 3; k++) {
            double angle = 2 * acos(-1) * tones[k].bin * (double)i / N;
            iq[2 * i] += tones[k].amplitude * cos(angle);
            iq[2 * i + 1] += tones[k].amplitude * sin(angle);
        }
    }
    struct signal_channel channel = {400, 100, 5, N};
    assert_int_equal(signal_aclr(iq, N, &channel, &left, &right, &err), 0);
    near(left, -20, 1e-9);
    near(right, -40, 1e-9);
}

static void channels_that_do_not_fit(void **state)
{
    (void)state;
    static const struct signal_channel odd[] = {
        {0, 100, 5, 40},   {400, 0, 5, 40},    {400, 100, 0, 40},     {400, 100, 5, 0},
        {NAN, 100, 5, 40}, {400, NAN, 5, 40},  {INFINITY, 1, 5, 40},  {400, 100, 50, 40},
        {400, 300, 1, 40}, {400, 5000, 5, 40}, {400, INFINITY, 5, 40}};
    const double iq[80] = {1};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct error err = {0};
        double left, right;
        if (signal_aclr(iq, 40, &odd[i], &left, &right, &err) != -1)
            fail_msg("case %zu passed", i);
        assert_int_equal(err.status, STATUS_USAGE);
        assert_true(err.text[0] && !strchr(err.text, '\n'));
        struct error before;
        assert_int_equal(signal_check(&odd[i], &before), -1);
        assert_string_equal(before.text, err.text);
    }
    struct error err;
    double f[4], p[4], evm;
    assert_int_equal(signal_check(&(struct signal_channel){400, 100, 5, 40}, &err), 0);
    assert_int_equal(signal_spectrum(iq, 40, 0, 1, 80, f, p, &err), -1);
    assert_int_equal(signal_spectrum(iq, 40, 4, 1, 0, f, p, &err), -1);
    assert_int_equal(signal_evm(iq, iq, 40, &odd[3], &evm, &err), -1);
    assert_int_equal(signal_evm(iq, iq, 0, &(struct signal_channel){400, 100, 5, 40}, &evm, &err),
                     0);
    assert_true(isnan(evm));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms),       cmocka_unit_test(as_opendpd_and_scipy),
        cmocka_unit_test(nmse_by_hand),     cmocka_unit_test(tone),
        cmocka_unit_test(leakage_of_tones), cmocka_unit_test(channels_that_do_not_fit),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
