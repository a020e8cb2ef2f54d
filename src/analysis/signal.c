/* SPDX-License-Identifier: MIT */
#include "analysis/signal.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/fft.h"

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

double signal_nmse(const double *prediction, const double *actual, size_t samples, size_t segment)
{
    double total = 0;
    size_t counted = 0;
    for (size_t begin = 0; segment && begin < samples; begin += at_most(segment, samples - begin)) {
        double error = 0, energy = 0;
        size_t end = begin + at_most(segment, samples - begin);
        for (size_t i = 2 * begin; i < 2 * end; i++) {
            double e = actual[i] - prediction[i];
            error += e * e;
            energy += actual[i] * actual[i];
        }
        if (energy == 0)
            continue;
        total += 10 * log10(error / energy);
        counted++;
    }
    return counted ? total / (double)counted : NAN;
}

/* Room for the transform of a segment. */
struct spectrum {
    struct fft *fft;
    double complex *x; /* [segment] */
};

static int spectrum_init(struct spectrum *s, size_t segment, struct error *err)
{
    *s = (struct spectrum){fft_new(segment), calloc(segment, sizeof *s->x)};
    if (s->fft && s->x)
        return 0;
    return error_set(err, STATUS_FAILED, "out of memory for the spectrum of %zu samples", segment);
}

static void spectrum_fini(struct spectrum *s)
{
    fft_free(s->fft);
    free(s->x);
}

/* Copies a segment from sample `begin` on, filled up with zeros. */
static void cut(double complex *x, const double *iq, size_t samples, size_t begin, size_t segment)
{
    for (size_t i = 0; i < segment; i++)
        x[i] = begin + i < samples ? iq[2 * (begin + i)] + I * iq[2 * (begin + i) + 1] : 0;
}

/* Where bin i of ascending frequencies lies in a transform's order. */
static size_t unshifted(size_t i, size_t segment)
{
    return (i + segment - segment / 2) % segment;
}

/* Hz of bin i of ascending ones; in the steps of numpy.fft.fftfreq, since channels may end exactly
 * on a bin. */
static double frequency_at(size_t i, size_t segment, double sample_rate)
{
    double step = 1 / sample_rate, width = 1 / ((double)segment * step);
    return ((double)i - (double)(segment / 2)) * width;
}

int signal_spectrum(const double *iq, size_t samples, size_t segment, int overlap,
                    double sample_rate, double *frequency, double *power, struct error *err)
{
    if (!segment || !(sample_rate > 0))
        return error_set(err, STATUS_USAGE, "a spectrum needs a sampling rate and a segment");
    struct spectrum s;
    double *window = malloc(segment * sizeof *window), sum = 0;
    if (spectrum_init(&s, segment, err) || !window) {
        spectrum_fini(&s);
        free(window);
        return error_set(err, STATUS_FAILED, "out of memory for the spectrum of %zu samples",
                         segment);
    }
    for (size_t i = 0; i < segment; i++) {
        window[i] = 0.5 - 0.5 * cos(2 * acos(-1) * (double)i / (double)segment);
        if (segment == 1)
            window[i] = 1;
        sum += window[i];
        power[i] = 0;
    }
    size_t step = overlap ? segment - segment / 2 : segment, count = 0;
    size_t last = samples ? samples - 1 : 0; /* where a segment may begin */
    if (overlap)
        last = samples > segment ? samples - segment : 0;
    for (size_t begin = 0; begin <= last; begin += step, count++) {
        cut(s.x, iq, samples, begin, segment);
        double complex mean = 0;
        for (size_t i = 0; i < segment; i++)
            mean += s.x[i];
        mean /= (double)segment;
        for (size_t i = 0; i < segment; i++)
            s.x[i] = (s.x[i] - mean) * window[i];
        fft_run(s.fft, s.x);
        for (size_t i = 0; i < segment; i++) {
            double complex bin = s.x[unshifted(i, segment)];
            power[i] += creal(bin) * creal(bin) + cimag(bin) * cimag(bin);
        }
    }
    for (size_t i = 0; i < segment; i++) {
        power[i] /= (double)count * sum * sum;
        frequency[i] = frequency_at(i, segment, sample_rate);
    }
    spectrum_fini(&s);
    free(window);
    return 0;
}

