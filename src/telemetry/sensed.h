/* SPDX-License-Identifier: MIT */
/*
 * sensed: what sensors and drivers tell at one moment, as plain numbers and words. A number that
 * is not told is NAN, a word that is not told is empty. The reading owns nothing.
 */
#ifndef TELEMETRY_SENSED_H
#define TELEMETRY_SENSED_H

#include <jansson.h>
#include <stddef.h>

struct telemetry_reading {
    /* of the device */
    double memory_total, memory_used, memory_process; /* bytes; the last: of this process */
    double temperature;                               /* degrees Celsius */
    double power, power_limit;                        /* W */
    double fan, fan_rpm;                              /* % of its most, revolutions per minute */
    double utilisation, memory_utilisation;           /* % of the time */
    double clock, memory_clock;                       /* MHz */
    char performance_state[32];
    char throttling[128]; /* reasons with commas between them, or "none" */
    /* of the host */
    double host_memory_total, host_memory_used; /* bytes */
    double host_load;                           /* mean number of runnable tasks of a minute */
    double host_temperature;
    /* what stays as it is */
    char source[16]; /* nvml, amdgpu, i915, xe, host */
    char card[96], driver[80], cuda[16];
    char compute_mode[24], persistence[8]; /* the latter "on" or "off" */
};

/* Nothing is told. */
void sensed_clear(struct telemetry_reading *r);

/* Takes out what no sensor can mean: a temperature of 4e9. */
void sensed_bound(struct telemetry_reading *r);

/* An object with all that changes, or with what stays; null where it is not told. */
json_t *sensed_json(const struct telemetry_reading *r);
json_t *sensed_json_fixed(const struct telemetry_reading *r);

/* "62 C, 210 W of 300 W, fan 41%, ..." of what is told of the device, or of the host. */
void sensed_text(const struct telemetry_reading *r, char *to, size_t size);
void sensed_text_host(const struct telemetry_reading *r, char *to, size_t size);

#endif
