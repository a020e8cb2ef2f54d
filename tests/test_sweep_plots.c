/* SPDX-License-Identifier: MIT */
/* The pictures of a sweep, read back: what they show of runs that are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include <unistd.h>

#include "picture_read.h"
#include "plots/color.h"
#include "plots/sweep.h"

enum { RUNS = 24, KEYS = 3, EPOCHS = 30 };

static char folder[] = "/tmp/test_sweep_plots.XXXXXX";
static const struct plot_about about = {"fleet", "seqtrain 0.1.0", 0};

struct made {
    double lr[RUNS], layers[RUNS], cell[RUNS], figure[RUNS], curve[RUNS][EPOCHS];
    char label_text[RUNS][32];
    char *label[RUNS];
    enum plot_end end[RUNS];
    const double *curves[RUNS];
    size_t epochs[RUNS];
    struct plot_key key[KEYS];
    struct plot_sweep sweep;
};

static char *const cells[] = {"lstm", "gru", "rnn"};

/* A loss that falls with the learning rate; run 7 has none, every fifth was stopped. */
static void make(struct made *m)
{
    for (size_t i = 0; i < RUNS; i++) {
        double at = (double)i / (RUNS - 1);
        m->lr[i] = pow(10, -5 + 3 * at);
        m->layers[i] = 1 + (double)(i * 7 % 4);
        m->cell[i] = (double)(i % 3);
        m->figure[i] = i == 7 ? NAN : 0.2 + 0.8 * (1 - at) + 0.05 * m->cell[i];
        m->end[i] = i == 7 ? PLOT_FAILED : i % 5 == 4 ? PLOT_PRUNED : PLOT_DONE;
        m->epochs[i] = i == 7 ? 0 : m->end[i] == PLOT_PRUNED ? EPOCHS / 3 : EPOCHS;
        for (size_t e = 0; e < EPOCHS; e++)
            m->curve[i][e] = m->figure[i] * (1 + 2 * exp(-(double)e / 5));
        m->curves[i] = m->curve[i];
        snprintf(m->label_text[i], sizeof m->label_text[i], "lr=%.2g cell=%s", m->lr[i],
                 cells[i % 3]);
        m->label[i] = m->label_text[i];
    }
    m->key[0] = (struct plot_key){"train.lr", m->lr, NULL, 0, PLOT_LOG};
    m->key[1] = (struct plot_key){"model.layers", m->layers, NULL, 0, PLOT_WHOLE};
    m->key[2] = (struct plot_key){"model.cell", m->cell, cells, 3, PLOT_LINEAR};
    m->sweep = (struct plot_sweep){RUNS, m->label, m->figure, m->end, "val/loss", 0, m->key, KEYS};
}

static char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

enum picture_of { COORDINATES, BY_KEY, IMPORTANCE, CURVES, TIMELINE, PICTURES };
static const char *const titles[PICTURES] = {"Parallel coordinates", "Figure by key",
                                             "Importance of keys", "Learning curves",
                                             "Timeline of slots"};

static int draw(enum picture_of which, const char *path, const struct made *m, struct error *err)
{
    static char *const slots[] = {"0.0/2", "0.1/2"};
    static const double share[KEYS] = {0.9, 0.02, NAN};
    const struct plot_sweep *s = &m->sweep;
    struct plot_try tries[RUNS];
    for (size_t i = 0; i < s->runs; i++)
        tries[i] = (struct plot_try){i, i % 2, 1.7e12 + 6e5 * (double)(i / 2),
                                     1.7e12 + 6e5 * (double)(i / 2 + 1), m->end[i]};
    switch (which) {
    case COORDINATES:
        return plot_parallel_coordinates(path, &about, s, err);
    case BY_KEY:
        return plot_figure_by_key(path, &about, s, err);
    case IMPORTANCE:
        return plot_key_importance(path, &about, s, share, err);
    case CURVES:
        return plot_learning_curves(path, &about, s, m->curves, m->epochs, err);
    default:
        return plot_timeline(path, &about, s, slots, 2, tries, s->runs, err);
    }
}

