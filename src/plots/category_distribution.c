/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>

#include "plots/canvas.h"
#include "plots/number.h"
#include "plots/plots.h"

enum { GAP = 26, BARS_HEIGHT = 290, ROW_HEIGHT = 230 };

struct sizes {
    size_t n, used;   /* categories; those that are not empty */
    uint64_t largest; /* its index */
    double total;
    double *share; /* [n] per cent, descending */
    double *size;  /* [n] windows, descending */
    double *edge;  /* [n + 1] 0.5, 1.5 ... */
    double *sum;   /* [n + 1] per cent in the i largest */
};

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static int sizes_init(struct sizes *s, const struct plot_categories *categories)
{
    size_t n = categories->categories;
    *s = (struct sizes){.n = n};
    s->share = calloc(n + 1, sizeof *s->share);
    s->size = calloc(n + 1, sizeof *s->size);
    s->edge = calloc(n + 1, sizeof *s->edge);
    s->sum = calloc(n + 1, sizeof *s->sum);
    if (!s->share || !s->size || !s->edge || !s->sum)
        return -1;
    for (size_t i = 0; i < n; i++) {
        s->size[i] = (double)categories->size[i];
        s->total += s->size[i];
        s->used += categories->size[i] > 0;
        if (categories->size[i] > categories->size[s->largest])
            s->largest = i;
    }
    qsort(s->size, n, sizeof *s->size, descending);
    for (size_t i = 0; i < n; i++) {
        s->share[i] = s->total > 0 ? 100 * s->size[i] / s->total : 0;
        s->sum[i + 1] = s->sum[i] + s->share[i];
        s->edge[i + 1] = (double)i + 1.5;
    }
    s->edge[0] = 0.5;
    return 0;
}

static void sizes_fini(struct sizes *s)
{
    free(s->share);
    free(s->size);
    free(s->edge);
    free(s->sum);
}

/* exp of the entropy of the shares: the number of equal categories that would be as diverse. */
static double effective(const struct sizes *s)
{
    double entropy = 0;
    for (size_t i = 0; i < s->used; i++)
        entropy -= s->share[i] / 100 * log(s->share[i] / 100);
    return exp(entropy);
}

static void subtitle(struct canvas *canvas, const struct plot_categories *categories,
                     const struct sizes *s)
{
    char windows[32], n[32], empty[32], text[256];
    number_count(windows, sizeof windows, (uint64_t)fmin(s->total, 1e19));
    number_count(n, sizeof n, s->n);
    number_count(empty, sizeof empty, s->n - s->used);
    if (s->total > 0)
        number_print(text, sizeof text,
                     "%s windows of the %.100s in %s categor%s (%s empty); the largest, category "
                     "%llu, holds %.3g%%",
                     windows, categories->what, n, s->n == 1 ? "y" : "ies", empty,
                     (unsigned long long)s->largest, s->share[0]);
    else
        number_print(text, sizeof text, "no windows of the %.100s in %s categories",
                     categories->what, n);
    canvas_subtitle(canvas, text);
}

static void draw_shares(struct canvas *canvas, const struct sizes *s, struct rect outer)
{
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    axis_include(&axes.x, s->edge, s->n + 1);
    double even = s->n ? 100 / (double)s->n : 0, zero = 0;
    int skewed = s->used && s->size[0] > 50 * s->size[(s->used - 1) / 2];
    axis_include(&axes.y, s->share, s->used);
    axis_include(&axes.y, &even, 1);
    if (!skewed)
        axis_include(&axes.y, &zero, 1);
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, skewed ? AXIS_AUTO : AXIS_LINEAR);
    canvas_axes(canvas, &axes, outer, "Share of each category",
                "rank of the category by its size, 1 for the largest", "share of all windows (%)");
    if (!s->used) {
        canvas_blank(canvas, &axes, "no windows");
        return;
    }
    canvas_bars(canvas, &axes, s->edge, s->share, s->used, color_category[0]);
    canvas_rule(canvas, &axes, axes.x.lo, even, axes.x.hi, even, color_category[3], DASH_LONG);
    char text[64];
    number_signed(text, sizeof text, "equal shares (%.3g%%)", even);
    struct key key = {MARK_DASHES, color_category[3], text};
    canvas_legend(canvas, &axes, &key, 1);
}

/* How many of the largest categories hold at least this per cent of the windows. */
static size_t holding(const struct sizes *s, double share)
{
    size_t i = 0;
    while (i < s->n && s->sum[i] < share * (1 - 1e-12))
        i++;
    return i;
}

