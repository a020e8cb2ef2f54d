/* SPDX-License-Identifier: MIT */
/*
 * The pictures are read back with libpng: their size, text chunks and pixels are looked at. Colours
 * and ticks are checked against values computed here.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/choices.h"
#include "picture_read.h"
#include "plots/axis.h"
#include "plots/canvas.h"
#include "plots/color.h"
#include "plots/number.h"
#include "plots/plots.h"
#include "task/label.h"
#include "util/file.h"

static char folder[] = "/tmp/test_plots.XXXXXX";
static const struct plot_about about = {"candle-patterns", "seqtrain 0.1.0", 42};

/* ---- reading ---- */

/* The box, in pixels, that holds all differences; empty (right <= left) where there is none. */
struct box {
    unsigned left, top, right, bottom;
};

static struct box difference(const struct picture *a, const struct picture *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    struct box box = {a->width, a->height, 0, 0};
    for (unsigned y = 0; y < a->height; y++) {
        for (unsigned x = 0; x < a->width; x++) {
            if (pixel(a, x, y) == pixel(b, x, y))
                continue;
            box.left = x < box.left ? x : box.left;
            box.top = y < box.top ? y : box.top;
            box.right = x + 1 > box.right ? x + 1 : box.right;
            box.bottom = y + 1 > box.bottom ? y + 1 : box.bottom;
        }
    }
    return box;
}

/* Pixels of a colour, or of almost that colour at the border of a line. */
static size_t count_in(const struct picture *p, struct box box, unsigned color)
{
    size_t count = 0;
    for (unsigned y = box.top; y < box.bottom; y++)
        for (unsigned x = box.left; x < box.right; x++) {
            unsigned at = pixel(p, x, y);
            int near = 1;
            for (int shift = 0; shift < 24; shift += 8)
                near &= abs((int)(at >> shift & 255) - (int)(color >> shift & 255)) < 60;
            count += (size_t)near;
        }
    return count;
}

/* ---- data ---- */

static double noise(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) / 16777216.0 - 0.5;
}

enum { EPOCHS = 120 };

struct run {
    double columns[10][EPOCHS];
    struct plot_term term[2];
    struct plot_losses losses;
};

static void run_init(struct run *run, size_t epochs)
{
    unsigned seed = 1;
    for (int i = 0; i < EPOCHS; i++) {
        double fall = exp(-i / 20.0) + 0.04;
        run->columns[0][i] = i + 1;
        for (int k = 1; k < 7; k++)
            run->columns[k][i] = fall * (1 + 0.1 * noise(&seed));
        run->columns[7][i] = 1e-4 * (i < 5 ? (i + 1) / 5.0 : 1 - i / 150.0);
        run->columns[8][i] = 0.5 + 0.2 * noise(&seed);
        run->columns[9][i] = 1.5 + 0.5 * noise(&seed);
    }
    double(*c)[EPOCHS] = run->columns;
    run->term[0] = (struct plot_term){"Reconstruction term R", c[2], c[5]};
    run->term[1] = (struct plot_term){"Contrastive term C", c[3], c[6]};
    run->losses = (struct plot_losses){epochs,
                                       c[0],
                                       c[1],
                                       c[4],
                                       run->term,
                                       2,
                                       c[7],
                                       c[8],
                                       c[9],
                                       0.116,
                                       "window mean",
                                       "each window's mean",
                                       "R: error. C: . ",
                                       100,
                                       NULL};
}

struct windows {
    char names[64][64], titles[5][64];
    char *name_list[64], *title_list[5];
    float *original, *reconstruction;
    struct plot_reconstruction plot;
};

static void windows_init(struct windows *w, size_t count, size_t window, size_t features)
{
    unsigned seed = 2;
    size_t cells = count * window * features;
    w->original = malloc((cells + 1) * sizeof(float));
    w->reconstruction = malloc((cells + 1) * sizeof(float));
    assert_true(w->original && w->reconstruction);
    for (size_t f = 0; f < features; f++) {
        snprintf(w->names[f], sizeof w->names[f], "ma(close,%zu)", f);
        w->name_list[f] = w->names[f];
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(w->titles[i], sizeof w->titles[i], "2024-03-01 12:%02zu, category %zu", i, i);
        w->title_list[i] = w->titles[i];
    }
    for (size_t i = 0; i < cells; i++) {
        w->original[i] = (float)(sin((double)i / 40) + 0.3 * noise(&seed));
        w->reconstruction[i] = (float)(0.9 * (double)w->original[i] + 0.1 * noise(&seed));
    }
    w->plot = (struct plot_reconstruction){
        count,        window,        features,   w->original, w->reconstruction,
        w->name_list, w->title_list, "test part"};
}

static void windows_fini(struct windows *w)
{
    free(w->original);
    free(w->reconstruction);
}

struct points {
    float *xy;
    uint32_t *category;
    struct plot_map plot;
};

static void points_init(struct points *p, size_t count, size_t categories)
{
    unsigned seed = 3;
    p->xy = malloc((2 * count + 1) * sizeof(float));
    p->category = malloc((count + 1) * sizeof(uint32_t));
    assert_true(p->xy && p->category);
    for (size_t i = 0; i < count; i++) {
        uint32_t c = categories ? (uint32_t)((i + i * i / 5) % categories) : 0;
        p->category[i] = c;
        p->xy[2 * i] = (float)(50 * cos(c) + 9 * noise(&seed));
        p->xy[2 * i + 1] = (float)(50 * sin(2.3 * c) + 9 * noise(&seed));
    }
    p->plot =
        (struct plot_map){count, p->xy, p->category, categories, 1.25, 30, count, "training part"};
}

static void points_fini(struct points *p)
{
    free(p->xy);
    free(p->category);
}

static char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct picture draw_losses(const struct plot_losses *losses)
{
    struct error err = {0};
    if (plot_loss_curves(in_folder("loss.png"), &about, losses, &err))
        fail_msg("%s", err.text);
    return picture_read(in_folder("loss.png"));
}

static struct picture draw_windows(const struct plot_reconstruction *windows)
{
    struct error err = {0};
    if (plot_reconstruction_quality(in_folder("windows.png"), &about, windows, &err))
        fail_msg("%s", err.text);
    return picture_read(in_folder("windows.png"));
}

static struct picture draw_map(const struct plot_map *map)
{
    struct error err = {0};
    if (plot_latent_space_tsne(in_folder("map.png"), &about, map, &err))
        fail_msg("%s", err.text);
    return picture_read(in_folder("map.png"));
}

static struct picture draw_categories(size_t n, const uint64_t *size)
{
    struct error err = {0};
    struct plot_categories categories = {n, size, "training part"};
    if (plot_category_distribution(in_folder("categories.png"), &about, &categories, &err))
        fail_msg("%s", err.text);
    return picture_read(in_folder("categories.png"));
}

/* Of the right width, with text chunks, and with much that is not white. Frees the picture. */
static void check_picture(struct picture p, const char *title)
{
    assert_int_equal(p.width, 1600);
    assert_in_range(p.height, 300, 32000);
    assert_string_equal(p.title, title);
    assert_string_equal(p.software, "seqtrain 0.1.0");
    assert_string_equal(p.comment, "run candle-patterns, epoch 42, seqtrain 0.1.0");
    assert_false(p.comment_is_itxt);
    size_t white = count_color(&p, 0xffffff), all = (size_t)p.width * p.height;
    assert_true(white < all - all / 200);
    assert_true(white > all / 20);
    assert_true(count_color(&p, COLOR_INK) > 50);
    free(p.rgb);
}

/* ---- normal and edge inputs ---- */

static void losses_draw(void **state)
{
    (void)state;
    static struct run run;
    static const size_t epochs[] = {EPOCHS, 12, 2, 1, 0};
    for (size_t i = 0; i < 5; i++) {
        run_init(&run, epochs[i]);
        check_picture(draw_losses(&run.losses), "Loss curves");
    }
    static const double odd[] = {NAN, INFINITY, 0, -3.5, 1e300, 1e-300, 5e-324, -1.7e308};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        run_init(&run, EPOCHS);
        for (int k = 1; k < 10; k++)
            for (size_t e = 0; e < EPOCHS; e += i % 2 + 1)
                run.columns[k][e] = odd[i];
        run.losses.baseline = odd[i];
        check_picture(draw_losses(&run.losses), "Loss curves");
    }
}

/* More epochs than pixels: the line's extremes stay, whatever their number. */
static void many_epochs(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    double *y = malloc(MANY * sizeof *y), *x = malloc(MANY * sizeof *x);
    assert_true(x && y);
    for (size_t i = 0; i < MANY; i++) {
        x[i] = (double)i + 1;
        y[i] = 0.5;
    }
    struct plot_term term[] = {{"R", y, y}, {"C", y, y}};
    struct plot_losses losses = {MANY, x, y, y, term, 2, y, y, y, NAN, NULL, "", "", 1, NULL};
    struct picture flat = draw_losses(&losses);
    double *spike = malloc(MANY * sizeof *spike);
    assert_non_null(spike);
    memcpy(spike, y, MANY * sizeof *y);
    spike[MANY / 2] = 0.55;
    losses.train_loss = spike;
    struct picture spiked = draw_losses(&losses);
    struct box box = difference(&flat, &spiked);
    assert_true(box.right > box.left);
    assert_true(box.bottom <= 2 * (CANVAS_TOP + 270));
    free(flat.rgb);
    check_picture(spiked, "Loss curves");
    free(spike);
    free(x);
    free(y);
}

