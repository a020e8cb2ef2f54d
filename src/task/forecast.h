/* SPDX-License-Identifier: MIT */
/*
 * targets: how well a model with targets predicts a part of the data: metrics in the transformed
 * and in the original unit, in prices where a target is a return, and against naive forecasts; for
 * I/Q signals NMSE, ACLR and EVM; and the pictures of all that.
 */
#ifndef TASK_FORECAST_H
#define TASK_FORECAST_H

#include <jansson.h>

#include "analysis/regression.h"
#include "analysis/signal.h"
#include "analysis/skill.h"
#include "log/log.h"
#include "plots/plots.h"
#include "train/checkpoint.h"
#include "train/engine.h"
#include "train/monitor.h"

/* Figures of an I/Q signal in dB; NaN where the configuration does not say enough. */
struct signal_figures {
    double nmse, nmse_pooled; /* mean over segments of dB, and all as one segment */
    double aclr_left, aclr_right, evm;
    double measured_left, measured_right; /* ACLR of the measured output */
};

struct target_report {
    struct regression transformed, original, price;
    int has_price;         /* the targets can be turned into prices */
    enum naive rival;      /* the naive forecast that was best in training; NAIVES: none is known */
    double rival_training; /* its mean squared error there, as the model sees the targets */
    struct skill skill;    /* against it, as the model sees the targets */
    size_t outside;        /* predictions beyond the range of the inverse transform */

    /* At most TARGET_POINTS predictions of the first target's last row, series behind each other
     * and ascending in time, in the original unit and as the model sees them; for row-by-row
     * targets the part's first rows. */
    double *actual, *predicted, *seen_actual, *seen_predicted;
    uint32_t *point_row; /* [points] row of the dataset that is predicted */
    size_t points;
    double independent; /* how many of them share no data with another */

    /* Row-by-row targets I and Q: the part as one signal, [samples, 2]; NULL otherwise. */
    double *input, *output, *model;
    size_t samples;
    struct signal_channel channel; /* 0 where not known */
    struct signal_figures signal;
};
#define TARGET_POINTS 50000

/* Values of a target, raw and as the model sees it (NULL: not wanted), in the rows that windows of
 * a part have as targets: each row once, evenly spaced, at most `most`; *n of them. `target` counts
 * as data->transform does: with channels apart target k of a channel is channel * targets + k. */
int target_sample(const struct dataset *data, enum part part, size_t target, size_t most,
                  double *raw, double *seen, size_t *n, struct error *err);

/* Whether what reports will need can be read, before there is anything to report. */
int target_report_check(const struct config *config, struct error *err);

/* Tells which figures of a signal there will not be, and why, once its parts are known. */
void target_report_expect(const struct dataset *data, const struct config *config, struct log *log);

/* Evaluates windows; *evaluation as engine_evaluate() gives it. 1: interrupted. */
int target_report_init(struct target_report *r, struct engine *e, const uint32_t *start,
                       size_t count, struct evaluation *evaluation, struct log *log,
                       struct error *err);
void target_report_fini(struct target_report *r);

/* What train.monitor may name of a model with targets: metrics of all targets, as the model sees
 * them. */
struct measures target_measures(const struct config *config);

/* Metrics as JSON. */
json_t *target_report_json(const struct target_report *r, const struct dataset *data);

/* The same in words, with the verdict. train: the model's mean squared error in training; NaN where
 * it is not known. */
void target_report_tell(const struct target_report *r, const struct engine *e, const char *part,
                        double train, struct log *log);

/* "better than the last value: MSE 0.6 against 0.8, 25% less (transformed; by chance in 1 of 300
 * cases)" in `text`, which is returned. */
const char *target_report_verdict(const struct target_report *r, const struct dataset *data,
                                  char *text, size_t size);

/* The pictures that `wanted` names. */
int target_report_draw(const struct target_report *r, const struct engine *e, const char *part,
                       const char *folder, const struct plot_about *about,
                       int (*wanted)(const struct config *config, const char *plot),
                       struct error *err);

/* target_distribution.png: the first target of each part before and after its transform. */
int target_distribution_draw(const struct dataset *data, const struct config *config,
                             const char *path, const struct plot_about *about, struct error *err);

/* The name of a target as target_sample() counts them, and of a channel's column. */
void target_name(char *to, size_t size, const struct dataset *data, size_t target);
void channel_name(char *to, size_t size, const struct dataset *data, size_t channel);

/* A series' name for pictures: without the ending of its file and without what all of them have in
 * common before ": ". */
void series_label(char *to, size_t size, const struct dataset *data, size_t series);

/* The target's value in its own unit, of a row of a series. */
double target_value(const struct dataset *data, size_t row, size_t target, double transformed,
                    size_t *outside);

#endif
