/* SPDX-License-Identifier: MIT */
/*
 * train: what each optimizer step is told, which epoch is the best, when a checkpoint is written
 * and what the log gets. Engine, optimizer, device, log and checkpoints are stand-ins that remember
 * what they were asked for; the clock is one that only a micro-batch moves.
 */
#include "telemetry/telemetry.h"
#include "train/adapters.h"
#include "train/advice.h"
#include "train/train.h"

#include <math.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MOST = 64, WINDOWS = 30, VALIDATION = 5 };

static char folder[] = "folder";

/* What the stand-ins are to do, and what they were asked for. */
static struct {
    /* by epoch, from 1 */
    struct metrics metrics[MOST];
    struct evaluation validation[MOST];
    struct terms terms;      /* what model_terms() says */
    long tick;               /* nanoseconds that a micro-batch takes */
    long slow_from, slow_to; /* micro-batches that take three times as long */
    long stalls_at;          /* the micro-batch that ends only when an alarm was told; 0: none */
    long interrupt_at;       /* the micro-batch with which a signal comes; 0: none */
    int write_best_fails, read_metrics_fails;

    struct {
        char name[32];
        long step, updates;
        float first;
    } histogram[16];
    long histograms;

    struct training *run;
    long epoch; /* of the last order */
    uint32_t order[MOST][WINDOWS];
    struct step step[MOST * WINDOWS];
    long updates_before[MOST * WINDOWS]; /* of each micro-batch */
    long micros, updates, looks;
    struct progress saved[MOST * WINDOWS];
    long saves, bests, programs;
    long best[MOST];
    json_t *event[MOST];
    long events, advices, asked;
    char alarm[16][16];
    json_t *alarmed[16]; /* their members */
    atomic_long alarms;
    double seconds_left;
    char said[1 << 14], warned[1 << 12];
    const double *celsius; /* what the sensors tell behind each step; NAN: nothing */
    int64_t time;
} fake;
static volatile sig_atomic_t signalled;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    (void)clock;
    *t = (struct timespec){fake.time / 1000000000, fake.time % 1000000000};
    return 0;
}

int engine_order(struct engine *e, const uint32_t *start, size_t count, struct error *err)
{
    (void)e;
    (void)err;
    fake.epoch = fake.run->progress.epoch + 1;
    assert_true(fake.epoch < MOST && count <= WINDOWS);
    memcpy(fake.order[fake.epoch], start, count * sizeof *start);
    return 0;
}

void optim_step(const struct optim *o, double lr, struct step *step)
{
    assert_ptr_equal(o, &fake.run->engine->optim);
    assert_int_equal(step->number, fake.updates + 1);
    step->lr = (float)lr;
    step->update[0] = (float)-lr;
}

int engine_micro(struct engine *e, const struct step *step, struct error *err)
{
    (void)err;
    atomic_fetch_add(&e->batches, 1);
    fake.updates_before[fake.micros] = fake.updates;
    fake.step[fake.micros++] = *step;
    fake.time += fake.tick * (fake.micros > fake.slow_from && fake.micros <= fake.slow_to ? 3 : 1);
    if (fake.micros == fake.interrupt_at)
        signalled = SIGTERM;
    for (int i = 0; fake.micros == fake.stalls_at && i < 3000 && !atomic_load(&fake.alarms); i++) {
        poll(NULL, 0, 10);
        fake.time += 10000000000;
    }
    return 0;
}

int engine_gather(struct engine *e, struct error *err)
{
    (void)e;
    (void)err;
    return 0;
}

int adapters_write(struct engine *e, const char *to, struct error *err)
{
    (void)e;
    (void)to;
    (void)err;
    return 0;
}

/* Of an arena whose address tells its kind. */
int params_read(const struct params *params, size_t index, const struct arena *arena, void *to,
                struct error *err)
{
    (void)err;
    assert_true(index == 1 && (arena == params->values || arena == params->grads));
    *(float *)to = arena == params->values ? 3 : 5;
    return 0;
}

void log_histogram(struct log *log, const char *name, int64_t step, const float *value,
                   size_t count)
{
    (void)log;
    assert_true(count == 2 && fake.histograms < 16);
    snprintf(fake.histogram[fake.histograms].name, sizeof fake.histogram->name, "%s", name);
    fake.histogram[fake.histograms].step = (long)step;
    fake.histogram[fake.histograms].updates = fake.updates;
    fake.histogram[fake.histograms++].first = value[0];
}

int engine_update(struct engine *e, struct error *err)
{
    (void)e;
    (void)err;
    fake.updates++;
    return 0;
}

int engine_read_metrics(struct engine *e, struct metrics *metrics, struct error *err)
{
    (void)e;
    fake.looks++;
    *metrics = fake.metrics[fake.epoch];
    return fake.read_metrics_fails ? error_set(err, STATUS_DEVICE, "the device is gone") : 0;
}

int engine_write_metrics(struct engine *e, const struct metrics *metrics, struct error *err)
{
    (void)e;
    (void)metrics;
    (void)err;
    return 0;
}

int engine_evaluate_together(struct engine *e, const uint32_t *start, size_t count,
                             struct evaluation *result, struct error *err)
{
    (void)err;
    assert_ptr_equal(start, e->data->start[PART_VALIDATION]);
    assert_int_equal(count, VALIDATION);
    *result = fake.validation[fake.epoch];
    return 0;
}

/* All windows are resident. */
double engine_waited(const struct engine *e)
{
    (void)e;
    return NAN;
}

int device_finish(struct device *dev, struct error *err)
{
    (void)dev;
    (void)err;
    return 0;
}

uint64_t device_bytes(const struct device *dev)
{
    (void)dev;
    return 4321;
}

void device_save_programs(struct device *dev)
{
    (void)dev;
    fake.programs++;
}

int checkpoint_write_last(struct engine *e, const struct progress *progress, const char *plan,
                          const char *path, const char *former, struct error *err)
{
    (void)e;
    (void)err;
    assert_string_equal(plan, "the plan");
    assert_string_equal(path, "folder/last.safetensors");
    if (fake.run->from_former) /* the one that is damaged is not kept */
        assert_null(former);
    else
        assert_string_equal(former, "folder/last.1.safetensors");
    fake.saved[fake.saves++] = *progress;
    return 0;
}

