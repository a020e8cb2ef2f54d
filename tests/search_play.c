/* SPDX-License-Identifier: MIT */
#include "search_play.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/pruner.h"
#include "sweep/sampler.h"

#define COUNT(array) (sizeof array / sizeof *array)

/* --- curves */

enum { TRIALS = 100, EPOCHS = 200 };

struct play {
    struct pruner pruner;
    int is_asha;
    struct trial trial[TRIALS];
    struct trial_report report[TRIALS][EPOCHS];
    size_t trials;
};

/* Begins a study; 0 if the line is none. */
static int begin(struct play *p, const char *line)
{
    char kind[8], direction[8];
    size_t n[4];
    int read =
        sscanf(line, "study %7s %7s %zu %zu %zu %zu", kind, direction, &n[0], &n[1], &n[2], &n[3]);
    if (read < 5)
        return 0;
    memset(p, 0, sizeof *p);
    p->is_asha = !strcmp(kind, "asha");
    p->pruner.maximize = !strcmp(direction, "max");
    if (p->is_asha) {
        p->pruner.min_resource = n[0];
        p->pruner.reduction_factor = n[1];
        p->pruner.min_early_stopping_rate = n[2];
        return 1;
    }
    p->pruner.startup_trials = n[0];
    p->pruner.warmup_steps = n[1];
    p->pruner.interval_steps = n[2];
    p->pruner.min_trials = n[3];
    return read == 6;
}

static struct trial *trial_of(struct play *p, size_t which)
{
    if (which >= TRIALS)
        return NULL;
    for (; p->trials <= which; p->trials++)
        p->trial[p->trials].report = p->report[p->trials];
    return &p->trial[which];
}

/* What the pruner says of a report; -1: no room for it. */
static int decide(struct play *p, size_t which, size_t epoch, double figure)
{
    struct trial *t = trial_of(p, which);
    if (!t || t->reports == EPOCHS)
        return -1;
    p->report[which][t->reports++] = (struct trial_report){epoch, figure};
    return p->is_asha ? pruner_asha(&p->pruner, p->trial, p->trials, which)
                      : pruner_median(&p->pruner, p->trial, p->trials, which);
}

/* The end of a trial; 0 if the line is none. */
static int end(struct play *p, const char *line)
{
    size_t which;
    double figure;
    char word[8];
    int read = sscanf(line, "%zu %7s %lf", &which, word, &figure);
    struct trial *t = read >= 2 ? trial_of(p, which) : NULL;
    if (!t)
        return 0;
    if (!strcmp(word, "failed"))
        t->state = TRIAL_FAILED;
    else if (read == 3 && !strcmp(word, "done")) {
        t->state = TRIAL_DONE;
        t->figure = figure;
    } else
        return 0;
    return 1;
}

int search_curves(FILE *in, struct played *played)
{
    struct play *p = calloc(1, sizeof *p);
    char line[200];
    size_t number = 0, which, epoch;
    double figure;
    int wants, failed = !p;
    *played = (struct played){0};
    while (!failed && fgets(line, sizeof line, in)) {
        number++;
        if (begin(p, line)) {
            played->studies++;
        } else if (sscanf(line, "%zu %zu %lf %d", &which, &epoch, &figure, &wants) == 4) {
            int says = decide(p, which, epoch, figure);
            failed = says < 0;
            played->decisions++;
            played->ends += (size_t)wants;
            played->differ += says != wants;
            if (says != wants)
                printf("# line %zu: %d, not %d\n", number, says, wants);
            if (wants && !failed)
                p->trial[which].state = TRIAL_PRUNED;
        } else
            failed = !end(p, line);
    }
    if (failed)
        printf("# line %zu is none\n", number);
    free(p);
    return failed ? -1 : 0;
}

/* --- landscapes */

static double sphere(const double *x)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (x[i] - 1) * (x[i] - 1);
    return sum;
}

static double rosenbrock(const double *x)
{
    double a = 1 - x[0], b = x[1] - x[0] * x[0];
    return a * a + 100 * b * b;
}