static void windows_draw(void **state)
{
    (void)state;
    static struct windows w;
    static const size_t shapes[][3] = {{5, 50, 6}, {1, 1, 1}, {5, 50, 64}, {2, 700, 3}, {0, 50, 6}};
    for (size_t i = 0; i < 5; i++) {
        windows_init(&w, shapes[i][0], shapes[i][1], shapes[i][2]);
        if (shapes[i][0])
            check_picture(draw_windows(&w.plot), "Reconstruction quality");
        else
            free(draw_windows(&w.plot).rgb);
        windows_fini(&w);
    }
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0, 3e38f, -3e38f, 1e-40f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        windows_init(&w, 2, 20, 4);
        for (size_t k = 0; k < 160; k++) {
            if (i % 2 || k % 3)
                w.original[k] = odd[i];
            if (k % 2)
                w.reconstruction[k] = odd[(i + 1) % 7];
        }
        check_picture(draw_windows(&w.plot), "Reconstruction quality");
        windows_fini(&w);
    }
    struct error err = {0};
    struct plot_reconstruction none = {1, 0, 0, NULL, NULL, NULL, NULL, "test part"};
    assert_int_equal(plot_reconstruction_quality(in_folder("none.png"), &about, &none, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
}

/* More features than can be named, more windows than a PNG can hold. */
static void too_many_windows(void **state)
{
    (void)state;
    enum { COUNT = 400, FEATURES = 300 };
    float *values = calloc(COUNT * FEATURES, sizeof *values);
    char **names = malloc(FEATURES * sizeof *names), **titles = malloc(COUNT * sizeof *titles);
    assert_true(values && names && titles);
    char x[] = "x", window[] = "window";
    for (size_t i = 0; i < FEATURES; i++)
        names[i] = x;
    for (size_t i = 0; i < COUNT; i++)
        titles[i] = window;
    struct plot_reconstruction plot = {COUNT,  1,     FEATURES, values,
                                       values, names, titles,   "test part"};
    check_picture(draw_windows(&plot), "Reconstruction quality");
    free(values);
    free(names);
    free(titles);
}

static void maps_draw(void **state)
{
    (void)state;
    struct points p;
    static const size_t shapes[][2] = {{10000, 1000}, {500, 8}, {1, 1}, {300, 13}, {100, 100}};
    for (size_t i = 0; i < 5; i++) {
        points_init(&p, shapes[i][0], shapes[i][1]);
        check_picture(draw_map(&p.plot), "Latent space");
        p.plot.category = NULL;
        check_picture(draw_map(&p.plot), "Latent space");
        points_fini(&p);
    }
    static const float odd[] = {NAN, INFINITY, 0, 3e38f, -3e38f, 1e-40f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        points_init(&p, 200, 5);
        for (size_t k = 0; k < 400; k += i % 3 + 1)
            p.xy[k] = odd[i];
        p.category[7] = UINT32_MAX; /* no such category: counts as another */
        check_picture(draw_map(&p.plot), "Latent space");
        points_fini(&p);
    }
    struct plot_map none = {0, NULL, NULL, 0, NAN, NAN, 0, "training part"};
    free(draw_map(&none).rgb);
}

static void categories_draw(void **state)
{
    (void)state;
    static uint64_t size[1000];
    static const size_t counts[] = {1000, 17, 2, 1};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < counts[i]; k++)
            size[k] = 5 + k * 7919 % 61;
        check_picture(draw_categories(counts[i], size), "Category distribution");
        for (size_t k = 0; k < counts[i]; k++)
            size[k] = 1000000 / (k * k + 1);
        check_picture(draw_categories(counts[i], size), "Category distribution");
        for (size_t k = 0; k < counts[i]; k++)
            size[k] = UINT64_MAX;
        check_picture(draw_categories(counts[i], size), "Category distribution");
    }
    memset(size, 0, sizeof size);
    check_picture(draw_categories(1000, size), "Category distribution");
    check_picture(draw_categories(0, size), "Category distribution");
    size[5] = 1;
    check_picture(draw_categories(1000, size), "Category distribution");
}

/* ---- models with targets, signals, data ---- */

enum { NUMBERS = 3000 };

/* Columns of numbers that all pictures below share. */
struct numbers {
    double a[2 * NUMBERS], b[2 * NUMBERS], c[2 * NUMBERS], d[2 * NUMBERS];
};

static void numbers_init(struct numbers *n)
{
    unsigned seed = 4;
    for (int i = 0; i < 2 * NUMBERS; i++) {
        n->a[i] = noise(&seed) + noise(&seed) + noise(&seed);
        n->b[i] = 0.6 * n->a[i] + 0.2 * noise(&seed);
        n->c[i] = fabs(n->a[i]) + 1e-3;
        n->d[i] = (i - NUMBERS) * 1e5;
    }
}

enum target_picture { PREDICTIONS, RESIDUALS, TARGETS, HORIZON, AM_AM_PM, SPECTRUM, OVERVIEW };
static const char *const target_titles[] = {
    "Predictions", "Residuals", "Target distribution", "Error by horizon", "AM/AM and AM/PM",
    "Spectrum",    "Data"};
enum { PICTURES = OVERVIEW + 1 };

/* Draws one of them with `count` numbers of each column; 0 or -1. */
static int draw_numbers(enum target_picture picture, const char *path, const struct numbers *n,
                        size_t count, struct error *err)
{
    static char series_name[] = "a.csv", feature_name[] = "ret(close,1)";
    static char *names[NUMBERS], *features[NUMBERS];
    size_t fifth = count / 5, third = count / 3;
    for (size_t i = 0; i < NUMBERS; i++) {
        names[i] = series_name;
        features[i] = feature_name;
    }
    switch (picture) {
    case PREDICTIONS:
        return plot_predictions(
            path, &about,
            &(struct plot_predictions){.count = count,
                                       .actual = n->a,
                                       .predicted = n->b,
                                       .series = &(struct plot_series){"a", 0, count},
                                       .series_count = 1,
                                       .independent = (double)count,
                                       .each = "window",
                                       .what = "test",
                                       .unit = "close",
                                       .verdict = "good"},
            err);
    case RESIDUALS:
        return plot_residuals(path, &about,
                              &(struct plot_residuals){count, n->a, (double)count, "test", "close"},
                              err);
    case TARGETS:
        return plot_target_distribution(
            path, &about,
            &(struct plot_targets){
                "close", "close", "log", {count, fifth, 0}, {n->a, n->a, NULL}, {n->b, n->b, NULL}},
            err);
    case HORIZON:
        return plot_error_by_horizon(
            path, &about,
            &(struct plot_horizon){count, n->a, n->b, n->c, n->c, "last value", "test", "close"},
            err);
    case AM_AM_PM:
        return plot_am_am_pm(path, &about,
                             &(struct plot_amplifier){count, n->a, n->b, n->c, "test", -38.7}, err);
    case SPECTRUM:
        return plot_spectrum(
            path, &about,
            &(struct plot_spectrum){
                count, n->d, n->c, n->c, n->c, n->b, 2e7, 4e6, "test", {-45, -46}, {-30, -31}},
            err);
    case OVERVIEW:
        return plot_data_overview(path, &about,
                                  &(struct plot_overview){third,
                                                          names,
                                                          n->c,
                                                          n->b,
                                                          "deviation",
                                                          "close",
                                                          {count, fifth, 0},
                                                          {n->a, n->a, NULL},
                                                          fifth,
                                                          features,
                                                          n->a,
                                                          NULL},
                                  err);
    }
    return -1;
}

static struct picture numbers_picture(enum target_picture picture, const struct numbers *n,
                                      size_t count)
{
    struct error err = {0};
    if (draw_numbers(picture, in_folder("numbers.png"), n, count, &err))
        fail_msg("%s", err.text);
    return picture_read(in_folder("numbers.png"));
}

static void targets_draw(void **state)
{
    (void)state;
    static struct numbers n;
    static const size_t counts[] = {NUMBERS, 150, 10, 2, 1, 0};
    for (int k = 0; k < PICTURES; k++) {
        numbers_init(&n);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            check_picture(numbers_picture((enum target_picture)k, &n, counts[i]), target_titles[k]);
    }
}

static void targets_of_any_value(void **state)
{
    (void)state;
    static struct numbers n;
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0, 1e300, -1.7e308, 5e-324};
    for (int k = 0; k < PICTURES; k++)
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
            for (int every = 1; every <= (i % 4 < 2 ? 3 : 1); every += 2) {
                numbers_init(&n);
                for (int j = 0; j < 2 * NUMBERS; j += every) {
                    n.a[j] = odd[i];
                    n.b[j] = odd[(i + (every > 1)) % 7];
                    n.c[j] = odd[i];
                    n.d[j] = every > 1 ? odd[i] : n.d[j];
                }
                check_picture(numbers_picture((enum target_picture)k, &n, 120), target_titles[k]);
            }
}

/* Two of four series, whose volatility differs by some per cent. */
static struct picture draw_overview(double first, char *name)
{
    double volatility[] = {first, 0.0790, 0.0785, 0.0785, 0.0786, 0.0784};
    double rows[] = {700, 200, 100, 600, 200, 100}, values[] = {1, 2, 3, 4, 5};
    char other[] = "other", feature[] = "close";
    char *names[] = {name, other}, *features[] = {feature};
    struct plot_overview overview = {.series = 2,
                                     .series_name = names,
                                     .rows = rows,
                                     .volatility = volatility,
                                     .volatility_name = "deviation",
                                     .features = 1,
                                     .feature_name = features,
                                     .range = values};
    struct error err = {0};
    assert_int_equal(plot_data_overview(in_folder("numbers.png"), &about, &overview, &err), 0);
    return picture_read(in_folder("numbers.png"));
}

/* A difference of 3% is drawn as 3% of the height, and dots of equal height lie beside each other.
 */