int checkpoint_write_best(struct engine *e, long epoch, const char *plan, const char *path,
                          struct error *err)
{
    (void)e;
    assert_string_equal(plan, "the plan");
    assert_string_equal(path, "folder/best.safetensors");
    fake.best[fake.bests++] = epoch;
    return fake.write_best_fails ? error_set(err, STATUS_FAILED, "no space") : 0;
}

int progress_add(struct progress *progress, const struct epoch_figures *figures, struct error *err)
{
    (void)err;
    static struct epoch_figures history[MOST];
    assert_true(progress->epochs < MOST);
    progress->history = history;
    history[progress->epochs++] = *figures;
    return 0;
}

const struct device_info *device_info(const struct device *dev)
{
    static const struct device_info cpu = {.is_cpu = 1};
    (void)dev;
    return &cpu;
}

int advice_time(const struct config *config, int is_cpu, double seconds_left, struct log *log)
{
    (void)config;
    (void)log;
    assert_true(is_cpu);
    fake.asked++;
    fake.seconds_left = seconds_left;
    return seconds_left > 1000;
}

struct terms model_terms(const struct config *config)
{
    (void)config;
    return fake.terms;
}

struct terms model_judged_terms(const struct config *config)
{
    return model_terms(config);
}

int log_position(struct log *log, int64_t *bytes, struct error *err)
{
    (void)log;
    (void)err;
    *bytes = 77 + fake.saves;
    return 0;
}

struct figure log_figure(double x, int decimals)
{
    struct figure f;
    snprintf(f.text, sizeof f.text, "%.*f", decimals, x);
    return f;
}

static void append(char *to, size_t size, const char *format, va_list ap)
{
    size_t used = strlen(to);
    vsnprintf(to + used, size - used, format, ap);
    used = strlen(to);
    snprintf(to + used, size - used, "\n");
}

void log_say(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    append(fake.said, sizeof fake.said, format, ap);
    va_end(ap);
}

void log_detail(struct log *log, const char *format, ...)
{
    (void)log;
    (void)format;
}

double telemetry_last(struct telemetry *t, struct telemetry_reading *r)
{
    assert_ptr_equal(t, fake.run->telemetry);
    sensed_clear(r);
    r->temperature = fake.celsius[fake.updates];
    return isfinite(r->temperature) ? 0.25 : INFINITY;
}

void log_warn(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    append(fake.warned, sizeof fake.warned, format, ap);
    va_end(ap);
}

void log_tend(struct log *log)
{
    (void)log;
}

void log_alarm(struct log *log, const char *event, json_t *members, const char *format, ...)
{
    (void)log;
    (void)format;
    assert_true(fake.alarms < 16);
    snprintf(fake.alarm[fake.alarms], sizeof *fake.alarm, "%s", event);
    fake.alarmed[fake.alarms] = members;
    atomic_fetch_add(&fake.alarms, 1);
}

void log_event(struct log *log, const char *event, json_t *members)
{
    (void)log;
    if (!strcmp(event, "epoch") || !strcmp(event, "step") || !strcmp(event, "telemetry"))
        fake.event[fake.events++] = json_incref(members);
    fake.advices += !strcmp(event, "advice");
    if (!strcmp(event, "checkpoint")) {
        assert_int_equal(json_integer_value(json_object_get(members, "epoch")),
                         fake.run->progress.epoch);
        assert_int_equal(json_integer_value(json_object_get(members, "step")),
                         fake.run->progress.step);
    }
    json_decref(members);
}

void log_progress(struct log *log, const char *text, uint64_t done, uint64_t total)
{
    (void)log;
    (void)text;
    assert_true(done <= total);
}

/* --- a run */

struct setting {
    struct training run;
    struct config *config;
    struct engine engine;
    struct dataset data;
    uint32_t start[WINDOWS], validation[VALIDATION];
};

static void forget(void)
{
    for (long i = 0; i < fake.events; i++)
        json_decref(fake.event[i]);
    for (long i = 0; i < fake.alarms; i++)
        json_decref(fake.alarmed[i]);
    memset(&fake, 0, sizeof fake);
    fake.tick = 1000000000;
    fake.terms = (struct terms){
        {{.name = "reconstruction", .symbol = "R", .over = TERM_SAMPLES, .lower_is_better = 1},
         {.name = "contrastive", .symbol = "C", .over = TERM_BATCHES, .lower_is_better = 1}},
        2};
    signalled = 0;
    for (int i = 0; i < MOST; i++) {
        fake.metrics[i].samples[0] = 1;
        fake.metrics[i].steps = 1;
        fake.validation[i].loss = i; /* the first is the best */
    }
}

/* A run over `windows` windows; settings are "section.key=value". */
static void begin(struct setting *s, size_t windows, char *const *settings, size_t count)
{
    struct error err;
    memset(s, 0, sizeof *s);
    forget();
    s->config = config_load(NULL, settings, count, &err);
    if (!s->config)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < WINDOWS; i++)
        s->start[i] = 100 + 3 * i;
    s->data.start[PART_TRAIN] = s->start;
    s->data.count[PART_TRAIN] = windows;
    s->data.start[PART_VALIDATION] = s->validation;
    s->data.count[PART_VALIDATION] = VALIDATION;
    s->engine.data = &s->data;
    s->run = (struct training){.config = s->config,
                               .engine = &s->engine,
                               .folder = folder,
                               .plan = "the plan",
                               .interrupted = &signalled,
                               .progress = {.best = NAN, .factor = 1}};
    fake.run = &s->run;
    if (monitor_find(&s->run.monitor, s->config, (struct measures){0}, &err))
        fail_msg("%s", err.text);
}
#define SETTING(s, windows, ...)                                       \
    begin(s, windows, (char *[]){"data.source=none.csv", __VA_ARGS__}, \
          sizeof((char *[]){"data.source=none.csv", __VA_ARGS__}) / sizeof(char *))

static void trained(struct setting *s)
{
    struct error err = {0};
    if (train(&s->run, &err))
        fail_msg("%s", err.text);
}

