/* SPDX-License-Identifier: MIT */
#include "run/sensing.h"

#include "telemetry/telemetry.h"

static void tell_limit(const struct training *t)
{
    char cause[128];
    const double watts = t->config->device.power_limit;
    const int limited = telemetry_limited(t->telemetry, cause, sizeof cause);
    if (limited > 0)
        log_say(t->log, "Power limit: %.0f W until the end of the run.", watts);
    if (limited < 0)
        log_warn(t->log, "device.power_limit = %.0f is not set: %s", watts, cause);
}

void sensing_begin(struct training *t)
{
    const struct config *c = t->config;
    const struct telemetry_options with = {.power_limit = c->device.power_limit};
    if (!c->log.telemetry && !c->log.telemetry_every && c->log.hot <= 0 && with.power_limit <= 0)
        return;
    t->telemetry = telemetry_open(device_info(t->engine->dev), &with);
    if (t->telemetry)
        tell_limit(t);
    else
        log_warn(t->log, "there is no memory or no thread to ask the device's sensors");
}

void sensing_end(struct training *t)
{
    if (telemetry_close(t->telemetry))
        log_warn(t->log, "the power limit of the device cannot be restored: its driver hangs");
    t->telemetry = NULL;
}