/* The bins of the main channel, from `left` to `right`, and how many a sub-channel has. */
struct bins {
    size_t left, right, width;
};

static int bins_of(struct bins *b, const struct signal_channel *c, struct error *err)
{
    *b = (struct bins){c->segment, 0, 0};
    if (!c->segment || !c->sub_channels || !(c->sample_rate > 0) || !(c->bandwidth > 0) ||
        !isfinite(c->sample_rate))
        return error_set(err, STATUS_USAGE,
                         "a channel needs sample_rate, bandwidth, sub_channels and segment");
    for (size_t i = 0; i < c->segment; i++) {
        double f = frequency_at(i, c->segment, c->sample_rate);
        if (f >= -c->bandwidth / 2)
            b->left = at_most(b->left, i);
        if (f <= c->bandwidth / 2)
            b->right = i;
    }
    if (b->right > b->left)
        b->width = (b->right - b->left) / c->sub_channels;
    if (!b->width)
        return error_set(err, STATUS_USAGE,
                         "%zu sub-channels of a bandwidth of %g Hz are narrower than a bin: "
                         "segments of %zu samples are too short",
                         c->sub_channels, c->bandwidth, c->segment);
    return 0;
}

/* The same, where there is room beside the main channel. */
static int bins_with_neighbours(struct bins *b, const struct signal_channel *c, struct error *err)
{
    if (bins_of(b, c, err))
        return -1;
    if (b->left < b->width || b->right + b->width > c->segment)
        return error_set(err, STATUS_USAGE,
                         "the channels beside a bandwidth of %g Hz lie beyond a sampling rate of "
                         "%g Hz",
                         c->bandwidth, c->sample_rate);
    return 0;
}

int signal_check(const struct signal_channel *channel, struct error *err)
{
    struct bins ignored;
    return bins_with_neighbours(&ignored, channel, err);
}

int signal_aclr(const double *iq, size_t samples, const struct signal_channel *channel,
                double *left, double *right, struct error *err)
{
    struct bins b;
    if (bins_with_neighbours(&b, channel, err))
        return -1;
    size_t n = channel->segment;
    double *frequency = malloc(n * sizeof *frequency), *power = malloc(n * sizeof *power);
    int failed = !frequency || !power;
    if (failed)
        error_set(err, STATUS_FAILED, "out of memory for the spectrum of %zu samples", n);
    else
        failed = signal_spectrum(iq, samples, n, 0, channel->sample_rate, frequency, power, err);
    if (!failed) {
        double strongest = 0, below = 0, above = 0;
        for (size_t c = 0; c < channel->sub_channels; c++) {
            double sum = 0;
            for (size_t i = 0; i < b.width; i++)
                sum += power[b.left + c * b.width + i];
            strongest = fmax(strongest, sum);
        }
        for (size_t i = 0; i < b.width; i++) {
            below += power[b.left - b.width + i];
            above += power[b.right + i];
        }
        *left = 10 * log10(below / strongest);
        *right = 10 * log10(above / strongest);
    }
    free(frequency);
    free(power);
    return failed ? -1 : 0;
}

int signal_evm(const double *prediction, const double *actual, size_t samples,
               const struct signal_channel *channel, double *evm, struct error *err)
{
    struct bins b;
    if (bins_of(&b, channel, err))
        return -1;
    size_t n = channel->segment, segments = 0;
    struct spectrum p, a = {0};
    int failed = spectrum_init(&p, n, err) || spectrum_init(&a, n, err);
    double total = 0;
    for (size_t begin = 0; !failed && begin < samples; begin += at_most(n, samples - begin)) {
        cut(p.x, prediction, samples, begin, n);
        cut(a.x, actual, samples, begin, n);
        fft_run(p.fft, p.x);
        fft_run(a.fft, a.x);
        for (size_t c = 0; c < channel->sub_channels; c++) {
            double error = 0, size = 0;
            for (size_t i = 0; i < b.width; i++) {
                size_t bin = unshifted(b.left + c * b.width + i, n);
                error += cabs(p.x[bin] - a.x[bin]);
                size += cabs(a.x[bin]);
            }
            total += error / size / (double)channel->sub_channels;
        }
        segments++;
    }
    *evm = segments ? 20 * log10(total / (double)segments) : NAN;
    spectrum_fini(&p);
    spectrum_fini(&a);
    return failed ? -1 : 0;
}