static void near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance * fabs(want)))
        fail_msg("%.17g instead of %.17g", have, want);
}

/* --- checkpoints */

/* A run that goes on from the checkpoint before the last keeps it until there is another. */
static void the_good_checkpoint_is_kept(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 8, "train.batch=4", "train.epochs=3", "train.checkpoint=1 epochs");
    s.run.from_former = 1;
    trained(&s);
    assert_int_equal(fake.saves, 3);
    assert_false(s.run.from_former);
    forget();
    config_free(s.config);
}

/* --- histograms */

/* Of gradients before the last update of an epoch, of weights behind it; of what is trained. */
static void histograms_of_some_epochs(void **state)
{
    (void)state;
    static const long step[] = {4, 4, 8, 8, 10, 10};
    char values, grads;
    struct param frozen = {.value = {.name = "f", .elems = 3}, .group = PARAM_FROZEN};
    struct param trainable = {.value = {.name = "a.b", .elems = 2}, .group = PARAM_TRAINED};
    struct param *list[] = {&frozen, &trainable};
    struct params params = {.list = list,
                            .count = 2,
                            .values = (struct arena *)(void *)&values,
                            .grads = (struct arena *)(void *)&grads};
    struct setting s;
    SETTING(&s, 8, "train.batch=4", "train.epochs=5", "log.tensorboard=yes", "log.histograms=2",
            "train.precision=fp16");
    s.engine.params = &params;
    for (int i = 0; i < MOST; i++)
        fake.metrics[i].log2_scale = 3; /* the gradients are 8 times what they are */
    trained(&s);
    assert_int_equal(fake.histograms, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(fake.histogram[i].name, i % 2 ? "weights/a.b" : "gradients/a.b");
        assert_int_equal(fake.histogram[i].step, step[i]);
        assert_int_equal(fake.histogram[i].updates, step[i] - !(i % 2));
        assert_true(fake.histogram[i].first == (i % 2 ? 3 : 0.625f));
    }
    forget();
    config_free(s.config);
    SETTING(&s, 8, "train.batch=4", "train.epochs=5"); /* without log.tensorboard */
    trained(&s);
    assert_int_equal(fake.histograms, 0);
    forget();
    config_free(s.config);
}

/* --- steps */

