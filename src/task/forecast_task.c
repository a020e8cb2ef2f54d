/* SPDX-License-Identifier: MIT */
/* The class of forecasts. */
#include <math.h>
#include <stdlib.h>

#include "task/forecast.h"
#include "util/jsonnumber.h"

static int forecasting_evaluate(struct task_result *r, const uint32_t *start, struct log *log,
                                struct error *err)
{
    struct forecast *own = calloc(1, sizeof *own);
    if (!own)
        return error_set(err, STATUS_FAILED, "out of memory");
    int ended = forecast_evaluate(own, r, start, NULL, log, err);
    if (ended)
        free(own);
    else
        r->own = own;
    return ended;
}

static void forecasting_release(struct task_result *r)
{
    forecast_fini(r->own);
    free(r->own);
}

static json_t *forecasting_json(const struct task_result *r)
{
    json_t *all = forecast_json(r->own, r->e->data);
    forecast_set_loss(all, r);
    return all;
}

void forecast_set_loss(json_t *all, const struct task_result *r)
{
    json_object_set_new(all, "windows", json_integer((json_int_t)r->windows));
    json_object_set_new(all, "loss", jsonnumber(r->evaluation.loss));
}

static void forecasting_tell(const struct task_result *r, const struct task_report_to *to)
{
    forecast_tell(r, to);
    forecast_event(forecasting_json(r), r, to);
}

void forecast_event(json_t *event, const struct task_result *r, const struct task_report_to *to)
{
    json_object_set_new(event, "part", json_string(to->part));
    task_set_fold(event, r->e->data);
    task_set_said(event, to->log);
    log_event(to->log, "verdict", event);
}

struct task_baseline forecast_baseline(const struct task_result *r)
{
    const struct forecast *own = forecast_of(r);
    const int loss = r->e->config->loss.target;
    struct regression_metrics m =
        regression_metrics(&own->transformed, REGRESSION_ALL, REGRESSION_ALL);
    /* the naive forecast that was best in training; where training compares none, the best here */
    enum naive rival = own->rival != NAIVES ? own->rival : regression_verdict(&m).best;
    if (rival == NAIVES)
        return (struct task_baseline){NAN, NULL, "the naive forecast"};
    return (struct task_baseline){loss == LOSS_MSE   ? m.naive_mse[rival]
                                  : loss == LOSS_MAE ? m.naive_mae[rival]
                                                     : NAN,
                                  naive_name[rival], "the naive forecast"};
}

const struct task_class task_forecast = {
    .forecasts = 1,
    .keep_known = forecast_keep_known,
    .evaluate = forecasting_evaluate,
    .release = forecasting_release,
    .json = forecasting_json,
    .tell = forecasting_tell,
    .baseline = forecast_baseline,
    .predict = forecast_predict,
    .begin = forecast_begin,
    .put = forecast_put,
    .end = forecast_end,
    .ready = forecast_ready,
    .answer = forecast_answer,
};