static void differences_have_their_size(void **state)
{
    (void)state;
    struct picture p = draw_overview(0.0765, (char[]){"name"});
    unsigned low[3] = {p.height, p.height, p.height}, high[3] = {0};
    for (unsigned y = 2 * (CANVAS_TOP + CANVAS_HEAD); y < 2 * (CANVAS_TOP + 226); y++)
        for (unsigned x = 960; x < p.width; x++)
            for (int part = 0; part < 3; part++)
                if (pixel(&p, x, y) != 0xffffff) {
                    struct box at = {x, y, x + 1, y + 1};
                    if (!count_in(&p, at, color_category[part]))
                        continue;
                    low[part] = y < low[part] ? y : low[part];
                    high[part] = y > high[part] ? y : high[part];
                }
    for (int part = 0; part < 3; part++) {
        assert_true(high[part] > low[part]); /* none is hidden */
        assert_true(high[part] - low[part] < 2 * 20);
    }
    free(p.rgb);
}

/* A series' name stands in its place below the axis, however long it is. */
static void names_in_their_place(void **state)
{
    (void)state;
    static char name[] = "a name that is longer than its place, 1";
    struct picture before = draw_overview(0.0765, name);
    name[sizeof name - 2] = '2'; /* the end is kept */
    struct picture after = draw_overview(0.0765, name);
    for (int half = 0; half < 2; half++) {
        unsigned left = before.width, right = 0;
        for (unsigned y = 0; y < before.height; y++)
            for (unsigned x = half ? 800 : 0; x < (half ? 1600u : 800u); x++)
                if (pixel(&before, x, y) != pixel(&after, x, y)) {
                    left = x < left ? x : left;
                    right = x > right ? x : right;
                    assert_in_range(y, 2 * (CANVAS_TOP + 226), 2 * (CANVAS_TOP + 245));
                }
        assert_true(left < right && right - left < 300);
    }
    free(before.rgb);
    free(after.rgb);
}

/* Without a transform there is nothing to show twice: one histogram takes the whole width, and the
 * transformed values do not change it. */
static void untransformed_once(void **state)
{
    (void)state;
    static struct numbers n;
    struct error err = {0};
    struct picture p[2];
    numbers_init(&n);
    for (int i = 0; i < 2; i++) {
        struct plot_targets t = {"close", "close", NULL, {500, 0, 0}, {n.a}, {i ? n.c : n.a}};
        assert_int_equal(plot_target_distribution(in_folder("numbers.png"), &about, &t, &err), 0);
        p[i] = picture_read(in_folder("numbers.png"));
    }
    struct box top = {0, 2 * CANVAS_TOP, 1600, 2 * (CANVAS_TOP + 290)}, middle = top;
    struct box box = difference(&p[0], &p[1]);
    assert_true(box.right > box.left);
    for (unsigned y = top.top; y < top.bottom; y++)
        for (unsigned x = 0; x < 1600; x++)
            assert_int_equal(pixel(&p[0], x, y), pixel(&p[1], x, y));
    middle.left = 780;
    middle.right = 940; /* between two panels there would be no bar */
    assert_true(count_in(&p[0], middle, color_category[0]) > 50);
    free(p[0].rgb);
    free(p[1].rgb);
}