static void each_step_is_told_what_it_is(void **state)
{
    (void)state;
    static const unsigned micro[][3] = {/* first, count, group */
                                        {0, 4, 12},  {4, 4, 12},  {8, 4, 12}, {12, 4, 12},
                                        {16, 4, 12}, {20, 4, 12}, {24, 4, 6}, {28, 2, 6}};
    struct setting s;
    SETTING(&s, 30, "train.batch=4", "train.accumulate=3", "train.epochs=3", "train.lr=0.01",
            "train.warmup=4 steps", "train.schedule=constant", "train.on_nonfinite=skip");
    s.config->run.seed = (long)3 << 32 | 5;
    trained(&s);
    assert_int_equal(fake.micros, 24);
    assert_int_equal(fake.updates, 9);
    for (long i = 0; i < 24; i++) {
        const struct step *step = &fake.step[i];
        const unsigned *want = micro[i % 8];
        const long number = i / 8 * 3 + (i % 8) / 3 + 1;
        assert_int_equal(step->first, want[0]);
        assert_int_equal(step->count, want[1]);
        assert_int_equal(step->group, want[2]);
        assert_int_equal(step->epoch, i / 8 + 1);
        assert_int_equal(step->number, number);
        assert_int_equal(fake.updates_before[i], number - 1);
        assert_int_equal(step->seed[0], 5);
        assert_int_equal(step->seed[1], 3);
        assert_int_equal(step->skip, 1);
        double lr = 0.01 * (number < 4 ? (double)number / 4 : 1);
        near((double)step->lr, lr, 1e-7);
        near((double)step->update[0], -lr, 1e-7);
    }
    config_free(s.config);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Each epoch takes every window once, in an order of its own that only the seed decides. */
static void the_order_of_an_epoch(void **state)
{
    (void)state;
    uint32_t order[3][2][WINDOWS];
    static char *const seeds[] = {"run.seed=1", "run.seed=1", "run.seed=2"};
    for (int i = 0; i < 3; i++) {
        struct setting s;
        SETTING(&s, 30, "train.epochs=2", seeds[i]);
        s.run.progress.epoch = i == 1; /* a run that goes on with epoch 2 */
        trained(&s);
        memcpy(order[i], fake.order + 1, sizeof order[i]);
        for (int epoch = i == 1; epoch < 2; epoch++) {
            uint32_t sorted[WINDOWS];
            memcpy(sorted, order[i][epoch], sizeof sorted);
            qsort(sorted, WINDOWS, sizeof *sorted, ascending);
            assert_memory_equal(sorted, s.start, sizeof sorted);
            assert_memory_not_equal(order[i][epoch], s.start, sizeof sorted);
        }
        config_free(s.config);
    }
    assert_memory_not_equal(order[0][0], order[0][1], sizeof order[0][0]);
    assert_memory_equal(order[0][1], order[1][1], sizeof order[0][0]);
    assert_memory_not_equal(order[0][0], order[2][0], sizeof order[0][0]);
}

/* --- which epoch is the best */

enum { SOME = 6 };
static void judged(char *mode, char *min_delta, const double value[SOME], const char *wants)
{
    struct setting s;
    SETTING(&s, 4, "train.epochs=6", mode, min_delta);
    for (int i = 0; i < SOME; i++)
        fake.validation[i + 1].loss = value[i];
    trained(&s);
    long bests = 0, last = 0;
    for (int i = 0; i < SOME; i++) {
        int is = json_is_true(json_object_get(fake.event[i], "best"));
        if (is != (wants[i] == '1'))
            fail_msg("%s, %s: epoch %d is%s the best so far", mode, min_delta, i + 1,
                     is ? "" : " not");
        if (is)
            assert_int_equal(fake.best[bests++], last = i + 1);
    }
    assert_int_equal(fake.bests, bests);
    assert_int_equal(s.run.progress.best_epoch, last);
    assert_int_equal(s.run.progress.stale, SOME - last);
    assert_true(s.run.progress.best == value[last - 1] || isnan(value[last - 1]));
    assert_int_equal(fake.programs, bests + (wants[0] == '0')); /* kept for the next run */
    config_free(s.config);
}

static void the_best_epoch(void **state)
{
    (void)state;
    static char min[] = "train.mode=min", max[] = "train.mode=max";
    static char none[] = "train.min_delta=0", half[] = "train.min_delta=0.5";
    judged(min, none, (double[]){3, 2, 2, 1, 5, 0.5}, "110101");
    judged(max, none, (double[]){3, 2, 4, 4, -1, 5}, "101001");
    judged(min, half, (double[]){3, 2.75, 2.5, 2.25, 1.75, 1}, "100101");
    judged(max, half, (double[]){3, 3.25, 3.5, 3.75, 4.25, 5}, "100101");
    /* what is not finite is better than nothing and worse than anything else */
    judged(min, none, (double[]){NAN, NAN, 5, -INFINITY, 4, NAN}, "101010");
    judged(max, none, (double[]){INFINITY, NAN, 1, INFINITY, 4, 3}, "101010");
}

/* Whatever train.monitor names looks at its own figure. */
static void the_monitored_figure(void **state)
{
    (void)state;
    static char *const monitor[] = {"train.monitor=val_loss", "train.monitor=val_reconstruction",
                                    "train.monitor=val_contrastive", "train.monitor=train_loss"};
    for (int k = 0; k < 4; k++) {
        struct setting s;
        SETTING(&s, 4, "train.epochs=6", monitor[k]);
        for (int i = 1; i <= SOME; i++) {
            fake.validation[i] =
                (struct evaluation){i == 2 ? 1 : 9, {i == 3 ? 1 : 9, i == 4 ? 1 : 9}};
            fake.metrics[i].loss[0] = i == 5 ? 1 : 9;
        }
        trained(&s);
        assert_int_equal(s.run.progress.best_epoch, k + 2);
        assert_true(s.run.progress.best == 1);
        config_free(s.config);
    }
}

static double told(long event, const char *key)
{
    const json_t *value = json_object_get(fake.event[event], key);
    if (!value)
        fail_msg("no %s", key);
    return json_is_null(value) ? NAN : json_number_value(value);
}

/* What the task measures in the epoch that has ended. */
static int measure(const struct measuring *of, struct evaluation *evaluation, double *figure,
                   struct error *err)
{
    static const double figures[] = {0.1, 0.4, NAN, 0.3, 0.5, 0.45};
    assert_int_equal(of->which, 1);
    assert_int_equal(of->epoch, fake.epoch);
    *figure = figures[fake.epoch - 1];
    return engine_evaluate_together(of->e, of->start, of->count, evaluation, err);
}

/* A metric that should rise: the highest is the best, and each epoch tells it. */
static void a_metric(void **state)
{
    (void)state;
    static const struct metric metrics[] = {{"mae", 1}, {"r2", 0}};
    struct setting s;
    struct error err = {0};
    SETTING(&s, 4, "train.epochs=6", "train.patience=9");
    assert_int_equal(config_set(s.config, "train", "monitor", "val/r2", &err), 0);
    assert_int_equal(
        monitor_find(&s.run.monitor, s.config, (struct measures){metrics, 2, measure, NULL}, &err),
        0);
    trained(&s);
    assert_int_equal(s.run.progress.best_epoch, 5);
    assert_true(s.run.progress.best == 0.5 && s.run.progress.stale == 1);
    assert_int_equal(fake.bests, 3);
    assert_true(told(1, "val_r2") == 0.4 && isnan(told(2, "val_r2")) && told(4, "val_r2") == 0.5);
    assert_true(told(1, "val_loss") == 2);
    assert_non_null(strstr(fake.said, " C 0.000000), r2 0.400000 | grad"));
    config_free(s.config);
}

static void patience(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 4, "train.epochs=9", "train.patience=2", "train.schedule=constant");
    fake.validation[2].loss = 9; /* 1, 9, 0.5, 4, 5: the second is forgotten with the third */
    fake.validation[3].loss = 0.5;
    assert_false(train_is_over(&s.run));
    trained(&s);
    assert_int_equal(s.run.progress.epoch, 5);
    assert_true(train_is_over(&s.run));
    assert_non_null(strstr(fake.said, "Stopped early: no improvement for 2 epochs.\n"));
    assert_int_equal(fake.saved[fake.saves - 1].epoch, 5);
    s.run.progress.stale = 1;
    assert_false(train_is_over(&s.run));
    config_free(s.config);

    SETTING(&s, 4, "train.epochs=9", "train.patience=0");
    trained(&s);
    assert_int_equal(s.run.progress.epoch, 9);
    assert_null(strstr(fake.said, "Stopped early"));
    config_free(s.config);
}

static void plateau(void **state)
{
    (void)state;
    /* Two epochs without improvement are one too many; the sixth improves. */
    static const double value[] = {1, 2, 2, 2, 2, 0.5, 2, 2, 2},
                        rate[] = {8, 8, 8, 4, 4, 2, 2, 2, 1};
    struct setting s;
    for (int plateau = 0; plateau < 2; plateau++) {
        SETTING(&s, 4, "train.epochs=9", "train.lr=8", "train.warmup=0 steps", "train.lr_min=0",
                "train.plateau_patience=1", "train.plateau_factor=0.5",
                plateau ? "train.schedule=plateau" : "train.schedule=constant");
        for (int i = 0; i < 9; i++)
            fake.validation[i + 1].loss = value[i];
        trained(&s);
        for (int i = 0; i < 9; i++) {
            assert_true((double)fake.step[i].lr == (plateau ? rate[i] : 8));
            assert_true(json_real_value(json_object_get(fake.event[i], "lr")) ==
                        (double)fake.step[i].lr);
        }
        assert_true(s.run.progress.factor == (plateau ? 0.125 : 1));
        config_free(s.config);
    }
}

/* --- when a checkpoint is written */

