/* SPDX-License-Identifier: MIT */
/* What can be monitored of a forecast. */
#include "task/forecast.h"

double forecast_figure(const struct forecast *f, enum forecast_metric which)
{
    struct regression_metrics m =
        regression_metrics(&f->transformed, REGRESSION_ALL, REGRESSION_ALL);
    const double all[] = {[FORECAST_MSE] = m.mse,
                          [FORECAST_MAE] = m.mae,
                          [FORECAST_RMSE] = m.rmse,
                          [FORECAST_R2] = m.r2,
                          [FORECAST_DIRECTION] = m.direction};
    return all[which];
}

static int forecast_measure(const struct measuring *of, struct evaluation *evaluation,
                            double *figure, struct error *err)
{
    struct task_result r;
    if (task_evaluate(&r, &task_forecast, of->e, of->start, of->count, of->log, err))
        return -1;
    *evaluation = r.evaluation;
    *figure = forecast_figure(forecast_of(&r), (enum forecast_metric)of->which);
    task_release(&r);
    return 0;
}

struct measures forecast_measures(const struct config *c)
{
    static const struct metric metrics[] = {[FORECAST_MSE] = {"mse", 1},
                                            [FORECAST_MAE] = {"mae", 1},
                                            [FORECAST_RMSE] = {"rmse", 1},
                                            [FORECAST_R2] = {"r2", 0},
                                            [FORECAST_DIRECTION] = {"directional_accuracy", 0}};
    /* rows have no value before them that a move could be counted from */
    const size_t count =
        c->data.target_rows == TARGET_WINDOW ? FORECAST_DIRECTION : FORECAST_DIRECTION + 1;
    return (struct measures){metrics, count, forecast_measure, NULL};
}
