/* SPDX-License-Identifier: MIT */
/*
 * Writes what goes into a made-up power amplifier, or what comes out of it, to standard output:
 *
 *     make_synthetic_amplifier train input | gzip -n9 > synthetic_amplifier/train_input.csv.gz
 *
 * Parts are train, val and test, sides input and output; columns I,Q, as in the data sets of
 * OpenDPD. The input is noise within 60 of 200 MHz, much like the sum of many carriers: its
 * amplitude has Rayleigh's distribution. The amplifier saturates, turns the phase with the
 * amplitude and remembers some samples:
 *
 *     u[n] = x[n] + c1 x[n-1] + c2 x[n-2]
 *     y[n] = u[n] (1 + j phi) / (1 + 0.9 |u[n]|^2) + d1 x[n-1] |x[n-1]|^2 + d2 x[n-3] |x[n-2]|^2
 *
 * with phi = 0.5 |u|^2 / (1 + 0.9 |u|^2) (after Saleh 1981, for small angles), and noise 45 dB
 * below it, which no model predicts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synthetic.h"

#define HALF 39 /* taps of the filter on each side of the middle */
#define MEMORY 3

/* A low-pass filter in 1/65536, 0.115 of the sampling rate: a sinc under a Kaiser window of beta 6;
 * from its end to its middle. */
static const int tap[HALF + 1] = {
    1,    9,    18,   19,    5,     -23,   -52,   -61,  -33,  31,    105,   143,   106, -13,
    -168, -276, -253, -69,   215,   460,   506,   267,  -199, -681,  -903,  -660,  37,  913,
    1512, 1406, 436,  -1118, -2565, -3028, -1810, 1260, 5657, 10271, 13767, 15070,
};

struct complex {
    int64_t i, q; /* in 1/ONE */
};

static int64_t times(int64_t a, int64_t b)
{
    return a * b / ONE;
}

static struct complex product(struct complex a, struct complex b)
{
    return (struct complex){times(a.i, b.i) - times(a.q, b.q), times(a.i, b.q) + times(a.q, b.i)};
}

static struct complex sum(struct complex a, struct complex b)
{
    return (struct complex){a.i + b.i, a.q + b.q};
}

static struct complex scaled(struct complex a, int64_t by)
{
    return (struct complex){times(a.i, by), times(a.q, by)};
}

static int64_t power(struct complex a)
{
    return times(a.i, a.i) + times(a.q, a.q);
}

/* The next of white noise, filtered; standard deviation 0.21 of each of I and Q. */
static int64_t filtered(int64_t past[2 * HALF + 1])
{
    int64_t total = 0;
    memmove(past, past + 1, 2 * HALF * sizeof *past);
    past[2 * HALF] = random_normal();
    for (int k = 0; k <= 2 * HALF; k++)
        total += past[k] * tap[k <= HALF ? k : 2 * HALF - k];
    return total / 9;
}

/* x[0] is now, x[1] the sample before. */
static struct complex amplify(const struct complex x[MEMORY + 1])
{
    static const struct complex c1 = {PER_MILLION(90000), PER_MILLION(-40000)},
                                c2 = {PER_MILLION(-30000), PER_MILLION(20000)},
                                d1 = {PER_MILLION(-60000), PER_MILLION(50000)},
                                d2 = {PER_MILLION(40000), PER_MILLION(-30000)};
    struct complex u = sum(x[0], sum(product(c1, x[1]), product(c2, x[2])));
    int64_t gain = ONE * ONE / (ONE + times(PER_MILLION(900000), power(u)));
    int64_t phi = times(times(PER_MILLION(500000), power(u)), gain);
    struct complex y = product(scaled(u, gain), (struct complex){ONE, phi});
    y = sum(y, product(d1, scaled(x[1], power(x[1]))));
    y = sum(y, product(d2, scaled(x[3], power(x[2]))));
    struct complex noise = {random_normal() * 16, random_normal() * 16}; /* 0.001 */
    return sum(y, noise);
}

static void print_number(int64_t x)
{
    int64_t digits = ((x < 0 ? -x : x) * 100000 + ONE / 2) / ONE;
    printf("%s%" PRId64 ".%05" PRId64, x < 0 && digits ? "-" : "", digits / 100000,
           digits % 100000);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int samples;
    } parts[] = {{"train", 12288}, {"val", 4096}, {"test", 4096}};
    size_t part = 0;
    while (argc == 3 && part < 3 && strcmp(argv[1], parts[part].name))
        part++;
    if (argc != 3 || part == 3 || (strcmp(argv[2], "input") && strcmp(argv[2], "output"))) {
        fputs("usage: make_synthetic_amplifier train|val|test input|output\n", stderr);
        return EXIT_FAILURE;
    }
    draw = (uint64_t)(part + 1) << 40;
    static int64_t past[2][2 * HALF + 1];
    struct complex x[MEMORY + 1] = {{0}};
    int input = !strcmp(argv[2], "input");
    puts("I,Q");
    for (int n = -2 * HALF; n < parts[part].samples; n++) { /* the filter fills first */
        memmove(x + 1, x, MEMORY * sizeof *x);
        x[0] = (struct complex){filtered(past[0]), filtered(past[1])};
        struct complex y = amplify(x);
        if (n < 0)
            continue;
        print_number(input ? x[0].i : y.i);
        putchar(',');
        print_number(input ? x[0].q : y.q);
        putchar('\n');
    }
    return fflush(stdout) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
