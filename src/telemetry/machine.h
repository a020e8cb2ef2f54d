/* SPDX-License-Identifier: MIT */
/*
 * machine: memory, load and temperature of the machine, and of its processors where these are the
 * device. What it remembers between two readings is the caller's.
 */
#ifndef TELEMETRY_MACHINE_H
#define TELEMETRY_MACHINE_H

#include "telemetry/sensed.h"

/* Time of all processors so far, as the last reading found it; 0 before the first. */
struct machine_times {
    double busy, all;
};

void machine_read(const char *root, struct telemetry_reading *r);

/* The same values, and how busy the processors are, as those of the device. */
void machine_read_device(const char *root, struct machine_times *times,
                         struct telemetry_reading *r);

#endif
