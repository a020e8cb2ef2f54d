/* SPDX-License-Identifier: MIT */
/*
 * forecast: the task of a model with targets: how well it predicts, by metrics in the transformed
 * and in the original unit, in prices where a target is a return, and against naive forecasts; the
 * pictures of that, and tables of predictions. The task of signals adds to it.
 */
#ifndef TASK_FORECAST_H
#define TASK_FORECAST_H

#include "analysis/regression.h"
#include "analysis/skill.h"
#include "task/task_class.h"
#include "train/monitor.h"

extern const struct task_class task_forecast;

struct forecast {
    struct regression transformed, original, price;
    int has_price;         /* the targets can be turned into prices */
    enum naive rival;      /* the naive forecast that was best in training; NAIVES: none is known */
    double rival_training; /* its mean squared error there, as the model sees the targets */
    struct skill skill;    /* against it, as the model sees the targets */
    size_t outside;        /* predictions beyond the range of the inverse transform */

    /* At most FORECAST_POINTS predictions of the first target's last row, series behind each other
     * and ascending in time, in the original unit and as the model sees them; for row-by-row
     * targets the part's first rows. */
    double *actual, *predicted, *seen_actual, *seen_predicted;
    uint32_t *point_row; /* [points] row of the dataset that is predicted */
    size_t points;
    double independent; /* how many of them share no data with another */
};
#define FORECAST_POINTS 50000

/* That of a result; NULL: of a task without targets. */
struct forecast *forecast_of(const struct task_result *r);

/* Takes each row that row-by-row targets are predicted for, once and in order, with what was
 * measured and what was predicted, [targets] in their own unit. */
struct forecast_rows {
    void (*take)(void *to, const struct dataset *data, size_t row, const double *actual,
                 const double *predicted);
    void *to;
};

/* Fills a forecast and result->evaluation; `rows` NULL: none are wanted. 1: interrupted; then, and
 * where it fails, there is nothing to free. */
int forecast_evaluate(struct forecast *f, struct task_result *result, const uint32_t *start,
                      const struct forecast_rows *rows, struct log *log, struct error *err);
void forecast_fini(struct forecast *f);

/* The table of predictions, see task_class.h. */
int forecast_ready(struct task_table *table, struct error *err);
int forecast_begin(struct task_table *table, struct error *err);
void forecast_put(struct task_table *table, const struct task_window *window);
size_t forecast_answer(struct task_table *table, const struct task_window *window, double *to,
                       int64_t *time);
void forecast_end(struct task_table *table);

/* Metrics as JSON, and the number of windows and the loss behind them. */
json_t *forecast_json(const struct forecast *f, const struct dataset *data);
void forecast_set_loss(json_t *all, const struct task_result *r);

/* Metrics of all targets, as the model sees them. */
enum forecast_metric { FORECAST_MSE, FORECAST_MAE, FORECAST_RMSE, FORECAST_R2, FORECAST_DIRECTION };
double forecast_figure(const struct forecast *f, enum forecast_metric which);

/* What train.monitor may name of a model with targets: these. */
struct measures forecast_measures(const struct config *config);

/* The same in words, with the verdict; and as the log's event, which takes the JSON over. */
void forecast_tell(const struct task_result *r, const struct task_report_to *to);
void forecast_event(json_t *event, const struct task_result *r, const struct task_report_to *to);

/* "better than the last value: MSE 0.6 against 0.8, 25% less (transformed; by chance in 1 of 300
 * cases)" in `text`, which is returned. */
const char *forecast_verdict(const struct forecast *f, const struct dataset *data, char *text,
                             size_t size);

/* What the classes of both tasks have in common. */
struct task_baseline forecast_baseline(const struct task_result *r);
int forecast_keep_known(struct dataset *data, const struct config *config, const char *path,
                        struct error *err);
int forecast_predict(const struct task_prediction *p, struct error *err);

/* The target's value in its own unit, of a row of a series. */
double forecast_value(const struct dataset *data, size_t row, size_t target, double transformed,
                      size_t *outside);

#endif
