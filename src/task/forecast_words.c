/* SPDX-License-Identifier: MIT */
/* Figures of predictions in words: a table, the verdict, and what helps. */
#include <math.h>
#include <string.h>

#include "models/model.h"
#include "task/column.h"
#include "task/forecast.h"
#include "train/advice.h"

/* --- the table */

/* Enough of them to see what is going on; all are in the log. */
#define SAID 8

struct line {
    const char *unit;
    struct regression_metrics m;
};

/* The lines of one target. */
static void say_target(struct log *log, const char *name, const struct line *line, size_t count,
                       const int scientific[3])
{
    log_say(log, "  %s", name);
    for (size_t i = 0; i < count; i++) {
        const struct regression_metrics *m = &line[i].m;
        char r2[16], direction[16] = "-";
        snprintf(r2, sizeof r2, isfinite(m->r2) ? m->r2 > -1e4 ? "%.4f" : "%.2e" : "-", m->r2);
        if (isfinite(m->direction))
            snprintf(direction, sizeof direction, "%.1f%%", 100 * m->direction);
        log_say(log, "    %-16s %10s %10s %10s %10s %10s%s", line[i].unit,
                column_figure(m->mse, scientific[0]).text,
                column_figure(m->mae, scientific[1]).text,
                column_figure(m->rmse, scientific[2]).text, r2, direction,
                isfinite(m->mse) ? "" : " no numbers");
    }
}

static void say_table(const struct forecast *r, const struct dataset *data, struct log *log)
{
    struct line line[SAID][3];
    size_t lines[SAID] = {0}, targets = data->targets < SAID ? data->targets : SAID;
    int scientific[3] = {0};
    for (size_t t = 0; t < targets; t++) {
        const struct regression *const unit[] = {data->transform[t].steps ? &r->transformed : NULL,
                                                 &r->original, r->has_price ? &r->price : NULL};
        static const char *const names[] = {"transformed", "original", "price"};
        for (size_t i = 0; i < 3; i++) {
            if (!unit[i])
                continue;
            struct regression_metrics m = regression_metrics(unit[i], t, REGRESSION_ALL);
            line[t][lines[t]++] = (struct line){names[i], m};
            scientific[0] |= column_is_long(m.mse);
            scientific[1] |= column_is_long(m.mae);
            scientific[2] |= column_is_long(m.rmse);
        }
    }
    log_say(log, "  %-18s %10s %10s %10s %10s %10s", "target", "MSE", "MAE", "RMSE", "R2",
            "direction");
    for (size_t t = 0; t < targets; t++)
        say_target(log, data->target_names[t], line[t], lines[t], scientific);
    if (data->targets > SAID)
        log_say(log, "  and %zu more targets, see log.jsonl", data->targets - SAID);
}

/* --- the verdict */

/* Against the naive forecast that was best in training, in the words that the test allows; where
 * there was no training part, beside the best of this part. */
static void put_verdict(const struct forecast *r, char *text, size_t size)
{
    const struct regression_metrics all =
        regression_metrics(&r->transformed, REGRESSION_ALL, REGRESSION_ALL);
    const struct skill *s = &r->skill;
    char ratio[REGRESSION_RATIO];
    if (r->rival == NAIVES || s->kind == SKILL_UNKNOWN || !isfinite(all.mse)) {
        struct regression_verdict v = regression_verdict(&all);
        snprintf(text, size, "%s", v.text);
        return;
    }
    double naive = all.naive_mse[r->rival];
    regression_ratio(all.mse, naive, ratio);
    if (s->kind == SKILL_FEW)
        snprintf(text, size,
                 "too few windows to tell, %.0f that are independent and not 10: MSE %.4g against "
                 "%.4g of the %s, %s",
                 floor(s->independent), all.mse, naive, naive_name[r->rival], ratio);
    else
        snprintf(text, size, "%s the %s: MSE %.4g against %.4g, %s",
                 s->kind == SKILL_BETTER  ? "better than"
                 : s->kind == SKILL_WORSE ? "worse than"
                                          : "not distinguishable from",
                 naive_name[r->rival], all.mse, naive, ratio);
}

