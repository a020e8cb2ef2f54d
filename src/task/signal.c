/* SPDX-License-Identifier: MIT */
#include "task/signal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/signal.h"
#include "data/spec.h"
#include "task/forecast.h"
#include "task/picture.h"
#include "util/jsonnumber.h"

/* Figures of an I/Q signal in dB; NaN where the configuration does not say enough. */
struct signal_figures {
    double nmse, nmse_pooled; /* mean over segments of dB, and all as one segment */
    double aclr_left, aclr_right, evm;
    double measured_left, measured_right; /* ACLR of the measured output */
};

struct signal_result {
    struct forecast forecast;       /* the first: forecast_of() */
    double *input, *output, *model; /* the part as one signal, [samples, 2] */
    size_t samples;
    struct signal_channel channel; /* 0 where not known */
    struct signal_figures figures;
};

/* What [signal] says of the channel, the rest from the spec. */
static int read_channel(struct signal_channel *to, const struct config *c, struct error *err)
{
    struct spec spec = {0};
    if (*c->signal.spec && spec_read(&spec, c->signal.spec, err))
        return -1;
    double sub_channels =
        c->signal.sub_channels > 0 ? (double)c->signal.sub_channels : spec.sub_channels;
    double segment = c->signal.segment > 0 ? (double)c->signal.segment : spec.segment;
    *to = (struct signal_channel){
        .sample_rate = c->signal.sample_rate > 0 ? c->signal.sample_rate : spec.sample_rate,
        .bandwidth = c->signal.bandwidth > 0 ? c->signal.bandwidth : spec.bandwidth,
        .sub_channels = (size_t)fmin(sub_channels, 1000),
        .segment = (size_t)fmin(segment, 1e8),
    };
    return 0;
}

/* Enough is known of the channel for ACLR and EVM. */
static int is_complete(const struct signal_channel *ch)
{
    return ch->sample_rate > 0 && ch->bandwidth > 0 && ch->sub_channels && ch->segment;
}

/* Targets row by row, and something is said in [signal]. */
static int describes_signal(const struct config *c)
{
    return c->data.target_rows == TARGET_WINDOW &&
           (*c->signal.spec || c->signal.sample_rate > 0 || c->signal.segment > 0);
}

int task_signal_is_asked(const struct config *c)
{
    return describes_signal(c) && c->data.targets.count == 2;
}

int task_signal_applies(const struct config *c, const struct dataset *data)
{
    return describes_signal(c) && data->targets == 2 && data->features >= 2;
}

int task_signal_check(const struct config *c, struct error *err)
{
    struct signal_channel channel;
    if (read_channel(&channel, c, err))
        return -1;
    return is_complete(&channel) && signal_check(&channel, err) ? error_prefix(err, "[signal]") : 0;
}

/* What is not known of a channel, as the keys of [signal] and the names in spec.json. */
static void tell_lacking(const struct signal_channel *ch, const struct config *c, struct log *log)
{
    const struct {
        int there;
        const char *key, *name;
    } of[] = {{ch->sample_rate > 0, "sample_rate", "input_signal_fs"},
              {ch->bandwidth > 0, "bandwidth", "bw_main_ch"},
              {ch->sub_channels > 0, "sub_channels", "n_sub_ch"},
              {ch->segment > 0, "segment", "nperseg"}};
    char text[128] = "";
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        size_t used = strlen(text);
        if (!of[i].there)
            snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "",
                     *c->signal.spec ? of[i].name : of[i].key);
    }
    log_say(log, "signal: %s%sno %s: no ACLR, no EVM", c->signal.spec, *c->signal.spec ? ": " : "",
            text);
}

static int signal_expect(const struct dataset *data, const struct config *c, struct log *log,
                         struct error *err)
{
    static const char *const names[] = {"training", "validation", "test"};
    struct signal_channel ch;
    if (read_channel(&ch, c, err))
        return -1;
    if (!is_complete(&ch))
        tell_lacking(&ch, c, log);
    size_t window = data->eval_window ? data->eval_window : data->window;
    for (enum part part = PART_VALIDATION; part < PARTS; part++)
        if (data->count[part] && ch.segment > data->count[part] * window)
            log_warn(log,
                     "signal.segment: %zu rows%s are more than the %zu that the %s part evaluates: "
                     "it is filled up with zeros for ACLR and EVM",
                     ch.segment, c->signal.segment > 0 ? "" : " (nperseg of signal.spec)",
                     data->count[part] * window, names[part]);
    return 0;
}

