/* SPDX-License-Identifier: MIT */
#include "analysis/normality.h"

#include <math.h>
#include <stdlib.h>

double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

/* c[0] + c[1] x + ... + c[n - 1] x^(n - 1) */
static double poly(const double *c, int n, double x)
{
    double sum = 0;
    while (n--)
        sum = sum * x + c[n];
    return sum;
}

/* AS 241, PPND16: rational approximations in three ranges. */
double normal_quantile(double p)
{
    static const double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[] = {1,
                               4.2313330701600911252e+1,
                               6.8718700749205790830e+2,
                               5.3941960214247511077e+3,
                               2.1213794301586595867e+4,
                               3.9307895800092710610e+4,
                               2.8729085735721942674e+4,
                               5.2264952788528545610e+3};
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    if (!(p >= 0 && p <= 1))
        return NAN;
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * poly(a, 8, r) / poly(b, 8, r);
    }
    double tail = q < 0 ? p : 1 - p, sign = q < 0 ? -1 : 1;
    if (tail <= 0)
        return sign * INFINITY;
    double r = sqrt(-log(tail));
    if (r <= 5)
        return sign * poly(c, 8, r - 1.6) / poly(d, 8, r - 1.6);
    return sign * poly(e, 8, r - 5) / poly(f, 8, r - 5);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

size_t normality_sort(const double *x, size_t n, double *sorted)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            sorted[used++] = x[i];
    qsort(sorted, used, sizeof *sorted, ascending);
    return used;
}

double normality_quantile(const double *sorted, size_t n, double p)
{
    if (!n || !(p >= 0 && p <= 1))
        return NAN;
    double place = p * (double)(n - 1), share = place - floor(place);
    size_t i = (size_t)place, next = i + 1 < n ? i + 1 : i;
    /* not a + share (b - a), which overflows */
    return sorted[i] == sorted[next] ? sorted[i] : (1 - share) * sorted[i] + share * sorted[next];
}

double normality_position(size_t i, size_t n)
{
    return ((double)i + 0.625) / ((double)n + 0.25);
}

/* The half of the weights for the lowest n / 2 values, positive, descending. */
static void weights(double *a, size_t n)
{
    static const double c1[] = {0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056};
    static const double c2[] = {0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633};
    if (n == 3) {
        a[0] = sqrt(0.5);
        return;
    }
    size_t half = n / 2, exact = n > 5 ? 2 : 1; /* weights that are approximated on their own */
    double squares = 0, root = 1 / sqrt((double)n);
    for (size_t i = 0; i < half; i++) {
        a[i] = -normal_quantile(normality_position(i, n)); /* expected order statistic */
        squares += 2 * a[i] * a[i];
    }
    double size = sqrt(squares), rest = squares - 2 * a[0] * a[0];
    double first = a[0] / size + poly(c1, 6, root), second = 0;
    double left = 1 - 2 * first * first;
    if (exact == 2) {
        second = a[1] / size + poly(c2, 6, root);
        rest -= 2 * a[1] * a[1];
        left -= 2 * second * second;
    }
    double factor = sqrt(rest / left);
    a[0] = first;
    if (exact == 2)
        a[1] = second;
    for (size_t i = exact; i < half; i++)
        a[i] /= factor;
}

/* P(W <= w), from 1 - w. */
static double significance(double one_less, size_t n)
{
    static const double c3[] = {0.5440, -0.39978, 0.025054, -6.714e-4};
    static const double c4[] = {1.3822, -0.77857, 0.062767, -0.0020322};
    static const double c5[] = {-1.5861, -0.31082, -0.083751, 0.0038915};
    static const double c6[] = {-0.4803, -0.082676, 0.0030302};
    if (n == 3) { /* exact: 6/pi (asin sqrt(w) - asin sqrt(3/4)) */
        double pi = acos(-1), p = 6 / pi * (asin(sqrt(1 - one_less)) - pi / 3);
        return fmin(fmax(p, 0), 1);
    }
    double size = (double)n, y = log(one_less), mean, sd;
    if (n <= 11) {
        double gamma = -2.273 + 0.459 * size;
        if (y >= gamma)
            return 0;
        y = -log(gamma - y);
        mean = poly(c3, 4, size);
        sd = exp(poly(c4, 4, size));
    } else {
        mean = poly(c5, 4, log(size));
        sd = exp(poly(c6, 3, log(size)));
    }
    return normal_cdf((mean - y) / sd);
}