static void draw_sum(struct canvas *canvas, const struct sizes *s, struct rect outer)
{
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    double ends[] = {0, (double)s->n}, full[] = {0, 100};
    axis_include(&axes.x, ends, 2);
    axis_include(&axes.y, full, 2);
    axis_fit(&axes.x, AXIS_WHOLE);
    axis_fit(&axes.y, AXIS_LINEAR);
    axes.y.hi = 100;
    canvas_axes(canvas, &axes, outer, "Share of the largest together",
                "how many of the largest categories", "share of all windows (%)");
    if (!s->used) {
        canvas_blank(canvas, &axes, "no windows");
        return;
    }
    double *rank = s->edge; /* 0, 1 ... n from here on */
    for (size_t i = 0; i <= s->n; i++)
        rank[i] = (double)i;
    canvas_rule(canvas, &axes, 0, 0, (double)s->n, 100, COLOR_FRAME, DASH_LONG);
    canvas_line(canvas, &axes, rank, s->sum, s->n + 1, color_category[0]);
    size_t half = holding(s, 50), most = holding(s, 90);
    canvas_ring(canvas, canvas_x(&axes, (double)half), canvas_y(&axes, s->sum[half]), COLOR_INK);
    canvas_ring(canvas, canvas_x(&axes, (double)most), canvas_y(&axes, s->sum[most]), COLOR_INK);
    char text[80], half_text[32], most_text[32];
    number_count(half_text, sizeof half_text, half);
    number_count(most_text, sizeof most_text, most);
    number_print(text, sizeof text, "%s hold half, %s hold 90%%", half_text, most_text);
    struct key keys[] = {{MARK_RING, COLOR_INK, text}, {MARK_DASHES, COLOR_FRAME, "if equal"}};
    canvas_legend(canvas, &axes, keys, 2);
}

/* Bins of whole width, or doubling ones where the sizes are far apart; empty categories are told,
 * not drawn. Returns the number of bins, at most 64. */
static size_t bins(const struct sizes *s, double edge[65], int *doubling)
{
    double low = s->size[s->used - 1], high = s->size[0];
    size_t n = 0;
    *doubling = high > 50 * low;
    if (*doubling) {
        for (double at = exp2(floor(log2(low))); n < 64 && at <= high; at *= 2)
            edge[n++] = at;
        edge[n] = 2 * edge[n - 1];
        return n;
    }
    double width = fmax(1, ceil((high - low + 1) / 30));
    for (double at = low - 0.5; n < 64 && at <= high; at += width)
        edge[n++] = at;
    edge[n] = edge[n - 1] + width;
    return n;
}

static void draw_sizes(struct canvas *canvas, const struct sizes *s, struct rect outer)
{
    double edge[65] = {0, 1}, count[64] = {0};
    int doubling = 0;
    size_t n = s->used ? bins(s, edge, &doubling) : 1;
    for (size_t i = 0; i < s->used; i++) {
        size_t bin = 0;
        while (bin + 1 < n && s->size[i] >= edge[bin + 1])
            bin++;
        count[bin]++;
    }
    struct axes axes;
    axis_clear(&axes.x);
    axis_clear(&axes.y);
    double zero = 0;
    axis_include(&axes.x, edge, n + 1);
    axis_include(&axes.y, count, n);
    axis_include(&axes.y, &zero, 1);
    axis_fit(&axes.x, doubling ? AXIS_AUTO : AXIS_WHOLE);
    axis_fit(&axes.y, AXIS_WHOLE);
    axes.y.lo = 0;
    canvas_axes(canvas, &axes, outer, "Sizes of the categories", "windows in a category",
                "categories");
    if (!s->used) {
        canvas_blank(canvas, &axes, "no windows");
        return;
    }
    canvas_bars(canvas, &axes, edge, count, n, color_category[2]);
    char text[64];
    number_print(text, sizeof text, "median %.6g windows",
                 (s->size[(s->used - 1) / 2] + s->size[s->used / 2]) / 2);
    struct key key = {MARK_BAR, color_category[2], text};
    canvas_legend(canvas, &axes, &key, 1);
}

int plot_category_distribution(const char *path, const struct plot_about *about,
                               const struct plot_categories *categories, struct error *err)
{
    struct sizes sizes;
    if (sizes_init(&sizes, categories)) {
        sizes_fini(&sizes);
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    }
    double height = CANVAS_TOP + BARS_HEIGHT + GAP + ROW_HEIGHT + CANVAS_BOTTOM;
    struct canvas *canvas = canvas_begin(path, "Category distribution", about, height, err);
    if (!canvas) {
        sizes_fini(&sizes);
        return -1;
    }
    subtitle(canvas, categories, &sizes);
    double full = CANVAS_WIDTH - 2 * CANVAS_MARGIN, half = (full - GAP) / 2;
    double left = CANVAS_MARGIN, y = CANVAS_TOP + BARS_HEIGHT + GAP;
    draw_shares(canvas, &sizes, (struct rect){left, CANVAS_TOP, full, BARS_HEIGHT});
    draw_sizes(canvas, &sizes, (struct rect){left, y, half, ROW_HEIGHT});
    draw_sum(canvas, &sizes, (struct rect){left + half + GAP, y, half, ROW_HEIGHT});
    char note[128] = "";
    if (sizes.used)
        number_print(note, sizeof note,
                     "as diverse as %.4g equal categories (exponential of the entropy)",
                     effective(&sizes));
    canvas_note(canvas, note);
    sizes_fini(&sizes);
    return canvas_end(canvas, err);
}