/* Four steps an epoch, six epochs; `wants` are the steps behind which there is one. */
static void saved(char *every, long seconds, const long *wants)
{
    struct setting s;
    SETTING(&s, 8, "train.batch=2", "train.epochs=6", every);
    fake.tick = seconds * 1000000000;
    trained(&s);
    for (long i = 0; i < fake.saves; i++) {
        const struct progress *p = &fake.saved[i];
        if (p->step != wants[i])
            fail_msg("%s: a checkpoint behind step %ld, not %ld", every, p->step, wants[i]);
        assert_int_equal(p->epoch, p->step / 4);
        assert_int_equal(p->done, p->step % 4 * 2);
        assert_int_equal(p->log_bytes, 77 + i);
        assert_true(p->seconds == (double)(seconds * p->step));
    }
    assert_int_equal(wants[fake.saves], 0);
    assert_true(s.run.progress.seconds == (double)(seconds * 24));
    config_free(s.config);
}

static void checkpoints(void **state)
{
    (void)state;
    saved("train.checkpoint=1 epochs", 1, (const long[]){4, 8, 12, 16, 20, 24, 0});
    saved("train.checkpoint=2 epochs", 1, (const long[]){8, 16, 24, 0});
    saved("train.checkpoint=4 epochs", 1, (const long[]){16, 24, 0}); /* the end is always kept */
    saved("train.checkpoint=9 epochs", 1, (const long[]){24, 0});
    saved("train.checkpoint=0.5 epochs", 1,
          (const long[]){2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 0});
    saved("train.checkpoint=3 steps", 1, (const long[]){3, 6, 9, 12, 15, 18, 21, 24, 0});
    saved("train.checkpoint=7 steps", 1, (const long[]){7, 14, 21, 24, 0});
    /* minutes since the last one: 120 s are two minutes, 119 are not yet */
    saved("train.checkpoint=2 minutes", 60,
          (const long[]){2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 0});
    saved("train.checkpoint=2 minutes", 59, (const long[]){3, 6, 9, 12, 15, 18, 21, 24, 0});
    saved("train.checkpoint=2 minutes", 25, (const long[]){5, 10, 15, 20, 24, 0});
}

/* --- interruptions */

/* A run that is stopped with its micro-batch `at` does the rest when it goes on. */
static void stopped_and_resumed(long at, long saves_at, uint64_t done)
{
    struct setting s;
    SETTING(&s, 8, "train.batch=2", "train.epochs=3", "train.checkpoint=9 epochs");
    fake.interrupt_at = at;
    trained(&s);
    assert_int_equal(fake.saves, 1);
    assert_int_equal(fake.saved[0].step, saves_at);
    assert_int_equal(fake.saved[0].epoch, saves_at / 4);
    assert_int_equal(fake.saved[0].done, done);
    assert_int_equal(fake.micros, saves_at);
    signalled = 0;
    fake.interrupt_at = 0;
    trained(&s);
    assert_int_equal(fake.micros, 12);
    for (long i = 0; i < 12; i++) {
        assert_int_equal(fake.step[i].number, i + 1);
        assert_int_equal(fake.step[i].first, i % 4 * 2);
    }
    assert_int_equal(fake.saved[fake.saves - 1].epoch, 3);
    assert_true(s.run.progress.seconds == 12);
    config_free(s.config);
}

static void interrupted(void **state)
{
    (void)state;
    stopped_and_resumed(3, 3, 6);
    stopped_and_resumed(6, 6, 4);
    stopped_and_resumed(4, 4, 0); /* the epoch's last step: the epoch is ended first */
}

/* --- figures that are not finite */

static void a_step_that_is_not_finite_stops(void **state)
{
    (void)state;
    struct setting s;
    struct error err = {0};
    SETTING(&s, 30, "train.batch=1", "train.lr=0.5", "train.schedule=constant",
            "train.warmup=10 steps");
    fake.metrics[1].latched = 1;
    fake.metrics[1].bad_first = 4;
    fake.metrics[1].bad_value = NAN;
    fake.metrics[1].bad_norm = -INFINITY;
    fake.tick = 5000000000;
    assert_int_equal(train(&s.run, &err), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_non_null(strstr(err.text, "training stopped: step 4 (epoch 1, learning rate 0.2) is not "
                                     "finite: loss nan, gradient norm inf; the last good "));
    assert_int_equal(fake.micros, 3); /* more than ten seconds: the sums are looked at */
    assert_int_equal(fake.saves + fake.bests, 0);
    config_free(s.config);

    SETTING(&s, 30, "train.batch=1", "train.epochs=1");
    fake.read_metrics_fails = 1;
    assert_int_equal(train(&s.run, &err), -1);
    assert_int_equal(err.status, STATUS_DEVICE);
    config_free(s.config);
}

/* The sums are looked at every ten seconds and with the epoch's end, not at each step. */
static void looks(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 30, "train.batch=1", "train.epochs=2");
    fake.tick = 4000000000;
    trained(&s);
    assert_int_equal(fake.looks, 60 / 3 + 2);
    config_free(s.config);
}

static void steps_left_out_are_told_once(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 4, "train.epochs=2", "train.on_nonfinite=skip", "train.batch=1");
    fake.metrics[1].bad = 2;
    fake.metrics[1].bad_first = 3;
    fake.metrics[1].bad_value = INFINITY;
    fake.metrics[1].bad_norm = 7;
    s.run.progress.metrics.bad = 1; /* told before an interruption */
    fake.tick = 20000000000;
    trained(&s);
    assert_string_equal(fake.warned,
                        "epoch 1: 1 step(s) left out that were not finite, the first step 3 (loss "
                        "inf, gradient norm 7)\n");
    config_free(s.config);
}

/* --- what is watched */

static double alarmed(long i, const char *key)
{
    return json_number_value(json_object_get(fake.alarmed[i], key));
}