/* A panel for each window and each of the first three features; every draw has its colour. */
static void augmentation_draws(void **state)
{
    (void)state;
    enum { WINDOWS = 3, ROWS = 40, MOST = 5, DRAWN = WINDOWS * ROWS * MOST };
    static const size_t shapes[][3] = {{3, 40, 5}, {1, 2, 1}, {2, 1, 2}};
    static char name[] = "a feature", title[] = "a window";
    static float was[DRAWN], is[PLOT_DRAWS * DRAWN];
    char *names[MOST] = {name, name, name, name, name}, *titles[] = {title, title, title};
    struct error err = {0};
    for (size_t i = 0; i < DRAWN; i++) {
        was[i] = (float)(i % 7);
        for (size_t d = 0; d < PLOT_DRAWS; d++)
            is[d * DRAWN + i] = (float)(i % (8 + d)) + (float)d;
    }
    for (size_t i = 0; i < 3; i++) {
        const struct plot_augmentation a = {shapes[i][0], shapes[i][1], shapes[i][2], was,
                                            is,           names,        titles,       "all"};
        assert_int_equal(plot_augmentation(in_folder("numbers.png"), &about, &a, &err), 0);
        struct picture p = picture_read(in_folder("numbers.png"));
        for (size_t d = 0; d < PLOT_DRAWS; d++)
            assert_true(count_color(&p, color_category[d]) > (i ? 20 : 2000));
        assert_true(count_color(&p, COLOR_REST) > (i ? 20 : 500));
        check_picture(p, "Augmentation");
    }
    const struct plot_augmentation none = {1, 2, 1, was, is, names, titles, "all"};
    assert_int_equal(plot_augmentation("no/folder/a.png", &about, &none, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
}

/* ---- captions ---- */

enum { EXAMPLE = 164 }; /* points of each */

static struct picture draw_captions(const struct plot_caption *caption, size_t count)
{
    struct error err = {0};
    const struct plot_captions captions = {count, caption, "some captions"};
    if (plot_captions(in_folder("captions.png"), &about, &captions, &err))
        fail_msg("%s", err.text);
    return picture_read(in_folder("captions.png"));
}

/* Where two pictures of these captions differ. */
static struct box changed(const struct plot_caption *a, const struct plot_caption *b, size_t count)
{
    struct picture one = draw_captions(a, count), two = draw_captions(b, count);
    const struct box box = difference(&one, &two);
    free(one.rgb);
    free(two.rgb);
    return box;
}

/* A frame of squares in two colours. */
static struct plot_frame frame_of(unsigned char *rgb, size_t width, size_t height, size_t square,
                                  unsigned a, unsigned b)
{
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            const unsigned color = (x / square + y / square) % 2 ? a : b;
            for (size_t i = 0; i < 3; i++)
                rgb[3 * (y * width + x) + i] = (unsigned char)(color >> (16 - 8 * i));
        }
    return (struct plot_frame){width, height, rgb};
}

/* Frames have their colours: one that is drawn larger, and the mean of one that is drawn smaller;
 * several stand beside each other, and none leaves its place. */
static void frames_are_drawn(void **state)
{
    (void)state;
    static unsigned char small[3 * 4 * 2], large[3 * 2000 * 1000];
    struct plot_frame frame[8] = {frame_of(small, 4, 2, 2, 0xff0000, 0x00ff00)};
    struct plot_caption c = {"a file", frame, 1, "said", NULL, 0, 0, NAN};
    struct picture p = draw_captions(&c, 1);
    assert_true(count_color(&p, 0xff0000) > 20000); /* 296 pixels high, less the border */
    assert_int_equal(count_color(&p, 0xff0000), count_color(&p, 0x00ff00));
    free(p.rgb);
    frame[0] = frame_of(large, 1184, 592, 1, 0xff00ff, 0x000000); /* 592 x 296 pixels */
    p = draw_captions(&c, 1);
    assert_in_range(count_color(&p, 0x800080), 588 * 292, 592 * 296);
    free(p.rgb);
    for (size_t i = 0; i < 8; i++)
        frame[i] = frame_of(large, 1600, 900, 2000, 0, 0x800080);
    c.frames = 8;
    p = draw_captions(&c, 1);
    /* 4 x 2 of 165 x 93 pixels: 3 x 3 with an open place would be larger, but not by much */
    assert_in_range(count_color(&p, 0x800080), 8 * 161 * 89, 8 * 165 * 93);
    for (unsigned y = 0; y < p.height; y++)
        for (unsigned x = 0; x < p.width; x++)
            if (pixel(&p, x, y) == 0x800080)
                assert_true(x >= 44 && x < 44 + 680 && y >= 144 && y < 144 + 296);
    check_picture(p, "Captions");
    frame[0] = (struct plot_frame){0, 7, small};
    free(draw_captions(&c, 1).rgb);
    frame[0] = (struct plot_frame){1, 100000, large}; /* too narrow for a pixel */
    c.frames = 1;
    free(draw_captions(&c, 1).rgb);
}

/* What is said of an example stands in its place, however long it is; what is too long ends. */
static void captions_stay_in_place(void **state)
{
    (void)state;
    static char long_text[3][9000];
    static const char *const few[] = {"one", "\xea\xb0\x80"};
    const char *many[20];
    struct plot_caption a[3], b[3];
    for (size_t i = 0; i < sizeof long_text[0] - 1; i++) {
        long_text[0][i] = i % 6 ? 'x' : ' ';
        long_text[1][i] = 'y';
        long_text[2][i] = "\xea\xb0\x80"[i % 3];
    }
    for (size_t i = 0; i < 20; i++)
        many[i] = i % 2 ? "short" : long_text[i % 3];
    for (size_t i = 0; i < 3; i++)
        a[i] = b[i] = (struct plot_caption){"a file", NULL, 0, "said", few, 2, 0, NAN};
    for (size_t i = 0; i < 4; i++) {
        b[1].generated = i < 3 ? long_text[i] : "said";
        b[1].reference = many;
        b[1].references = i < 3 ? 20 : 5;
        const struct box box = changed(a, b, 3);
        assert_in_range(box.left, 2 * 380, 2 * 405);
        assert_in_range(box.right, 2 * 600, 2 * 780);
        assert_in_range(box.top, 2 * (72 + EXAMPLE), 2 * (72 + EXAMPLE + 60));
        assert_in_range(box.bottom, 2 * (72 + EXAMPLE + 100), 2 * (72 + 2 * EXAMPLE));
    }
    memcpy(a, b, sizeof a);
    a[1].generated = b[1].generated = long_text[0];
    static char other[sizeof long_text[0]];
    memcpy(other, long_text[0], sizeof other);
    other[500] = 'z'; /* behind the ellipsis */
    b[1].generated = other;
    assert_true(changed(a, b, 3).right == 0);
    other[20] = 'z';
    assert_true(changed(a, b, 3).right > 0);
    for (size_t i = 0; i < sizeof other - 1; i++)
        other[i] = "\xc2\xa0"[i % 2]; /* without ink, so that only the ellipsis is seen */
    a[1].generated = "\xc2\xa0";
    a[1].references = b[1].references = 0;
    assert_true(changed(a, b, 3).right > 2 * 750);
    a[1].references = 20;
    memcpy(b, a, sizeof b);
    b[1].references--; /* "and 15 more" */
    assert_true(changed(a, b, 3).right > 0);
}

static void captions_are_marked(void **state)
{
    (void)state;
    enum { GREEN = 0x00785a };
    static const char *const list[] = {"a dog"};
    struct plot_caption c[20];
    for (size_t i = 0; i < 20; i++)
        c[i] = (struct plot_caption){"a file", NULL, 0, "a dog", list, 1, 0, NAN};
    struct picture p = draw_captions(c, 2);
    assert_int_equal(count_color(&p, GREEN), 0);
    assert_int_equal(p.height, 2 * (72 + 2 * EXAMPLE + 40));
    free(p.rgb);
    c[0].exact = 1;
    p = draw_captions(c, 2);
    assert_true(count_color(&p, GREEN) > 50);
    free(p.rgb);
    p = draw_captions(c, 20);
    assert_int_equal(p.height, 2 * (72 + PLOT_CAPTIONS * EXAMPLE + 40));
    free(p.rgb);
    free(draw_captions(c, 0).rgb);
    struct plot_caption scored = c[1];
    scored.score = 0.25;
    assert_true(changed(&c[1], &scored, 1).right > 0);
}

static void captions_of_any_bytes(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "  ",
        "\xff\xfe\xc0\xaf \xed\xa0\x80",
        "a\nb\tc\x01\x7f",
        "\xe2",
        "\xf0\x9f",
        "\xef\xb8\x8f\xe2\x80\x8d",
        "\x80\x80\x80\x80\x80\x80\x80",
        "\xe2\x9d\xa4\xef\xb8\x8f\xed\x95\x9c\xf0\x9f\x90\x95\xed\x95\x9c"};
    enum { ODD = sizeof odd / sizeof *odd };
    struct plot_caption c[ODD];
    for (size_t i = 0; i < ODD; i++)
        c[i] = (struct plot_caption){odd[i], NULL, 0, odd[i], odd, ODD, 0, NAN};
    check_picture(draw_captions(c, ODD), "Captions");
    struct error err = {0};
    const struct plot_captions none = {0, NULL, "none"};
    assert_int_equal(plot_captions("no/folder/a.png", &about, &none, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
}

/* ---- what may be missing ---- */

/* What is left out has no place in the picture; a line must not be drawn through it. */
static void optional_columns(void **state)
{
    (void)state;
    static struct numbers n;
    numbers_init(&n);
    struct error err = {0};
    const char *path = in_folder("numbers.png");
    struct plot_horizon horizon = {24, n.c, n.c, NULL, NULL, NULL, "test", "close"};
    assert_int_equal(plot_error_by_horizon(path, &about, &horizon, &err), 0);
    check_picture(picture_read(path), "Error by horizon");
    struct plot_amplifier amplifier = {NUMBERS, n.a, n.b, NULL, "test", NAN};
    assert_int_equal(plot_am_am_pm(path, &about, &amplifier, &err), 0);
    struct picture p = picture_read(path);
    assert_int_equal(count_color(&p, color_category[1]), 0);
    check_picture(p, "AM/AM and AM/PM");
    struct plot_spectrum spectrum = {512, n.d, NULL,   n.c,        NULL,      NULL,
                                     0,   0,   "test", {NAN, NAN}, {NAN, NAN}};
    assert_int_equal(plot_spectrum(path, &about, &spectrum, &err), 0);
    p = picture_read(path);
    assert_int_equal(count_color(&p, color_category[1]), 0);
    assert_int_equal(count_color(&p, color_category[2]), 0);
    assert_true(count_color(&p, color_category[0]) > 500);
    check_picture(p, "Spectrum");
    spectrum.error = n.c; /* as strong as the output, which shows beside it */
    assert_int_equal(plot_spectrum(path, &about, &spectrum, &err), 0);
    p = picture_read(path);
    struct box all = {0, 2 * (CANVAS_TOP + CANVAS_HEAD), p.width, p.height};
    assert_true(count_in(&p, all, color_category[0]) > 500);
    assert_true(count_in(&p, all, color_category[2]) > 500);
    free(p.rgb);
    struct plot_overview overview = {.volatility_name = "deviation"};
    assert_int_equal(plot_data_overview(path, &about, &overview, &err), 0);
    check_picture(picture_read(path), "Data");
    char *names[2000], name[] = "close"; /* more features than a picture can hold */
    for (size_t i = 0; i < 2000; i++)
        names[i] = name;
    double *range = calloc(5 * 2000, sizeof *range);
    assert_non_null(range);
    overview = (struct plot_overview){
        .volatility_name = "deviation", .features = 2000, .feature_name = names, .range = range};
    assert_int_equal(plot_data_overview(path, &about, &overview, &err), 0);
    check_picture(picture_read(path), "Data");
    free(range);
}

/* One pair moved: its point, its tenth and its place in time change, nothing else does. */
static void prediction_changes_in_place(void **state)
{
    (void)state;
    static struct numbers n;
    numbers_init(&n);
    struct picture before = numbers_picture(PREDICTIONS, &n, 150);
    n.b[75] += 0.2;
    struct picture after = numbers_picture(PREDICTIONS, &n, 150);
    struct box box = difference(&before, &after);
    assert_true(box.right > box.left);
    assert_true(box.top >= 2 * CANVAS_TOP && box.bottom <= before.height - 2 * CANVAS_BOTTOM);
    /* in the time panel only around the middle */
    unsigned top = 2 * (CANVAS_TOP + 400 + 26 + CANVAS_HEAD), low = before.width, high = 0;
    for (unsigned y = top; y < before.height; y++)
        for (unsigned x = 0; x < before.width; x++)
            if (pixel(&before, x, y) != pixel(&after, x, y)) {
                low = x < low ? x : low;
                high = x > high ? x : high;
            }
    assert_true(low > 840 && high < 880 && low < high); /* sample 76 of 150 */
    free(before.rgb);
    free(after.rgb);
}

/* ---- predictions of several series ---- */

enum { EACH = 300 }; /* points of a series */

struct forecasts {
    double values[6][2 * EACH];
    struct plot_series series[2];
    struct plot_predictions plot;
};

/* Two series of daily values, the second ten times as large; actual and predicted coincide. */
static void forecasts_init(struct forecasts *f)
{
    for (int i = 0; i < 2 * EACH; i++) {
        double x = sin(i / 15.0) + 0.2 * sin(i / 3.0), scale = i < EACH ? 1 : 10;
        f->values[0][i] = f->values[1][i] = scale * x;
        f->values[2][i] = f->values[3][i] = x;
        f->values[4][i] = 1.6e12 + 86400e3 * (i % EACH);
    }
    f->series[0] = (struct plot_series){"one", 0, EACH};
    f->series[1] = (struct plot_series){"two", EACH, 2 * EACH};
    f->plot = (struct plot_predictions){.count = 2 * EACH,
                                        .actual = f->values[0],
                                        .predicted = f->values[1],
                                        .time = f->values[4],
                                        .series = f->series,
                                        .series_count = 2,
                                        .independent = 2 * EACH,
                                        .each = "window",
                                        .what = "close, test part",
                                        .unit = "close"};
}

static struct picture draw_predictions(const struct plot_predictions *plot)
{
    struct error err = {0};
    if (plot_predictions(in_folder("numbers.png"), &about, plot, &err))
        fail_msg("%s", err.text);
    return picture_read(in_folder("numbers.png"));
}

/* The pixel rows of panel k of several below the cloud, and the pixel columns of its box. */
enum { CLOUD_END = 2 * (CANVAS_TOP + 400), BOX_LEFT = 2 * (CANVAS_MARGIN + 62) };
static unsigned panel_top(unsigned k)
{
    return CLOUD_END + 2 * (26 + k * (180 + 26));
}

/* Each series has its own panel, with its own range: what changes in one changes nothing in the
 * other. */
static void series_apart(void **state)
{
    (void)state;
    struct forecasts f;
    forecasts_init(&f);
    struct picture before = draw_predictions(&f.plot);
    assert_int_equal(before.height, panel_top(2) - 2 * 26 + 2 * CANVAS_BOTTOM);
    f.values[0][EACH + 20] *= 1.5;
    f.values[1][EACH + 20] *= 1.5;
    struct picture after = draw_predictions(&f.plot);
    for (unsigned y = panel_top(0); y < panel_top(1); y++)
        for (unsigned x = 0; x < before.width; x++)
            assert_int_equal(pixel(&before, x, y), pixel(&after, x, y));
    struct box box = difference(&before, &after);
    assert_true(box.bottom > panel_top(1));
    free(before.rgb);
    free(after.rgb);
}

/* In a unit that the series share, the cloud does not see the one that they have of their own. */
static void common_unit(void **state)
{
    (void)state;
    struct forecasts f;
    forecasts_init(&f);
    f.plot.common[0] = f.values[2];
    f.plot.common[1] = f.values[3];
    struct picture before = draw_predictions(&f.plot);
    for (int i = EACH; i < 2 * EACH; i++)
        f.values[0][i] = f.values[1][i] = 100 * f.values[2][i];
    struct picture after = draw_predictions(&f.plot);
    struct box box = difference(&before, &after);
    assert_true(box.right > box.left && box.top >= panel_top(1));
    free(before.rgb);
    free(after.rgb);
}

/* Where predictions are right, the line of the actual values shows beside theirs. */
static void nothing_is_hidden(void **state)
{
    (void)state;
    struct forecasts f;
    forecasts_init(&f);
    struct picture p = draw_predictions(&f.plot);
    struct box box = {BOX_LEFT, panel_top(0) + 2 * CANVAS_HEAD, p.width, panel_top(1) - 2 * 60};
    assert_true(count_in(&p, box, color_category[0]) > 1000);
    assert_true(count_in(&p, box, color_category[1]) > 1000);
    free(p.rgb);
}

/* The date below the right end of an axis is whole: the picture's edge cuts nothing off. */
static void dates_stay_inside(void **state)
{
    (void)state;
    struct forecasts f;
    forecasts_init(&f);
    for (int i = 0; i < 2 * EACH; i++) /* hours; the last one is a midnight */
        f.values[4][i] = 1704067200e3 + 3600e3 * (i % EACH - (EACH - 1));
    struct picture p = draw_predictions(&f.plot);
    const unsigned background = pixel(&p, 0, 0);
    for (unsigned y = 0; y < p.height; y++)
        for (unsigned x = p.width - 8; x < p.width; x++)
            if (pixel(&p, x, y) != background)
                fail_msg("something at %u, %u", x, y);
    free(p.rgb);
}

/* No line bridges a hole in time. */
static void holes_stay_open(void **state)
{
    (void)state;
    struct forecasts f;
    forecasts_init(&f);
    for (int i = EACH / 2; i < EACH; i++)
        f.values[4][i] += 300 * 86400e3;
    struct picture p = draw_predictions(&f.plot);
    struct box hole = {BOX_LEFT + 2 * 300, panel_top(0) + 2 * CANVAS_HEAD, BOX_LEFT + 2 * 400,
                       panel_top(1) - 2 * 60};
    assert_int_equal(count_in(&p, hole, color_category[0]), 0);
    assert_int_equal(count_in(&p, hole, color_category[1]), 0);
    hole.left = BOX_LEFT;
    hole.right = p.width;
    assert_true(count_in(&p, hole, color_category[0]) > 500);
    free(p.rgb);
}

/* The same days of another year differ in the words below the axes, of which there are none without
 * times. */
static void times_below(void **state)
{
    (void)state;
    struct forecasts f;
    forecasts_init(&f);
    struct picture before = draw_predictions(&f.plot);
    for (int i = 0; i < 2 * EACH; i++)
        f.values[4][i] += 364 * 86400e3; /* weeks stay weeks */
    struct picture after = draw_predictions(&f.plot);
    struct box box = difference(&before, &after);
    assert_true(box.right > box.left && box.top >= panel_top(0) + 2 * (180 - 34));
    free(after.rgb);
    f.plot.time = NULL;
    after = draw_predictions(&f.plot);
    assert_true(difference(&before, &after).right > 0);
    free(before.rgb);
    free(after.rgb);
}

/* Points beyond the axes, targets that overlap and few points are said. */
static void what_is_said(void **state)
{
    (void)state;
    struct forecasts f;
    forecasts_init(&f);
    struct picture before = draw_predictions(&f.plot);
    f.plot.independent = 40;
    struct picture overlap = draw_predictions(&f.plot);
    struct box box = difference(&before, &overlap);
    assert_true(box.top > 2 * 40 && box.bottom < 2 * CANVAS_TOP); /* the line below the title */
    f.plot.independent = 20;
    struct picture few = draw_predictions(&f.plot);
    assert_true(difference(&overlap, &few).right > box.right + 100); /* more words */
    free(overlap.rgb);
    free(few.rgb);
    f.plot.independent = 2 * EACH;
    f.values[1][20] = 1000;
    struct picture beyond = draw_predictions(&f.plot);
    struct box row = {1400, panel_top(0) + 2 * 26, 1600, panel_top(0) + 2 * 34};
    assert_true(count_in(&before, row, COLOR_MUTED) == 0 &&
                count_in(&beyond, row, COLOR_MUTED) > 0);
    free(before.rgb);
    free(beyond.rgb);
}

/* Of many series, with names of any kind, the eight longest have a panel; empty ones have none. */
static void many_series(void **state)
{
    (void)state;
    enum { MANY = 300 };
    static struct plot_series series[MANY];
    static double value[3 * MANY];
    static char name[MANY][400];
    struct forecasts f;
    forecasts_init(&f);
    size_t end = 0;
    for (size_t i = 0; i < MANY; i++) {
        memset(name[i], 'n', i + 1);
        snprintf(name[i] + i, 99, "\xec\x82\xbc\xec\x84\xb1 \xff\n%zu", i);
        size_t n = i % 7 == 0 ? 3 : i % 2;
        series[i] = (struct plot_series){name[i], end, end + n};
        end += n;
        value[i] = i % 11 ? (double)i : NAN;
    }
    f.plot.actual = f.plot.predicted = f.plot.time = value;
    f.plot.count = end;
    f.plot.series = series;
    f.plot.series_count = MANY;
    struct picture p = draw_predictions(&f.plot);
    assert_int_equal(p.height, panel_top(8) - 2 * 26 + 2 * CANVAS_BOTTOM);
    check_picture(p, "Predictions");
    f.plot.series_count = 1; /* of one point */
    series[0].end = f.plot.count = 1;
    check_picture(draw_predictions(&f.plot), "Predictions");
    f.plot.series_count = f.plot.count = 0;
    check_picture(draw_predictions(&f.plot), "Predictions");
}

/* A series is called by what tells it from the others. */
static void labels_of_series(void **state)
{
    (void)state;
    static const char *const names[][4] = {
        {"a.csv.gz", "b.CSV", "a", "b"},
        {"loads.csv: HUFL", "loads.csv: OT", "HUFL", "OT"},
        {"a.csv: close", "b.csv: close", "a.csv: close", "b.csv: close"},
        {".csv", "a.csv.zst", ".csv", "a"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char first[64], second[64], label[128], cut[3];
        snprintf(first, sizeof first, "%s", names[i][0]);
        snprintf(second, sizeof second, "%s", names[i][1]);
        struct series file[] = {{.name = first}, {.name = second}};
        const struct dataset data = {.file = file, .files = 2};
        for (size_t s = 0; s < 2; s++) {
            label_series(label, sizeof label, &data, s);
            assert_string_equal(label, names[i][2 + s]);
        }
        label_series(cut, sizeof cut, &data, 1);
        assert_true(strlen(cut) < sizeof cut);
    }
}

/* Many points on one spot become the highest colour of the density, which few never have. */
static void clouds_show_density(void **state)
{
    (void)state;
    static struct numbers n;
    unsigned map[COLOR_MAP];
    color_values(map);
    numbers_init(&n);
    struct picture few = numbers_picture(PREDICTIONS, &n, 1000);
    struct picture many = numbers_picture(PREDICTIONS, &n, NUMBERS);
    assert_int_equal(count_color(&few, map[0]), 0);
    assert_true(count_color(&many, map[0]) > 2000); /* cells of a single point, 9 pixels each */
    free(few.rgb);
    free(many.rgb);
}

/* Another unit changes the numbers at the axes, but neither the bars nor W. */
static void residuals_of_another_unit(void **state)
{
    (void)state;
    static struct numbers n;
    numbers_init(&n);
    struct picture before = numbers_picture(RESIDUALS, &n, 500);
    for (int i = 0; i < 500; i++)
        n.a[i] *= 4; /* exact */
    struct picture after = numbers_picture(RESIDUALS, &n, 500);
    struct box box = difference(&before, &after);
    assert_true(box.right > box.left);                                /* the labels */
    assert_true(box.bottom <= before.height - 2 * CANVAS_BOTTOM + 8); /* the test stays */
    for (unsigned y = 2 * (CANVAS_TOP + CANVAS_HEAD); y < 2 * (CANVAS_TOP + 290 - 40); y++)
        for (unsigned x = 2 * (CANVAS_MARGIN + 64); x < before.width; x++)
            assert_int_equal(pixel(&before, x, y), pixel(&after, x, y));
    free(before.rgb);
    free(after.rgb);
}

/* A loss of one term has a panel less, needs no columns for the others, and tells its name. */
static void losses_of_one_term(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, EPOCHS);
    struct picture two = draw_losses(&run.losses);
    run.losses.name = "huber";
    run.losses.term = NULL;
    run.losses.terms = 0;
    struct picture one = draw_losses(&run.losses);
    assert_int_equal(one.height, two.height - 2 * (210 + 26));
    free(two.rgb);
    run.losses.name = "mse";
    struct picture other = draw_losses(&run.losses);
    struct box box = difference(&one, &other);
    assert_true(box.right > box.left && box.bottom <= 2 * (CANVAS_TOP + 20));
    free(other.rgb);
    for (int i = 30; i < 60; i++) /* the largest gradient norm, at the bottom right */
        run.columns[9][i] *= 1.3;
    run.losses.name = "huber";
    other = draw_losses(&run.losses);
    box = difference(&one, &other);
    assert_true(box.left >= 800 && box.top >= 2 * (CANVAS_TOP + 270));
    assert_true(box.right > box.left);
    check_picture(other, "Loss curves");
    free(one.rgb);
    static const double odd[] = {NAN, INFINITY, 0, -3.5, 1e300};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        run.losses.baseline = odd[i];
        check_picture(draw_losses(&run.losses), "Loss curves");
    }
}

/* Of three terms the third has a row of its own, in which only it changes the picture. */
static void losses_of_three_terms(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, EPOCHS);
    struct picture two = draw_losses(&run.losses);
    static double third[EPOCHS];
    for (int i = 0; i < EPOCHS; i++)
        third[i] = 1 + i;
    const struct plot_term terms[] = {run.term[0], run.term[1], {"Third term", third, third}};
    run.losses.term = terms;
    run.losses.terms = 3;
    struct picture three = draw_losses(&run.losses);
    assert_int_equal(three.height, two.height + 2 * (210 + 26));
    for (int i = EPOCHS / 2; i < EPOCHS; i++)
        third[i] = 1;
    struct picture other = draw_losses(&run.losses);
    struct box box = difference(&three, &other);
    assert_true(box.right > box.left && box.right < 2 * CANVAS_WIDTH / 2);
    assert_true(box.top >= 2 * (CANVAS_TOP + 270 + 26 + 210));
    assert_true(box.bottom <= 2 * (CANVAS_TOP + 270 + 26 + 210 + 26 + 210));
    free(two.rgb);
    free(other.rgb);
    check_picture(three, "Loss curves");
}