/* " (transformed; by chance in 1 of 5 cases)": the figures' scale, and what they are worth. */
static void put_scale(const struct forecast *r, const struct dataset *data, char *text, size_t size)
{
    double chance = fmin(r->skill.better, r->skill.worse);
    char cases[64] = "";
    if (r->rival != NAIVES && isfinite(chance))
        snprintf(cases, sizeof cases,
                 chance < 1e-4 ? "by chance in fewer than 1 of 10000 cases"
                               : "by chance in 1 of %.0f cases",
                 1 / chance);
    const char *unit = data->transform[0].steps ? "transformed" : "";
    if (*unit || *cases)
        snprintf(text, size, " (%s%s%s)", unit, *unit && *cases ? "; " : "", cases);
}

const char *forecast_verdict(const struct forecast *r, const struct dataset *data, char *text,
                             size_t size)
{
    put_verdict(r, text, size);
    size_t used = strlen(text);
    put_scale(r, data, text + used, size - used);
    return text;
}

/* The key where targets are small beside a model's first outputs: a deviation below 0.1, which a
 * model of many epochs reaches all the same, so that no warning names it. */
static const char *for_small(const struct forecast *r, const struct engine *e)
{
    const struct config *c = e->config;
    int small = r->rival_training > 0 && r->rival_training < 0.1 * 0.1;
    return small && !e->data->transform[0].steps && !c->model.reversible_norm &&
                   c->loss.target != LOSS_BCE
               ? "data.target_transform = standard, "
               : "";
}

/* What helps where the model is not better, and is not set already. */
static void put_advice(const struct forecast *r, const struct engine *e, double train, char *text,
                       size_t size)
{
    const struct config *c = e->config;
    char why[256];
    const char *transform = advice_transform(c, e->data, why, sizeof why);
    if (transform)
        snprintf(text, size, "first %s: %s", transform, why);
    else if (!isfinite(regression_metrics(&r->transformed, REGRESSION_ALL, REGRESSION_ALL).mse))
        snprintf(text, size, "a lower lr or a tighter clip_norm: predictions are not finite");
    else if (r->rival != NAIVES && r->skill.kind == SKILL_FEW)
        snprintf(text, size, "more rows, or a larger data.test");
    else if (train >= r->rival_training)
        snprintf(text, size,
                 "%smore epochs%s or other features: it is no better in training either (MSE %.4g)",
                 for_small(r, e), c->train.lr < advice_most_lr(c) ? ", a higher lr" : "", train);
    else
        snprintf(text, size,
                 "other features,%s a smaller model%s or more weight_decay; the targets may not "
                 "follow from these features at all",
                 c->data.horizon > 1 ? " a shorter horizon," : "",
                 model_drops(c) ? ", more dropout" : "");
}

static void tell_verdict(const struct forecast *r, const struct engine *e, double train,
                         struct log *log)
{
    const struct regression_metrics all =
        regression_metrics(&r->transformed, REGRESSION_ALL, REGRESSION_ALL);
    const struct regression_verdict v = regression_verdict(&all);
    int tested = r->rival != NAIVES && r->skill.kind != SKILL_UNKNOWN && isfinite(all.mse);
    char text[256], advice[320] = "";
    if (v.best == NAIVES)
        return;
    if (tested ? r->skill.kind != SKILL_BETTER : !v.beats)
        put_advice(r, e, train, advice, sizeof advice);
    log_say(log, "Verdict: %s%s%s", forecast_verdict(r, e->data, text, sizeof text),
            *advice ? "; what helps: " : "", advice);
}

void forecast_tell(const struct task_result *result, const struct task_report_to *to)
{
    const struct forecast *r = forecast_of(result);
    const struct engine *e = result->e;
    struct log *log = to->log;
    log_say(log, "Predictions of the %s part%s:", to->part, to->fold);
    say_table(r, e->data, log);
    if (r->outside)
        log_warn(log,
                 "%zu predictions lie beyond the range of the target's transform and were "
                 "brought back to its bound",
                 r->outside);
    tell_verdict(r, e, e->config->loss.target == LOSS_MSE ? to->train : NAN, log);
}