/* Four steps an epoch, each a stretch: three slow ones behind each other are told, once. */
static void a_slow_training_is_told(void **state)
{
    (void)state;
    static const struct {
        long from, to;
        char *share;
        atomic_long alarms;
    } cases[] = {{20, 23, "log.slow=0.5", 1}, {20, 30, "log.slow=0.5", 1},
                 {20, 22, "log.slow=0.5", 0}, {20, 30, "log.slow=0.3", 0},
                 {20, 30, "log.slow=0", 0},   {1, 5, "log.slow=0.5", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setting s;
        SETTING(&s, 8, "train.batch=2", "train.epochs=10", cases[i].share);
        fake.tick = 20000000000;
        fake.slow_from = cases[i].from;
        fake.slow_to = cases[i].to;
        trained(&s);
        assert_int_equal(fake.alarms, cases[i].alarms);
        if (fake.alarms) {
            assert_string_equal(fake.alarm[0], "slow");
            assert_int_equal(alarmed(0, "step"), 23);
            assert_int_equal(alarmed(0, "epoch"), 5);
            near(alarmed(0, "windows_per_second"), 2.0 / 60, 1e-9);
            near(alarmed(0, "median"), 0.1, 1e-9);
        }
        forget();
        config_free(s.config);
    }
}

/* Short epochs make a stretch together; what is between them does not count. */
static void stretches_of_short_epochs(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 8, "train.batch=8", "train.epochs=60");
    fake.tick = 4000000000; /* three epochs are a stretch of 12 s */
    fake.slow_from = 30;
    fake.slow_to = 60; /* then each is one of 12 s */
    trained(&s);
    assert_int_equal(fake.alarms, 1);
    assert_string_equal(fake.alarm[0], "slow");
    assert_int_equal(alarmed(0, "step"), 34); /* the stretch of steps 29 to 31 is none of them */
    near(alarmed(0, "median"), 2, 1e-9);
    forget();
    config_free(s.config);
}

/* Losses and norms of epochs: three behind each other that are far above all before are told. */
static void a_diverging_training_is_told(void **state)
{
    (void)state;
    static const struct {
        char *most;
        float loss, norm;
        int epochs; /* so long from the 30th on */
        long alarms;
    } cases[] = {{"log.diverging=6", 3, 1, 3, 1},         {"log.diverging=6", 1, 3, 3, 1},
                 {"log.diverging=6", 3, 3, 20, 2},        {"log.diverging=6", 3, 3, 2, 0},
                 {"log.diverging=50", 3, 3, 20, 0},       {"log.diverging=0", 90, 90, 20, 0},
                 {"log.diverging=6", 1.25F, 1.25F, 9, 0}, {"log.diverging=6", 0.1F, 0, 9, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setting s;
        SETTING(&s, 8, "train.batch=8", "train.epochs=50", cases[i].most);
        for (int epoch = 1; epoch <= 50; epoch++) {
            const int is = epoch >= 30 && epoch < 30 + cases[i].epochs;
            const float usual = 1 + 0.01F * (float)(epoch % 3);
            fake.metrics[epoch].loss[0] = is ? cases[i].loss : usual;
            fake.metrics[epoch].norm_sum[0] = is ? cases[i].norm : usual;
        }
        trained(&s);
        assert_int_equal(fake.alarms, cases[i].alarms);
        for (long k = 0; k < fake.alarms; k++) {
            const json_t *figure = json_object_get(fake.alarmed[k], "figure");
            assert_string_equal(fake.alarm[k], "diverging");
            assert_string_equal(json_string_value(figure),
                                cases[i].loss > 1 && !k ? "train_loss" : "grad_norm");
            assert_int_equal(alarmed(k, "step"), 32);
            near(alarmed(k, "value"), 3, 1e-6);
            assert_true(alarmed(k, "z") > 30 && alarmed(k, "z") < 45); /* 5% of the mean */
        }
        forget();
        config_free(s.config);
    }
}

/* A batch that does not come back for eleven minutes is told while it is waited for. */
static void a_stalled_training_is_told(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 8, "train.batch=4", "train.epochs=3");
    fake.stalls_at = 4;
    trained(&s);
    assert_int_equal(fake.alarms, 1);
    assert_string_equal(fake.alarm[0], "stalled");
    assert_int_equal(alarmed(0, "step"), 3);
    assert_true(alarmed(0, "seconds") >= 600);
    forget();
    config_free(s.config);
}

/* Steps of 1 s, and what the sensors tell behind them: it is hot once an excursion, which ends more
 * than five degrees below. What is not told changes nothing. */
static void a_hot_device_is_told(void **state)
{
    (void)state;
    static const double celsius[] = {0,  70, 80, 79,  81, 76, 75, 80, NAN, 74, 90,
                                     91, 10, 99, NAN, 99, 20, 20, 20, 20,  20};
    static const long hot[] = {2, 10, 13};
    char *most[] = {"log.hot=80", "log.hot=0", "log.hot=100"};
    for (size_t i = 0; i < 3; i++) {
        struct setting s;
        SETTING(&s, 8, "train.batch=2", "train.epochs=5", most[i]);
        fake.celsius = celsius;
        s.run.telemetry = (struct telemetry *)&fake;
        trained(&s);
        assert_int_equal(fake.alarms, i ? 0 : 3);
        for (long k = 0; k < fake.alarms; k++) {
            assert_string_equal(fake.alarm[k], "hot");
            assert_int_equal(alarmed(k, "step"), hot[k]);
            assert_true(alarmed(k, "limit") == 80);
            assert_true(alarmed(k, "temperature") == celsius[hot[k]]);
        }
        forget();
        config_free(s.config);
    }
}