/* ---- what changes where ---- */

static void same_data_same_file(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, EPOCHS);
    struct error err = {0};
    size_t sizes[2];
    char *bytes[2];
    for (int i = 0; i < 2; i++) {
        if (i && !setlocale(LC_ALL, "de_DE.UTF-8"))
            setlocale(LC_ALL, "");
        assert_int_equal(plot_loss_curves(in_folder("a.png"), &about, &run.losses, &err), 0);
        bytes[i] = file_read(in_folder("a.png"), 1 << 26, &sizes[i], &err);
        assert_non_null(bytes[i]);
    }
    setlocale(LC_ALL, "C");
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

/* Draws the run with one column changed and requires every change within a panel's place. */
static void check_panel(int column, struct box panel)
{
    static struct run run;
    run_init(&run, EPOCHS);
    struct picture before = draw_losses(&run.losses);
    for (int i = 30; i < 60; i++)
        run.columns[column][i] *= 1.3;
    struct picture after = draw_losses(&run.losses);
    struct box box = difference(&before, &after);
    assert_true(box.right > box.left);
    assert_true(box.left >= panel.left && box.right <= panel.right);
    assert_true(box.top >= panel.top && box.bottom <= panel.bottom);
    free(before.rgb);
    free(after.rgb);
}

static void each_series_in_its_panel(void **state)
{
    (void)state;
    enum { Y0 = 2 * CANVAS_TOP, Y1 = Y0 + 540, Y2 = Y1 + 52 + 420, Y3 = Y2 + 52 + 420 };
    struct box top = {0, Y0, 1600, Y1}, r = {0, Y1, 800, Y2}, c = {800, Y1, 1600, Y2};
    struct box lr = {0, Y2, 800, Y3}, gradient = {800, Y2, 1600, Y3};
    const struct box panels[] = {top, top, r, c, top, r, c, lr, gradient, gradient};
    for (int column = 1; column < 10; column++)
        check_panel(column, panels[column]);

    static struct run run;
    run_init(&run, EPOCHS);
    struct picture with = draw_losses(&run.losses);
    run.losses.baseline = NAN;
    struct picture without = draw_losses(&run.losses);
    struct box box = difference(&with, &without);
    assert_true(box.right > box.left);
    assert_true(box.right <= 800 && box.top >= Y1 && box.bottom <= Y2);
    free(with.rgb);
    free(without.rgb);
}

