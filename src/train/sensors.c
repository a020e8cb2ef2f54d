/* SPDX-License-Identifier: MIT */
#include "train/sensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/telemetry.h"
#include "train/loop.h"
#include "util/host.h"
#include "util/now.h"

enum {
    LOOK = 1,    /* seconds between two looks at the readings, which come once a second */
    COOLS_BY = 5 /* degrees below log.hot that end an excursion */
};

/* --- objects */

json_t *sensors_json(const struct training *t)
{
    struct telemetry_reading r;
    if (!t->telemetry)
        return NULL;
    const double age = telemetry_last(t->telemetry, &r);
    json_t *object =
        json_pack("{s:o}", "age", isfinite(age) ? json_real(round(age * 100) / 100) : json_null());
    json_t *rest = sensed_json(&r);
    json_object_update(object, rest);
    json_decref(rest);
    return object;
}

void sensors_say(const struct training *t)
{
    struct telemetry_reading r;
    char text[320];
    if (!t->telemetry)
        return;
    telemetry_last(t->telemetry, &r);
    sensed_text(&r, text, sizeof text);
    if (*text)
        log_detail(t->log, "Device: %s.", text);
}

/* --- of other ranks */

int sensors_gather(struct loop *loop, struct error *err)
{
    const struct training *t = loop->training;
    struct sensors *s = &loop->sensors;
    const size_t ranks = (size_t)comm_size(t->comm);
    struct telemetry_reading own;
    if (ranks < 2)
        return 0;
    memset(&own, 0, sizeof own);
    sensed_clear(&own);
    if (t->telemetry)
        telemetry_last(t->telemetry, &own);
    if (comm_rank(t->comm))
        return comm_send(t->comm, 0, &own, sizeof own, err);
    if (!s->other && !(s->other = calloc(ranks, sizeof *s->other)))
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 1; i < ranks; i++)
        if (comm_receive(t->comm, (int)i, &s->other[i - 1], sizeof *s->other, err))
            return -1;
    return 0;
}

json_t *sensors_others(const struct loop *loop)
{
    const struct training *t = loop->training;
    if (!loop->sensors.other || !t->telemetry)
        return NULL;
    json_t *all = json_array();
    for (int i = 1; i < comm_size(t->comm); i++) {
        json_t *one = json_pack("{s:i}", "rank", i);
        json_t *rest = sensed_json(&loop->sensors.other[i - 1]);
        json_object_update(one, rest);
        json_decref(rest);
        json_array_append_new(all, one);
    }
    return all;
}

/* --- steps */

/* One event an excursion: it ends some degrees below. */
static void judge_heat(struct loop *loop, double celsius)
{
    const struct training *t = loop->training;
    const struct progress *p = &t->progress;
    const double most = t->config->log.hot;
    if (most <= 0 || !isfinite(celsius))
        return;
    if (celsius < most - COOLS_BY)
        loop->sensors.hot = 0;
    if (celsius < most || loop->sensors.hot)
        return;
    loop->sensors.hot = 1;
    log_alarm(t->log, "hot",
              json_pack("{s:I, s:I, s:f, s:f}", "epoch", (json_int_t)p->epoch, "step",
                        (json_int_t)p->step, "temperature", celsius, "limit", most),
              "step %ld: the device is hot: %.0f C, and log.hot is %.0f", p->step, celsius, most);
}

static void write_own(struct loop *loop, double when)
{
    const struct training *t = loop->training;
    const struct progress *p = &t->progress;
    loop->sensors.written = when;
    log_event(t->log, "telemetry",
              json_pack("{s:I, s:I, s:I, s:I, s:o}", "epoch", (json_int_t)p->epoch, "step",
                        (json_int_t)p->step, "device_bytes",
                        (json_int_t)device_bytes(t->engine->dev), "host_bytes",
                        (json_int_t)host_resident(), "telemetry", sensors_json(t)));
}

void sensors_step(struct loop *loop)
{
    struct sensors *s = &loop->sensors;
    const struct training *t = loop->training;
    const double when = now(), every = (double)t->config->log.telemetry_every / 1000;
    struct telemetry_reading r;
    if (!t->telemetry)
        return;
    if (when - s->looked >= LOOK) {
        s->looked = when;
        telemetry_last(t->telemetry, &r);
        judge_heat(loop, r.temperature);
    }
    if (s->written <= 0)
        s->written = when;
    if (every > 0 && when - s->written >= every)
        write_own(loop, when);
}