/* Objects of their own every 3 s, and in those of epochs what the sensors tell. */
static void sensors_are_told(void **state)
{
    (void)state;
    static const double celsius[] = {0,  51, 52, NAN, 54, 55, 56,  57, 58, 59, 60,
                                     61, 62, 63, 64,  65, 66, NAN, 68, 69, 70};
    static char *const ways[][2] = {{"log.telemetry=no", "log.telemetry_every=3s"},
                                    {"log.telemetry=yes", "log.telemetry_every=none"}};
    for (size_t i = 0; i < 2; i++) {
        struct setting s;
        long own = 0, epochs = 0;
        SETTING(&s, 8, "train.batch=2", "train.epochs=5", ways[i][0], ways[i][1]);
        fake.celsius = celsius;
        s.run.telemetry = (struct telemetry *)&fake;
        trained(&s);
        for (long k = 0; k < fake.events; k++) {
            const json_t *told_of = json_object_get(fake.event[k], "telemetry");
            const json_int_t step = json_integer_value(json_object_get(fake.event[k], "step"));
            const int is_epoch = json_object_get(fake.event[k], "epochs") != NULL;
            if (is_epoch && !i) {
                assert_null(told_of);
                continue;
            }
            own += !is_epoch;
            epochs += is_epoch;
            if (isfinite(celsius[step])) {
                assert_true(json_number_value(json_object_get(told_of, "temperature")) ==
                            celsius[step]);
                assert_true(json_number_value(json_object_get(told_of, "age")) == 0.25);
            } else {
                assert_true(json_is_null(json_object_get(told_of, "temperature")));
                assert_true(json_is_null(json_object_get(told_of, "age")));
            }
            assert_true(is_epoch || (step - 1) % 3 == 0);
        }
        assert_int_equal(own, i ? 0 : 6); /* behind steps 4, 7, 10, 13, 16, 19 */
        assert_int_equal(epochs, i ? 5 : 0);
        forget();
        config_free(s.config);
    }
}

/* Four steps an epoch of 1 s each; `wants` are the steps that have an object of their own. */
static void objects(char *every, const long *wants)
{
    struct setting s;
    long n = 0;
    SETTING(&s, 8, "train.batch=2", "train.epochs=3", "train.checkpoint=9 epochs", every);
    trained(&s);
    for (long i = 0; i < fake.events; i++) {
        const json_int_t step = json_integer_value(json_object_get(fake.event[i], "step"));
        if (json_object_get(fake.event[i], "epochs"))
            continue;
        if (step != wants[n])
            fail_msg("%s: an object behind step %ld, not %ld", every, (long)step, wants[n]);
        assert_int_equal(json_integer_value(json_object_get(fake.event[i], "epoch")), step / 4);
        near(told(i, "windows_per_second"), 2, 1e-9);
        assert_true(told(i, "host_bytes") > 65536);
        n++;
    }
    assert_int_equal(wants[n], 0);
    assert_int_equal(fake.events, n + 3);
    config_free(s.config);
}

static void objects_between_epochs(void **state)
{
    (void)state;
    objects("log.every=0 steps", (const long[]){0});
    objects("log.every=1 steps", (const long[]){1, 2, 3, 5, 6, 7, 9, 10, 11, 0});
    objects("log.every=3 steps", (const long[]){3, 6, 9, 0}); /* the 12th is an epoch's */
    objects("log.every=0.5 epochs", (const long[]){2, 6, 10, 0});
    objects("log.every=1 epochs", (const long[]){0});
    objects("log.every=0.1 minutes", (const long[]){6, 0}); /* from the 6th the 12th is due */
    objects("log.every=50%", (const long[]){6, 0});
}

/* Their figures are those of the steps since the object before. */
static void figures_between_epochs(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 8, "train.batch=2", "train.epochs=1", "log.every=2 steps");
    fake.metrics[1] = (struct metrics){
        .loss = {10, 2}, .samples = {6, 2}, .norm_sum = {8, 2}, .norm_max = 4.5F, .steps = 4};
    trained(&s);
    assert_int_equal(fake.events, 2);
    near(told(0, "train_loss"), 1.5, 1e-9);
    near(told(0, "grad_norm"), 2.5, 1e-9);
    config_free(s.config);
}

/* --- what is told */

static void an_epochs_figures(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 8, "train.batch=2", "train.epochs=3", "train.lr=0.25", "train.schedule=constant",
            "train.warmup=0 steps");
    fake.metrics[1] = (struct metrics){.loss = {10, 2},
                                       .term = {{5, 1}, {8, 4}},
                                       .samples = {6, 2},
                                       .norm_sum = {8, 2},
                                       .norm_max = 4.5,
                                       .steps = 4};
    fake.validation[1] = (struct evaluation){1.5, {0.5, 1}};
    fake.tick = 500; /* 2 us an epoch: 4 million windows a second */
    trained(&s);
    assert_int_equal(fake.events, 3);
    const char *line =
        "Epoch 0001/3 | LR 2.50e-01 | train 1.500000 (R 0.750000 C 1.500000) | val "
        "1.500000 (R 0.500000 C 1.000000) | grad 2.50 (max 4.50) | 4,000,000 win/s | "
        "ETA 0:00:00 | best\n";
    assert_memory_equal(fake.said, line, strlen(line));
    static const struct {
        const char *key;
        double value;
    } want[] = {{"epoch", 1},
                {"epochs", 3},
                {"step", 4},
                {"lr", 0.25},
                {"train_loss", 1.5},
                {"train_reconstruction", 0.75},
                {"train_contrastive", 1.5},
                {"val_loss", 1.5},
                {"val_reconstruction", 0.5},
                {"val_contrastive", 1},
                {"grad_norm", 2.5},
                {"grad_norm_max", 4.5},
                {"seconds", 2e-6},
                {"windows_per_second", 4e6},
                {"device_bytes", 4321}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        near(told(0, want[i].key), want[i].value, 1e-12);
    assert_true(told(0, "host_bytes") > 65536 && told(0, "host_bytes") < 1e12);
    near(told(0, "start_seconds"), 5e-7, 1e-9); /* up to the end of the first step, told once */
    assert_null(json_object_get(fake.event[1], "start_seconds"));

    const struct epoch_figures *f = &s.run.progress.history[0];
    assert_int_equal(s.run.progress.epochs, 3);
    assert_true(f->epoch == 1 && f->train.loss == 1.5 && f->train.term[0] == 0.75 &&
                f->train.term[1] == 1.5 && f->val.loss == 1.5 && f->val.term[0] == 0.5 &&
                f->val.term[1] == 1 && f->lr == 0.25 && f->grad_mean == 2.5 && f->grad_max == 4.5);
    near(f->seconds, 2e-6, 1e-12);
    config_free(s.config);
}

/* A model with targets has one term, named after its loss; without validation nothing is said of
 * it. The rest of the run takes as long as its epochs did. */