static void best_epoch_moves(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, EPOCHS);
    struct picture late = draw_losses(&run.losses);
    run.losses.best = 10;
    struct picture early = draw_losses(&run.losses);
    struct box box = difference(&late, &early);
    assert_true(box.left < 400 && box.right > 1200);
    run.losses.best = 100000; /* beyond the run: nothing is marked */
    struct picture none = draw_losses(&run.losses);
    assert_true(count_color(&none, COLOR_INK) < count_color(&late, COLOR_INK));
    free(late.rgb);
    free(early.rgb);
    free(none.rgb);
}

static void windows_change_in_place(void **state)
{
    (void)state;
    static struct windows w;
    windows_init(&w, 5, 50, 6);
    enum { BLOCK = 2 * (6 * 18 + 40 + 36), TOP = 2 * CANVAS_TOP };
    struct picture before = draw_windows(&w.plot);
    assert_int_equal(before.height, TOP + 5 * BLOCK + 2 * (44 + CANVAS_BOTTOM));
    w.reconstruction[2 * 300 + 20 * 6 + 3] += 0.5f; /* window 2, row 20, feature 3 */
    struct picture after = draw_windows(&w.plot);
    struct box box = difference(&before, &after);
    assert_true(box.right > box.left && box.left > 500);
    assert_true(box.top >= TOP + 2 * BLOCK && box.bottom <= TOP + 3 * BLOCK);
    free(before.rgb);
    free(after.rgb);
    windows_fini(&w);
}

/* A feature whose level differs from window to window must not become a flat band: the lowest and
 * the highest colour are to appear in each. */
static void levels_do_not_flatten(void **state)
{
    (void)state;
    static struct windows w;
    windows_init(&w, 2, 50, 1);
    for (size_t i = 0; i < 100; i++)
        w.original[i] = w.reconstruction[i] = (float)((i < 50 ? 0.0 : 5.0) + (double)(i % 50) / 49);
    struct picture p = draw_windows(&w.plot);
    unsigned map[COLOR_MAP];
    color_values(map);
    unsigned top = 2 * (CANVAS_TOP + 40), block = 2 * (18 + 40 + 36);
    for (unsigned i = 0; i < 2; i++) {
        size_t low = 0, high = 0;
        for (unsigned x = 0; x < p.width; x++) {
            low += pixel(&p, x, top + i * block + 18) == map[0];
            high += pixel(&p, x, top + i * block + 18) == map[COLOR_MAP - 1];
        }
        assert_in_range(low, 8, 40);
        assert_in_range(high, 8, 40);
    }
    free(p.rgb);
    windows_fini(&w);
}

static void map_changes_in_place(void **state)
{
    (void)state;
    struct points p;
    points_init(&p, 300, 20);
    struct picture before = draw_map(&p.plot);
    p.xy[2 * 150] *= 0.5f;
    struct picture after = draw_map(&p.plot);
    struct box box = difference(&before, &after);
    assert_true(box.right > box.left);
    assert_true(box.right <= 2 * (CANVAS_MARGIN + 14 + 560) && box.top >= 2 * CANVAS_TOP);
    free(before.rgb);
    p.plot.kl_divergence = 2;
    before = draw_map(&p.plot);
    box = difference(&before, &after);
    assert_true(box.right > box.left && box.top > before.height - 2 * CANVAS_BOTTOM);
    /* 12 categories have a colour each, the rest is grey */
    for (int i = 0; i < COLOR_CATEGORIES; i++)
        assert_true(count_color(&before, color_category[i]) > 30);
    assert_true(count_color(&before, COLOR_REST) > 30);
    free(before.rgb);
    free(after.rgb);
    points_fini(&p);
}

/* As many categories as have a colour are numbered, even where all their clouds are one. */
static void all_are_numbered(void **state)
{
    (void)state;
    struct points p;
    size_t ink[2];
    for (int many = 0; many < 2; many++) {
        points_init(&p, 600, 13);
        for (size_t i = 0; i < 600; i++) {
            p.category[i] = many ? 10 + (uint32_t)(i % 13) : 10;
            p.xy[2 * i] = i < 2 ? (float)i * 100 : (float)(i % 25) / 10 + 50;
            p.xy[2 * i + 1] = i < 2 ? (float)i * 100 : (float)(i / 25) / 10 + 50;
        }
        p.plot.categories = 23;
        struct picture picture = draw_map(&p.plot);
        ink[many] = 0;
        for (unsigned y = 2 * CANVAS_TOP + 4; y < 2 * (CANVAS_TOP + 558); y++)
            for (unsigned x = 2 * (CANVAS_MARGIN + 16); x < 2 * (CANVAS_MARGIN + 570); x++)
                ink[many] += pixel(&picture, x, y) == COLOR_INK;
        free(picture.rgb);
        points_fini(&p);
    }
    assert_true(ink[1] > 9 * ink[0]); /* "10" beside "10", "11" ... "21" */
}

/* A number does not lie on another category's cloud: those points look the same with and without.
 */
static void numbers_keep_off(void **state)
{
    (void)state;
    enum { CLOUD = 400, FEW = 5 };
    struct points p;
    size_t count[2];
    for (int near = 0; near < 2; near++) {
        points_init(&p, CLOUD + FEW + 2, 2);
        for (size_t i = 0; i < CLOUD + FEW + 2; i++) {
            int few = i >= CLOUD && i < CLOUD + FEW;
            p.category[i] = (uint32_t)few;
            p.xy[2 * i] = few ? (float)i - CLOUD : (float)(i % 20) - 8;
            p.xy[2 * i + 1] = few ? near ? -1.5f : -30 : (float)(i / 20);
        }
        for (size_t i = 0; i < 2; i++) /* corners that fix the axes */
            p.xy[2 * (CLOUD + FEW + i)] = p.xy[2 * (CLOUD + FEW + i) + 1] = i ? 40 : -40;
        struct picture picture = draw_map(&p.plot);
        struct box all = {0, 2 * CANVAS_TOP, picture.width, picture.height};
        count[near] = count_in(&picture, all, color_category[0]);
        free(picture.rgb);
        points_fini(&p);
    }
    assert_true(count[0] > 2000);
    assert_in_range(count[1], count[0] - 60, count[0] + 60);
}

/* The picture shows sorted sizes: their order does not count, apart from the largest's number. */
static void categories_are_sorted(void **state)
{
    (void)state;
    uint64_t a[] = {3, 50, 7, 20, 11}, b[] = {11, 50, 20, 7, 3};
    struct picture one = draw_categories(5, a), two = draw_categories(5, b);
    struct box box = difference(&one, &two);
    assert_true(box.right <= box.left);
    b[4] = 5;
    struct picture three = draw_categories(5, b);
    box = difference(&one, &three);
    assert_true(box.right > box.left);
    free(one.rgb);
    free(two.rgb);
    free(three.rgb);
}

/* ---- text ---- */