static int measure_signal(struct signal_result *r, struct error *err)
{
    struct signal_figures *f = &r->figures;
    const struct signal_channel *ch = &r->channel;
    size_t segment = ch->segment ? ch->segment : r->samples;
    f->nmse = signal_nmse(r->model, r->output, r->samples, segment);
    f->nmse_pooled = signal_nmse(r->model, r->output, r->samples, r->samples);
    f->aclr_left = f->aclr_right = f->evm = f->measured_left = f->measured_right = NAN;
    if (!is_complete(ch))
        return 0;
    return signal_aclr(r->model, r->samples, ch, &f->aclr_left, &f->aclr_right, err) ||
                   signal_aclr(r->output, r->samples, ch, &f->measured_left, &f->measured_right,
                               err) ||
                   signal_evm(r->model, r->output, r->samples, ch, &f->evm, err)
               ? -1
               : 0;
}

/* Appends a row to the signals. */
static void take_row(void *to, const struct dataset *data, size_t row, const double *actual,
                     const double *predicted)
{
    struct signal_result *r = to;
    for (size_t c = 0; c < 2; c++) {
        double offset = data->scaler.offset[c], scale = data->scaler.scale[c];
        r->input[2 * r->samples + c] = data->series[row * data->features + c] * scale + offset;
        r->output[2 * r->samples + c] = actual[c];
        r->model[2 * r->samples + c] = predicted[c];
    }
    r->samples++;
}

static void signal_release(struct task_result *r)
{
    struct signal_result *own = r->own;
    forecast_fini(&own->forecast);
    free(own->input);
    free(own);
}

static int signal_evaluate(struct task_result *r, const uint32_t *start, struct log *log,
                           struct error *err)
{
    const struct dataset *data = r->e->data;
    const size_t samples = r->windows * (data->eval_window ? data->eval_window : data->window);
    struct signal_result *own = r->own = calloc(1, sizeof *own);
    if (!own)
        return error_set(err, STATUS_FAILED, "out of memory");
    own->input = calloc(6 * samples + 1, sizeof *own->input);
    own->output = own->input ? own->input + 2 * samples : NULL;
    own->model = own->input ? own->output + 2 * samples : NULL;
    const struct forecast_rows rows = {take_row, own};
    int ended = own->input ? read_channel(&own->channel, r->e->config, err)
                           : error_set(err, STATUS_FAILED, "out of memory");
    if (!ended)
        ended = forecast_evaluate(&own->forecast, r, start, &rows, log, err);
    if (!ended)
        ended = measure_signal(own, err);
    if (ended)
        signal_release(r);
    return ended;
}

static json_t *signal_json(const struct task_result *r)
{
    const struct signal_result *own = r->own;
    json_t *all = forecast_json(&own->forecast, r->e->data);
    json_object_set_new(
        all, "signal",
        json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "samples", (json_int_t)own->samples,
                  "nmse_db", jsonnumber(own->figures.nmse), "nmse_pooled_db",
                  jsonnumber(own->figures.nmse_pooled), "aclr_left_db",
                  jsonnumber(own->figures.aclr_left), "aclr_right_db",
                  jsonnumber(own->figures.aclr_right), "evm_db", jsonnumber(own->figures.evm),
                  "measured_aclr_left_db", jsonnumber(own->figures.measured_left),
                  "measured_aclr_right_db", jsonnumber(own->figures.measured_right)));
    forecast_set_loss(all, r);
    return all;
}

static void signal_tell(const struct task_result *r, const struct task_report_to *to)
{
    const struct signal_result *own = r->own;
    const struct signal_figures *f = &own->figures;
    forecast_tell(r, to);
    log_say(to->log, "Signal of %zu samples: NMSE %.2f dB (pooled %.2f dB)", own->samples, f->nmse,
            f->nmse_pooled);
    if (isfinite(f->aclr_left))
        log_say(to->log, "  ACLR %.2f / %.2f dB (measured %.2f / %.2f dB), EVM %.2f dB",
                f->aclr_left, f->aclr_right, f->measured_left, f->measured_right, f->evm);
    forecast_event(signal_json(r), r, to);
}