static struct picture drawn(enum picture_of which, const struct made *m)
{
    struct error err = {0};
    if (draw(which, in_folder("a.png"), m, &err))
        fail_msg("%s", err.text);
    struct picture p = picture_read(in_folder("a.png"));
    assert_int_equal(p.width, 1600);
    assert_string_equal(p.title, titles[which]);
    return p;
}

static size_t colored(enum picture_of which, const struct made *m, unsigned color)
{
    struct picture p = drawn(which, m);
    size_t count = count_color(&p, color);
    free(p.rgb);
    return count;
}

static void what_is_shown(void **state)
{
    (void)state;
    static struct made m;
    make(&m);
    assert_true(colored(COORDINATES, &m, color_category[1]) > 1000); /* the best run */
    assert_true(colored(BY_KEY, &m, color_category[0]) > 1000);
    assert_true(colored(BY_KEY, &m, color_category[1]) > 100);
    const double bar = (double)colored(IMPORTANCE, &m, color_category[0]);
    assert_true(bar > 0.9 * 488 * 2 * 28 &&
                bar < 0.96 * 488 * 2 * 28); /* 90% and 2% of its width */
    for (size_t i = 0; i < 8; i++)
        assert_true(colored(CURVES, &m, color_category[i]) > 300);
    size_t failed = colored(TIMELINE, &m, color_category[1]);
    m.end[7] = PLOT_DONE;
    assert_true(failed > 5 * colored(TIMELINE, &m, color_category[1])); /* only the legend's */
}

/* A higher figure is the better one: another run is drawn as the best. */
static void the_best_is_the_best(void **state)
{
    (void)state;
    static struct made m;
    make(&m);
    struct picture low = drawn(COORDINATES, &m);
    m.sweep.higher = 1;
    struct picture high = drawn(COORDINATES, &m);
    size_t moved = 0;
    for (unsigned y = 0; y < low.height; y++)
        for (unsigned x = 0; x < low.width; x++)
            moved +=
                pixel(&low, x, y) == color_category[1] && pixel(&high, x, y) != color_category[1];
    assert_true(moved > 1000);
    free(low.rgb);
    free(high.rgb);
}

/* Nothing to show, one run, one key of one value, figures of any size. */
static void edges(void **state)
{
    (void)state;
    static struct made m;
    static const double odd[] = {0, -1, 1e300, 5e-324, INFINITY, -INFINITY, NAN};
    for (int which = 0; which < PICTURES; which++) {
        make(&m);
        m.sweep.keys = 0;
        free(drawn((enum picture_of)which, &m).rgb);
        make(&m);
        m.sweep.runs = 0;
        free(drawn((enum picture_of)which, &m).rgb);
        m.sweep.runs = 1;
        free(drawn((enum picture_of)which, &m).rgb);
        m.sweep.runs = 8;
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
            for (size_t i = 0; i < RUNS; i++)
                m.figure[i] = m.lr[i] = m.layers[i] = m.curve[i][3] = odd[k];
            free(drawn((enum picture_of)which, &m).rgb);
        }
    }
}

static void same_data_same_file(void **state)
{
    (void)state;
    static struct made m;
    make(&m);
    for (int which = 0; which < PICTURES; which++) {
        struct picture a = drawn((enum picture_of)which, &m), b = drawn((enum picture_of)which, &m);
        assert_int_equal(a.height, b.height);
        assert_memory_equal(a.rgb, b.rgb, 3 * (size_t)a.width * a.height);
        free(a.rgb);
        free(b.rgb);
    }
}

static void unwritable(void **state)
{
    (void)state;
    static struct made m;
    make(&m);
    for (int which = 0; which < PICTURES; which++) {
        struct error err = {0};
        assert_int_equal(draw((enum picture_of)which, in_folder("missing/a.png"), &m, &err), -1);
        assert_int_equal(err.status, STATUS_FAILED);
        assert_non_null(strstr(err.text, "missing/a.png"));
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return unlink(in_folder("a.png")) || rmdir(folder) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shown), cmocka_unit_test(the_best_is_the_best),
        cmocka_unit_test(edges),         cmocka_unit_test(same_data_same_file),
        cmocka_unit_test(unwritable),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("sweep_plots", tests, make_folder, remove_folder);
}