static void names_of_any_bytes(void **state)
{
    (void)state;
    static struct windows w;
    static char long_name[5000];
    windows_init(&w, 1, 20, 5);
    memset(long_name, 'n', sizeof long_name - 1);
    char *names[] = {long_name, (char[]){"\xff\xfe\xc0\xaf\xed\xa0\x80"}, (char[]){"a\nb\tc\x01"},
                     (char[]){""}, (char[]){"\xe4\xbb\xb7\xe6\xa0\xbc \xf0\x9f\x93\x88 \xc3"}};
    w.plot.feature_names = names;
    w.title_list[0] = long_name;
    check_picture(draw_windows(&w.plot), "Reconstruction quality");
    windows_fini(&w);
}

/* Korean is set in a font that has it, where one is installed: two syllables then differ. */
static void letters_of_another_font(void **state)
{
    (void)state;
    if (system("fc-list :lang=ko 2>/dev/null | grep -q .")) /* NOLINT: a fixed command */
        skip();
    static struct windows w;
    windows_init(&w, 1, 20, 1);
    char *names[] = {(char[]){"\xec\xa2\x85\xea\xb0\x80"}};
    w.plot.feature_names = names;
    struct picture one = draw_windows(&w.plot);
    names[0] = (char[]){"\xea\xb0\x80\xec\xa2\x85"};
    struct picture two = draw_windows(&w.plot);
    struct box box = difference(&one, &two);
    assert_true(box.right > box.left && box.right < 400);
    free(one.rgb);
    free(two.rgb);
    windows_fini(&w);
}

static void run_of_any_bytes(void **state)
{
    (void)state;
    uint64_t size[] = {3, 4};
    struct plot_categories categories = {2, size, "training part"};
    struct plot_about odd = {"K\xc3\xa4se \xff\n", "seqtrain 0.1.0", -1};
    struct error err = {0};
    assert_int_equal(plot_category_distribution(in_folder("b.png"), &odd, &categories, &err), 0);
    struct picture p = picture_read(in_folder("b.png"));
    assert_string_equal(p.comment, "run K\xc3\xa4se \xef\xbf\xbd , epoch -1, seqtrain 0.1.0");
    assert_true(p.comment_is_itxt);
    free(p.rgb);
}

/* ---- failures ---- */

static void unwritable(void **state)
{
    (void)state;
    static struct run run;
    static struct windows w;
    struct points p;
    uint64_t size[] = {3, 4};
    struct plot_categories categories = {2, size, "training part"};
    run_init(&run, EPOCHS);
    windows_init(&w, 2, 20, 3);
    points_init(&p, 50, 3);
    const char *path = in_folder("missing/plot.png");
    for (int i = 0; i < 4; i++) {
        struct error err = {0};
        int failed = i == 0   ? plot_loss_curves(path, &about, &run.losses, &err)
                     : i == 1 ? plot_reconstruction_quality(path, &about, &w.plot, &err)
                     : i == 2 ? plot_latent_space_tsne(path, &about, &p.plot, &err)
                              : plot_category_distribution(path, &about, &categories, &err);
        assert_int_equal(failed, -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, path));
        assert_non_null(strstr(err.text, "No such file"));
        assert_null(strchr(err.text, '\n'));
    }
    static struct numbers n;
    numbers_init(&n);
    for (int k = 0; k < PICTURES; k++) {
        struct error err = {0};
        assert_int_equal(draw_numbers((enum target_picture)k, path, &n, 100, &err), -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, path));
    }
    windows_fini(&w);
    points_fini(&p);
}