const struct task_class task_signal = {
    .forecasts = 1,
    .expect = signal_expect,
    .keep_known = forecast_keep_known,
    .evaluate = signal_evaluate,
    .release = signal_release,
    .json = signal_json,
    .tell = signal_tell,
    .baseline = forecast_baseline,
    .predict = forecast_predict,
    .begin = forecast_begin,
    .put = forecast_put,
    .end = forecast_end,
    .ready = forecast_ready,
    .answer = forecast_answer,
};

/* --- what can be monitored */

enum { SIGNAL_NMSE = FORECAST_R2 + 1 }; /* behind those of forecasts */

static int signal_measure(const struct measuring *of, struct evaluation *evaluation, double *figure,
                          struct error *err)
{
    struct task_result r;
    const int applies = task_signal_applies(of->e->config, of->e->data);
    const struct task_class *class = applies ? &task_signal : &task_forecast;
    if (task_evaluate(&r, class, of->e, of->start, of->count, of->log, err))
        return -1;
    const struct signal_result *own = applies ? r.own : NULL;
    *evaluation = r.evaluation;
    if (of->which == SIGNAL_NMSE)
        *figure = own ? own->figures.nmse : NAN;
    else
        *figure = forecast_figure(forecast_of(&r), (enum forecast_metric)of->which);
    task_release(&r);
    return 0;
}

struct measures task_signal_measures(void)
{
    static const struct metric metrics[] = {[FORECAST_MSE] = {"mse", 1},
                                            [FORECAST_MAE] = {"mae", 1},
                                            [FORECAST_RMSE] = {"rmse", 1},
                                            [FORECAST_R2] = {"r2", 0},
                                            [SIGNAL_NMSE] = {"nmse_db", 1}};
    return (struct measures){metrics, SIGNAL_NMSE + 1, signal_measure, NULL};
}

/* --- pictures */

static int is_signal(const struct picture_of *of)
{
    return of->result->class == &task_signal;
}

static int amplifier_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct signal_result *r = of->result->own;
    char what[64];
    snprintf(what, sizeof what, "%s part", of->to->part);
    return plot_am_am_pm(
        path, &of->about,
        &(struct plot_amplifier){r->samples, r->input, r->output, r->model, what, r->figures.nmse},
        err);
}

static int spectrum_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct signal_result *r = of->result->own;
    char what[64];
    snprintf(what, sizeof what, "%s part", of->to->part);
    size_t n = r->channel.segment && r->channel.segment < 4096 ? r->channel.segment : 4096;
    double *x = malloc(5 * n * sizeof *x), *error = malloc(2 * r->samples * sizeof *error);
    double rate = r->channel.sample_rate > 0 ? r->channel.sample_rate : 1;
    int failed = x && error ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !failed && i < 2 * r->samples; i++)
        error[i] = r->model[i] - r->output[i];
    const double *signals[] = {r->input, r->output, r->model, error};
    for (size_t i = 0; !failed && i < 4; i++)
        failed = signal_spectrum(signals[i], r->samples, n, 1, rate, x, x + (i + 1) * n, err);
    double sub = (double)(r->channel.sub_channels ? r->channel.sub_channels : 1);
    if (!failed)
        failed = plot_spectrum(
            path, &of->about,
            &(struct plot_spectrum){n,
                                    x,
                                    x + n,
                                    x + 2 * n,
                                    x + 3 * n,
                                    x + 4 * n,
                                    r->channel.bandwidth,
                                    r->channel.bandwidth / sub,
                                    what,
                                    {r->figures.aclr_left, r->figures.aclr_right},
                                    {r->figures.measured_left, r->figures.measured_right}},
            err);
    free(x);
    free(error);
    return failed;
}

const struct picture picture_am_am_pm = {is_signal, amplifier_draw};
const struct picture picture_spectrum = {is_signal, spectrum_draw};