static void one_term_and_no_validation(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 8, "train.batch=2", "train.epochs=4", "train.monitor=train_loss");
    fake.terms = (struct terms){{{.name = "huber", .over = TERM_SAMPLES, .lower_is_better = 1}}, 1};
    fake.metrics[1].loss[0] = fake.metrics[1].term[0][0] = 3;
    fake.metrics[2].loss[0] = 9;
    fake.tick = 1000 * 1000000000L;
    s.data.count[PART_VALIDATION] = 0;
    trained(&s);
    assert_int_equal(strncmp(fake.said, "Epoch 0001/4 | LR ", 18), 0);
    assert_non_null(strstr(fake.said,
                           " | train huber 3.000000 | grad 0.00 (max 0.00) | 0 win/s | ETA "
                           "3:20:00 | best\n"));
    assert_non_null(strstr(fake.said, "ETA 2:13:20\n"));
    assert_null(strstr(fake.said, "val"));
    assert_true(told(0, "train_huber") == 3 && isnan(told(0, "val_huber")) &&
                isnan(told(0, "val_loss")) && told(0, "train_loss") == 3);
    assert_null(json_object_get(fake.event[0], "train_contrastive"));
    near(told(0, "windows_per_second"), 0.002, 1e-12);
    config_free(s.config);

    SETTING(&s, 8, "train.batch=2", "train.epochs=1");
    fake.terms = (struct terms){{{.name = "mse", .over = TERM_SAMPLES, .lower_is_better = 1}}, 1};
    fake.validation[1].loss = 0.25;
    fake.tick = 1000000; /* 8 windows in 4 ms */
    trained(&s);
    assert_non_null(strstr(fake.said, " | val 0.250000 | grad"));
    assert_non_null(strstr(fake.said, "| 2,000 win/s | ETA 0:00:00 | best\n"));
    config_free(s.config);
}

/* How long it takes is looked at after each epoch, in a long one after half a minute already, until
 * it has been told. */
static void the_time_left(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 8, "train.batch=2", "train.epochs=3"); /* 4 steps of 1 s an epoch */
    trained(&s);
    assert_int_equal(fake.asked, 3);
    near(fake.seconds_left + 1, 1, 1e-9);
    config_free(s.config);

    SETTING(&s, 8, "train.batch=2", "train.epochs=3");
    fake.tick = 40 * INT64_C(1000000000);
    fake.interrupt_at = 1;
    trained(&s);
    assert_int_equal(fake.asked, 1);
    near(fake.seconds_left, 11 * 40, 1e-9); /* of 12 steps one is done */
    config_free(s.config);

    SETTING(&s, 8, "train.batch=2", "train.epochs=60");
    fake.tick = 5 * INT64_C(1000000000);
    trained(&s);
    assert_int_equal(fake.asked, 1); /* told behind the first epoch, and not again */
    near(fake.seconds_left, 59 * 20, 1e-9);
    config_free(s.config);
}

/* A rising gradient norm is told when ten epochs are there, and again ten epochs later. */
static void advice(void **state)
{
    (void)state;
    struct setting s;
    SETTING(&s, 4, "train.epochs=25");
    for (int i = 0; i < MOST; i++)
        fake.metrics[i].norm_sum[0] = (float)pow(1.5, i);
    trained(&s);
    assert_int_equal(fake.advices, 2);
    const char *tenth = strstr(fake.said, "Epoch 0010/25"),
               *twentieth = strstr(fake.said, "Epoch 0020/");
    const char *advice =
        strstr(fake.said, "Advice: the gradient norm keeps rising, and the loss does "
                          "not fall: a lower lr");
    assert_true(tenth && twentieth && advice && advice > tenth);
    assert_ptr_equal(advice, strchr(tenth, '\n') + 1);
    assert_ptr_equal(strstr(advice + 1, "Advice: "), strchr(twentieth, '\n') + 1);
    config_free(s.config);

    SETTING(&s, 4, "train.epochs=25");
    for (int i = 0; i < MOST; i++) /* steady in all but the first ten */
        fake.metrics[i].norm_sum[0] = i > 10 ? 1e6f : 1e6f - 1 / (1 + (float)i);
    trained(&s);
    assert_int_equal(fake.advices, 0);
    config_free(s.config);

    SETTING(&s, 4, "train.epochs=25");
    for (int i = 0; i < MOST; i++) { /* rising, but the loss falls */
        fake.metrics[i].norm_sum[0] = (float)pow(1.5, i);
        fake.metrics[i].loss[0] = 1 / (1 + (float)i);
    }
    trained(&s);
    assert_int_equal(fake.advices, 0);
    config_free(s.config);
}

static void a_best_model_that_cannot_be_written(void **state)
{
    (void)state;
    struct setting s;
    struct error err = {0};
    SETTING(&s, 4, "train.epochs=2");
    fake.write_best_fails = 1;
    assert_int_equal(train(&s.run, &err), -1);
    assert_string_equal(err.text, "no space");
    assert_int_equal(fake.saves, 0);
    config_free(s.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_checkpoint_is_kept),
        cmocka_unit_test(each_step_is_told_what_it_is),
        cmocka_unit_test(the_order_of_an_epoch),
        cmocka_unit_test(the_best_epoch),
        cmocka_unit_test(the_monitored_figure),
        cmocka_unit_test(a_metric),
        cmocka_unit_test(patience),
        cmocka_unit_test(plateau),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(a_step_that_is_not_finite_stops),
        cmocka_unit_test(looks),
        cmocka_unit_test(objects_between_epochs),
        cmocka_unit_test(figures_between_epochs),
        cmocka_unit_test(a_stalled_training_is_told),
        cmocka_unit_test(a_hot_device_is_told),
        cmocka_unit_test(sensors_are_told),
        cmocka_unit_test(a_slow_training_is_told),
        cmocka_unit_test(stretches_of_short_epochs),
        cmocka_unit_test(a_diverging_training_is_told),
        cmocka_unit_test(steps_left_out_are_told_once),
        cmocka_unit_test(histograms_of_some_epochs),
        cmocka_unit_test(an_epochs_figures),
        cmocka_unit_test(one_term_and_no_validation),
        cmocka_unit_test(advice),
        cmocka_unit_test(the_time_left),
        cmocka_unit_test(a_best_model_that_cannot_be_written),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("train", tests, NULL, NULL);
    forget();
    return failed;
}