static double branin(const double *x)
{
    double pi = 3.141592653589793;
    double a = x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6;
    return a * a + 10 * (1 - 1 / (8 * pi)) * cos(x[0]) + 10;
}

/* A learning rate whose best place depends on the optimizer, and a second choice. */
static double mixed(const double *x)
{
    static const double best[] = {-3, -2, -1, -4}, worse[] = {0, 0.5, 1, 0.8};
    static const double other[] = {0.7, 0.2, 0, 0.4, 1};
    double off = log10(x[1]) - best[(int)x[0]];
    return off * off + worse[(int)x[0]] + other[(int)x[2]];
}

static double whole(const double *x)
{
    double layers = x[0] - 3, width = log2(x[1] / 96), dropout = x[2] - 0.2;
    return 0.3 * layers * layers + width * width + 10 * dropout * dropout;
}

const struct landscape search_landscapes[5] = {
    {"sphere",
     {{"a", AXIS_UNIFORM, 0, -5, 5},
      {"b", AXIS_UNIFORM, 0, -5, 5},
      {"c", AXIS_UNIFORM, 0, -5, 5},
      {"d", AXIS_UNIFORM, 0, -5, 5}},
     4,
     sphere},
    {"rosenbrock", {{"a", AXIS_UNIFORM, 0, -2, 2}, {"b", AXIS_UNIFORM, 0, -1, 3}}, 2, rosenbrock},
    {"branin", {{"a", AXIS_UNIFORM, 0, -5, 10}, {"b", AXIS_UNIFORM, 0, 0, 15}}, 2, branin},
    {"mixed",
     {{"a", AXIS_CHOICE, 4, 0, 0}, {"b", AXIS_LOG, 0, 1e-6, 1}, {"c", AXIS_CHOICE, 5, 0, 0}},
     3,
     mixed},
    {"whole",
     {{"a", AXIS_INT, 0, 1, 8}, {"b", AXIS_INT, 0, 8, 512}, {"c", AXIS_UNIFORM, 0, 0, 0.8}},
     3,
     whole},
};

static enum trial_state state_of(enum search how, size_t t)
{
    if (how != SEARCH_STATES)
        return TRIAL_DONE;
    return t % 3 == 1    ? TRIAL_PRUNED
           : t % 7 == 3  ? TRIAL_RUNNING
           : t % 11 == 5 ? TRIAL_FAILED
                         : TRIAL_DONE;
}

/* A trial and what it needs. */
struct step {
    double point[COUNT(search_landscapes[0].axis)];
    struct trial_report report;
};

static void print_step(FILE *out, const struct landscape *l, double figure, const double *point)
{
    fprintf(out, "%.17g", figure);
    for (size_t i = 0; i < l->axes; i++)
        fprintf(out, " %.17g", point[i]);
    putc('\n', out);
}

double search_run(const struct landscape *l, enum search how, uint64_t seed, size_t trials,
                  FILE *out)
{
    struct step *step = calloc(trials + 1, sizeof *step);
    struct trial *trial = calloc(trials + 1, sizeof *trial);
    struct sampler s = {.axis = l->axis, .axes = l->axes, .seed = seed, .startup_trials = 10};
    double best = INFINITY;
    for (size_t t = 0; step && trial && t < trials; t++) {
        double *point = step[t].point;
        if (how == SEARCH_RANDOM)
            sampler_random(&s, t + 1, point);
        else if (sampler_tpe(&s, trial, t, t + 1, point))
            break;
        double figure = l->figure(point);
        step[t].report = (struct trial_report){1 + t % 2, figure};
        trial[t] = (struct trial){.state = state_of(how, t),
                                  .point = point,
                                  .figure = figure,
                                  .report = &step[t].report,
                                  .reports = 1};
        best = fmin(best, figure);
        if (out)
            print_step(out, l, figure, point);
    }
    free(step);
    free(trial);
    return best;
}