/* A disk that fills up while the PNG is written: one error, the former file stays, none beside. */
static void disk_full(void **state)
{
    (void)state;
    static struct run run;
    run_init(&run, EPOCHS);
    char path[256], aside[300];
    snprintf(path, sizeof path, "%s", in_folder("full.png"));
    snprintf(aside, sizeof aside, "%s.%ld.tmp", path, (long)getpid());
    struct error err = {0};
    assert_int_equal(file_write(path, "former", 6, &err), 0);

    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 8192;
    fflush(stdout);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int failed = plot_loss_curves(path, &about, &run.losses, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);

    assert_int_equal(failed, -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    assert_non_null(strstr(err.text, "File too large"));
    struct stat st;
    assert_int_equal(stat(aside, &st), -1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 6);
}

/* ---- axes, colours, numbers, registry ---- */

/* An empty figure with axes from 0 to `high`, in which nothing is drawn yet. */
static struct canvas *canvas_of(double high, struct axes *axes, const char *y_label)
{
    struct error err = {0};
    struct canvas *canvas = canvas_begin(in_folder("a.png"), "Axes", &about, 400, &err);
    assert_non_null(canvas);
    axes->x = (struct axis){.lo = 0, .hi = 1};
    axes->y = (struct axis){.lo = 0, .hi = high};
    canvas_axes(canvas, axes, (struct rect){CANVAS_MARGIN, CANVAS_TOP, 400, 250}, "", NULL,
                y_label);
    return canvas;
}

static struct picture canvas_read(struct canvas *canvas)
{
    struct error err = {0};
    assert_int_equal(canvas_end(canvas, &err), 0);
    return picture_read(in_folder("a.png"));
}

/* A dashed line and a rule that reach beyond the axes end at the box. */
static void lines_stay_in_the_box(void **state)
{
    (void)state;
    static const double x[] = {-1, 0.3, 2}, y[] = {-0.7, 0.2, 1.9};
    struct axes axes;
    struct picture without = canvas_read(canvas_of(1, &axes, NULL));
    for (int dashes = 0; dashes < 2; dashes++) {
        struct canvas *canvas = canvas_of(1, &axes, NULL);
        if (dashes)
            canvas_dashes(canvas, &axes, x, y, 3, COLOR_INK);
        else
            canvas_rule(canvas, &axes, x[0], y[0], x[2], y[2], COLOR_INK, DASH_LONG);
        struct picture with = canvas_read(canvas);
        struct box box = difference(&without, &with);
        assert_true(box.right > box.left);
        assert_true(box.left >= floor(2 * axes.box.x) && box.top >= floor(2 * axes.box.y));
        assert_true(box.right <= ceil(2 * (axes.box.x + axes.box.w)));
        assert_true(box.bottom <= ceil(2 * (axes.box.y + axes.box.h)));
        free(with.rgb);
    }
    free(without.rgb);
}

/* Wide numbers at the y axis push the box away: between them and the label stays white. */
static void labels_have_room(void **state)
{
    (void)state;
    static const double highs[] = {1, 12000, 0.00123};
    for (size_t i = 0; i < sizeof highs / sizeof *highs; i++) {
        struct axes axes;
        struct picture p = canvas_read(canvas_of(highs[i], &axes, "deviation of differences"));
        unsigned white = 0, left = 0, right = (unsigned)(2 * axes.box.x) - 14;
        for (unsigned x = 2 * CANVAS_MARGIN; x < right; x++) {
            int empty = 1;
            for (unsigned y = 2 * CANVAS_TOP; y < 2 * (CANVAS_TOP + 250); y++)
                empty &= pixel(&p, x, y) == 0xffffff;
            white += (unsigned)empty && left;
            left |= !empty; /* the label begins */
        }
        assert_true(white >= 8); /* four points */
        free(p.rgb);
    }
}

/* A number whose minus is U+2212. */
static double number_read(const char *text)
{
    static const char minus[] = "\xe2\x88\x92";
    int negative = !strncmp(text, minus, 3);
    assert_null(strchr(text, '-')); /* no hyphen */
    double x = strtod(text + (negative ? 3 : 0), NULL);
    return negative ? -x : x;
}

static void check_axis(double lo, double hi, enum axis_kind kind, int most)
{
    struct axis axis;
    struct tick ticks[AXIS_TICKS];
    double values[] = {hi, NAN, lo, INFINITY};
    int power, labels = 0;
    axis_clear(&axis);
    axis_include(&axis, values, 4);
    axis_fit(&axis, kind);
    assert_true(axis.lo < axis.hi && isfinite(axis.hi - axis.lo));
    assert_true(axis_place(&axis, lo) >= 0 && axis_place(&axis, hi) <= 1);
    if (fabs(axis.hi) < 1e140) /* beyond, values are cut */
        assert_true(axis_place(&axis, axis.lo) < 1e-9 && axis_place(&axis, axis.hi) > 1 - 1e-9);
    int n = axis_ticks(&axis, most, ticks, &power);
    assert_in_range(n, 1, AXIS_TICKS);
    const char *former = "";
    for (int i = 0; i < n; i++) {
        double place = axis_place(&axis, ticks[i].at);
        assert_true(place > -1e-6 && place < 1 + 1e-6);
        if (i)
            assert_true(ticks[i].at > ticks[i - 1].at);
        if (!ticks[i].label[0])
            continue;
        labels++;
        if (!ticks[i].power[0]) {
            assert_string_not_equal(ticks[i].label, former);
            double told = number_read(ticks[i].label) * pow(10, power);
            assert_true(fabs(told - ticks[i].at) <= 1e-6 * (axis.hi - axis.lo));
        }
        former = ticks[i].label;
    }
    assert_in_range(labels, 1, 3 * most + 2);
}

static void axes_have_ticks(void **state)
{
    (void)state;
    static const double ranges[][2] = {
        {0, 1},          {0.03, 1.3},      {1, 200},       {-0.2, 0.7},  {5, 5},
        {0, 0},          {-7, -7},         {1e-30, 3e-30}, {1e30, 9e30}, {1e-280, 1e280},
        {-1e308, 1e308}, {1e6, 1e6 + 9},   {0.1, 1.00001}, {2e-5, 3e-5}, {1e-5, 1.2e-4},
        {99999, 100001}, {5e-324, 1e-310}, {1, 1e18},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        for (int most = 2; most < 16; most += 3) {
            check_axis(ranges[i][0], ranges[i][1], AXIS_LINEAR, most);
            check_axis(ranges[i][0], ranges[i][1], AXIS_AUTO, most);
        }
    check_axis(1, 1, AXIS_WHOLE, 8);
    check_axis(1, 2000, AXIS_WHOLE, 8);
    check_axis(0, 1e19, AXIS_WHOLE, 8);
}

static void logarithm_where_asked(void **state)
{
    (void)state;
    static const struct {
        double lo, hi;
        int log;
    } cases[] = {{0.1, 1, 1}, {0.11, 1, 0}, {0, 1, 0}, {-1, 100, 0}, {1e-140, 1e300, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct axis axis;
        axis_clear(&axis);
        axis_include(&axis, &cases[i].lo, 1);
        axis_include(&axis, &cases[i].hi, 1);
        axis_fit(&axis, AXIS_AUTO);
        assert_int_equal(axis.log, cases[i].log);
    }
    struct axis axis = {.lo = 0.01, .hi = 100, .log = 1};
    assert_true(fabs(axis_place(&axis, 1) - 0.5) < 1e-12);
    assert_true(axis_place(&axis, 0) < -1000);
}

/* The labels between two times, one behind the other. */
static const char *time_labels(double lo, double hi, int most)
{
    static char text[1024];
    struct axis axis = {.lo = lo, .hi = hi, .time = 1};
    struct tick ticks[AXIS_TICKS];
    int power, n = axis_ticks(&axis, most, ticks, &power);
    assert_in_range(n, 0, most + 1);
    *text = 0;
    for (int i = 0; i < n; i++) {
        assert_true(ticks[i].at >= lo && ticks[i].at <= hi);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                 ticks[i].label);
    }
    return text;
}

/* Round times of the calendar, in words that fit their distance. */
static void times_at_the_axis(void **state)
{
    (void)state;
    const double second = 1e3, hour = 3600e3, day = 24 * hour;
    const double start = 1709164800e3; /* Thursday, 2024-02-29 */
    assert_string_equal(time_labels(start + 0.2 * second, start + 1.1 * second, 3),
                        "00:00:00.500 00:00:01.000");
    assert_string_equal(time_labels(start - second, start + 100 * second, 4),
                        "2024-02-29 00:00:30 00:01:00 00:01:30");
    assert_string_equal(time_labels(start + 7 * hour, start + 26 * hour, 4),
                        "12:00 18:00 2024-03-01");
    assert_string_equal(time_labels(start, start + 3 * day, 5),
                        "2024-02-29 2024-03-01 2024-03-02 2024-03-03");
    assert_string_equal(time_labels(start, start + 20 * day, 4),
                        "2024-03-04 2024-03-11 2024-03-18"); /* Mondays */
    assert_string_equal(time_labels(start, start + 300 * day, 4), "2024-04 2024-07 2024-10");
    assert_string_equal(time_labels(-start, 20000 * day, 6), "1920 1940 1960 1980 2000 2020");
    struct axis axis;
    static const double spans[] = {0, 1, 1e3, 1e7, 1e12, 1e15, 1e300};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        double ends[] = {start, start + spans[i]};
        axis_clear(&axis);
        axis_include(&axis, ends, 2);
        axis_fit(&axis, AXIS_TIME);
        assert_true(axis.lo < start && axis.hi > fmin(start + spans[i], 1e150));
        struct tick ticks[AXIS_TICKS];
        int power;
        for (int most = 1; most < 12; most++)
            assert_in_range(axis_ticks(&axis, most, ticks, &power), 0, AXIS_TICKS);
    }
}

static double linear(unsigned channel)
{
    double c = (channel & 255) / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

/* sRGB to OKLab, the direction that color.c does not use. */
static void oklab(unsigned color, double lab[3])
{
    double r = linear(color >> 16), g = linear(color >> 8), b = linear(color);
    double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    lab[0] = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s;
    lab[1] = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s;
    lab[2] = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s;
}

static double color_distance(unsigned a, unsigned b)
{
    double p[3], q[3];
    oklab(a, p);
    oklab(b, q);
    return sqrt(pow(p[0] - q[0], 2) + pow(p[1] - q[1], 2) + pow(p[2] - q[2], 2));
}

static void colors_are_even(void **state)
{
    (void)state;
    unsigned map[COLOR_MAP];
    double lab[3], low = INFINITY, high = 0;
    color_values(map);
    for (int i = 0; i < COLOR_MAP; i++) {
        oklab(map[i], lab);
        assert_true(fabs(lab[0] - (0.26 + 0.66 * i / 255.0)) < 0.006);
    }
    for (int i = 0; i + 16 < COLOR_MAP; i += 8) {
        double step = color_distance(map[i], map[i + 16]);
        low = fmin(low, step);
        high = fmax(high, step);
    }
    assert_true(high < 1.3 * low);

    color_errors(map);
    for (int i = 0; i < COLOR_MAP / 2; i++) {
        double other[3];
        oklab(map[i], lab);
        oklab(map[COLOR_MAP - 1 - i], other);
        assert_true(fabs(lab[0] - other[0]) < 0.01); /* equal errors weigh the same */
        assert_true(lab[2] <= 0.001 && other[2] >= -0.001);
    }
    oklab(map[COLOR_MAP / 2], lab);
    assert_true(lab[0] > 0.96);

    for (int i = 0; i < COLOR_CATEGORIES; i++) {
        assert_true(color_distance(color_category[i], 0xffffff) > 0.08);
        assert_true(color_distance(color_category[i], COLOR_REST) > 0.08);
        for (int k = 0; k < i; k++)
            assert_true(color_distance(color_category[i], color_category[k]) > 0.08);
    }
}

static void numbers_are_plain(void **state)
{
    (void)state;
    char text[32];
    static const struct {
        uint64_t count;
        const char *text;
    } counts[] = {{0, "0"},
                  {999, "999"},
                  {1000, "1,000"},
                  {12345678, "12,345,678"},
                  {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        number_count(text, sizeof text, counts[i].count);
        assert_string_equal(text, counts[i].text);
    }
    if (!setlocale(LC_ALL, "de_DE.UTF-8"))
        setlocale(LC_ALL, "");
    number_print(text, sizeof text, "%.2f", 1234.5);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "1234.50");
    number_signed(text, sizeof text, "%.1f to %.0e", -1.5, 1e-7);
    assert_string_equal(text, "\u22121.5 to 1e\u221207");
    number_signed(text, 6, "%d", -1234); /* cut at a character */
    assert_string_equal(text, "\u221212");
}

static void table_names_the_files(void **state)
{
    (void)state;
    static const char *const names[] = {"loss_curves",
                                        "reconstruction_quality",
                                        "latent_space_tsne",
                                        "category_distribution",
                                        "predictions",
                                        "residuals",
                                        "target_distribution",
                                        "error_by_horizon",
                                        "am_am_pm",
                                        "spectrum",
                                        "captions"};
#define NAME(name) #name,
    static const char *const table[] = {PICTURES(NAME, NAME)};
    assert_int_equal(sizeof table, sizeof names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(table[i], names[i]);
}

/* ---- */

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"loss.png", "windows.png",    "map.png",
                                        "a.png",    "categories.png", "b.png",
                                        "full.png", "numbers.png",    "captions.png"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    return rmdir(folder); /* fails where a test left anything else behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_draw),
        cmocka_unit_test(many_epochs),
        cmocka_unit_test(windows_draw),
        cmocka_unit_test(too_many_windows),
        cmocka_unit_test(maps_draw),
        cmocka_unit_test(categories_draw),
        cmocka_unit_test(targets_draw),
        cmocka_unit_test(targets_of_any_value),
        cmocka_unit_test(differences_have_their_size),
        cmocka_unit_test(names_in_their_place),
        cmocka_unit_test(untransformed_once),
        cmocka_unit_test(augmentation_draws),
        cmocka_unit_test(frames_are_drawn),
        cmocka_unit_test(captions_stay_in_place),
        cmocka_unit_test(captions_are_marked),
        cmocka_unit_test(captions_of_any_bytes),
        cmocka_unit_test(optional_columns),
        cmocka_unit_test(prediction_changes_in_place),
        cmocka_unit_test(series_apart),
        cmocka_unit_test(common_unit),
        cmocka_unit_test(nothing_is_hidden),
        cmocka_unit_test(dates_stay_inside),
        cmocka_unit_test(holes_stay_open),
        cmocka_unit_test(times_below),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(many_series),
        cmocka_unit_test(labels_of_series),
        cmocka_unit_test(clouds_show_density),
        cmocka_unit_test(residuals_of_another_unit),
        cmocka_unit_test(losses_of_one_term),
        cmocka_unit_test(losses_of_three_terms),
        cmocka_unit_test(same_data_same_file),
        cmocka_unit_test(each_series_in_its_panel),
        cmocka_unit_test(best_epoch_moves),
        cmocka_unit_test(windows_change_in_place),
        cmocka_unit_test(levels_do_not_flatten),
        cmocka_unit_test(map_changes_in_place),
        cmocka_unit_test(all_are_numbered),
        cmocka_unit_test(numbers_keep_off),
        cmocka_unit_test(categories_are_sorted),
        cmocka_unit_test(names_of_any_bytes),
        cmocka_unit_test(letters_of_another_font),
        cmocka_unit_test(run_of_any_bytes),
        cmocka_unit_test(unwritable),
        cmocka_unit_test(disk_full),
        cmocka_unit_test(axes_have_ticks),
        cmocka_unit_test(logarithm_where_asked),
        cmocka_unit_test(times_at_the_axis),
        cmocka_unit_test(lines_stay_in_the_box),
        cmocka_unit_test(labels_have_room),
        cmocka_unit_test(colors_are_even),
        cmocka_unit_test(numbers_are_plain),
        cmocka_unit_test(table_names_the_files),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