size_t shapiro_wilk(const double *x, size_t n, double *w, double *p)
{
    *w = *p = NAN;
    double *values = malloc((n + 1) * sizeof *values);
    double *a = malloc((SHAPIRO_LARGEST / 2) * sizeof *a);
    size_t count = 0;
    if (!values || !a) {
        free(values);
        free(a);
        return SHAPIRO_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            values[count++] = x[i];
    if (count > SHAPIRO_LARGEST) {
        for (size_t i = 0; i < SHAPIRO_LARGEST; i++) /* writes behind what it reads */
            values[i] = values[(size_t)((double)i * (double)count / SHAPIRO_LARGEST)];
        count = SHAPIRO_LARGEST;
    }
    if (count)
        qsort(values, count, sizeof *values, ascending);
    double middle = count ? values[count / 2] : 0, scale = 0; /* against overflow */
    if (count >= 3)
        scale = fmax(values[count - 1] / 2 - middle / 2, middle / 2 - values[0] / 2);
    if (scale > 0) {
        /* W = (sum a x)^2 / sum (x - mean)^2 with sum a^2 = 1 */
        double mean = 0, product = 0, spread = 0, size = 0;
        weights(a, count);
        for (size_t i = 0; i < count; i++) {
            values[i] = (values[i] / 2 - middle / 2) / scale;
            mean += values[i] / (double)count;
        }
        for (size_t i = 0; i < count; i++)
            spread += (values[i] - mean) * (values[i] - mean);
        for (size_t i = 0; i < count / 2; i++) {
            product += a[i] * (values[count - 1 - i] - values[i]);
            size += 2 * a[i] * a[i];
        }
        /* 1 - W as a product of differences keeps its digits near W = 1 */
        double root = sqrt(spread * size);
        double one_less = fmax(0, (root - product) * (root + product) / (root * root));
        *w = 1 - one_less;
        *p = one_less > 0 ? significance(one_less, count) : 1;
    }
    free(values);
    free(a);
    return count;
}

static double deviation(const double *sorted, size_t n)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        mean += sorted[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (sorted[i] - mean) * (sorted[i] - mean) / (double)n;
    return sqrt(square);
}

size_t histogram_edges(const double *sorted, size_t n, double low, double high, size_t most,
                       double *edge)
{
    if (!n || !most || !(low < high) || !isfinite(high - low))
        return 0;
    double iqr = normality_quantile(sorted, n, 0.75) - normality_quantile(sorted, n, 0.25);
    double width = (iqr > 0 ? 2 * iqr : 3.49 * deviation(sorted, n)) / cbrt((double)n);
    double wanted = width > 0 ? ceil((high - low) / width) : 1;
    size_t bins = wanted < 1 ? 1 : wanted > (double)most ? most : (size_t)wanted;
    for (size_t i = 0; i <= bins; i++)
        edge[i] = low + (high - low) * ((double)i / (double)bins);
    edge[bins] = high;
    return bins;
}

size_t histogram_count(const double *x, size_t n, const double *edge, size_t bins, double *count)
{
    size_t outside = 0;
    for (size_t i = 0; i < n; i++) {
        if (!bins || !(x[i] >= edge[0] && x[i] <= edge[bins])) {
            outside++;
            continue;
        }
        double place = (x[i] - edge[0]) / (edge[bins] - edge[0]) * (double)bins;
        size_t bin = place >= (double)bins ? bins - 1 : (size_t)place;
        while (bin && x[i] < edge[bin]) /* rounding */
            bin--;
        while (bin + 1 < bins && x[i] >= edge[bin + 1])
            bin++;
        count[bin]++;
    }
    return outside;
}
