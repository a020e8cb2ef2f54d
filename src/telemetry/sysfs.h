/* SPDX-License-Identifier: MIT */
/*
 * sysfs: what the kernel's drivers of AMD (amdgpu) and Intel (i915, xe) tell of a card, in files
 * below the folder of its PCI address. What it remembers between two readings is the caller's.
 */
#ifndef TELEMETRY_SYSFS_H
#define TELEMETRY_SYSFS_H

#include "telemetry/sensed.h"

/* The energy that a card had taken, J, and when that was read, s; time 0: not yet. */
struct sysfs_energy {
    double joules, time;
};

/* The card at `address`, as "0000:41:00.0"; nothing where another driver or none has it. */
void sysfs_read(const char *root, const char *address, struct sysfs_energy *energy,
                struct telemetry_reading *r);

#endif
