/* SPDX-License-Identifier: MIT */
#include "telemetry/sysfs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "telemetry/files.h"
#include "util/now.h"

/* Folders of a card, below the root. */
struct card {
    const char *root;
    char folder[128]; /* of its address */
    char hwmon[160];  /* of its sensors; "": none */
    char drm[160];    /* drm/cardN; "": none */
};

static void find(struct card *c, const char *root, const char *address)
{
    char folder[160], name[24];
    c->root = root;
    snprintf(c->folder, sizeof c->folder, "/sys/bus/pci/devices/%.32s", address);
    snprintf(folder, sizeof folder, "%s/hwmon", c->folder);
    files_first(root, folder, "hwmon", name, sizeof name);
    snprintf(c->hwmon, sizeof c->hwmon, "%s%s%s", *name ? c->folder : "", *name ? "/hwmon/" : "",
             name);
    snprintf(folder, sizeof folder, "%s/drm", c->folder);
    files_first(root, folder, "card", name, sizeof name);
    snprintf(c->drm, sizeof c->drm, "%s%s%s", *name ? c->folder : "", *name ? "/drm/" : "", name);
}

/* A number of the sensors, in units of `unit`. */
static double sensor(const struct card *c, const char *name, double unit)
{
    return *c->hwmon ? files_number(c->root, "%s/%s", c->hwmon, name) * unit : NAN;
}

static double or_else(double x, double other)
{
    return isfinite(x) ? x : other;
}

static void fan(const struct card *c, struct telemetry_reading *r)
{
    const double most = or_else(sensor(c, "pwm1_max", 1), 255);
    r->fan_rpm = sensor(c, "fan1_input", 1);
    if (most > 0)
        r->fan = 100 * sensor(c, "pwm1", 1) / most;
}

/* MHz of the line of pp_dpm_sclk or the like that has a star: "1: 2100Mhz *". */
static double starred(const struct card *c, const char *name)
{
    char text[2048];
    int mhz;
    files_text(c->root, text, sizeof text, "%s/%s", c->folder, name);
    char *star = strchr(text, '*');
    if (!star)
        return NAN;
    *star = 0;
    const char *line = strrchr(text, '\n');
    return sscanf(line ? line + 1 : text, "%*d: %d", &mhz) == 1 ? (double)mhz : NAN;
}

static void read_amd(const struct card *c, struct telemetry_reading *r)
{
    r->memory_total = files_number(c->root, "%s/mem_info_vram_total", c->folder);
    r->memory_used = files_number(c->root, "%s/mem_info_vram_used", c->folder);
    r->utilisation = files_number(c->root, "%s/gpu_busy_percent", c->folder);
    r->memory_utilisation = files_number(c->root, "%s/mem_busy_percent", c->folder);
    r->temperature = sensor(c, "temp1_input", 1e-3);
    r->power = or_else(sensor(c, "power1_average", 1e-6), sensor(c, "power1_input", 1e-6));
    r->power_limit = sensor(c, "power1_cap", 1e-6);
    fan(c, r);
    r->clock = or_else(sensor(c, "freq1_input", 1e-6), starred(c, "pp_dpm_sclk"));
    r->memory_clock = or_else(sensor(c, "freq2_input", 1e-6), starred(c, "pp_dpm_mclk"));
    files_line(c->root, r->performance_state, sizeof r->performance_state,
               "%s/power_dpm_force_performance_level", c->folder);
    files_line(c->root, r->card, sizeof r->card, "%s/product_name", c->folder);
    files_line(c->root, r->driver, sizeof r->driver, "/sys/module/amdgpu/version");
}

/* W since the reading before, of a counter of energy. */
static double power_of(double joules, struct sysfs_energy *e)
{
    const double t = now();
    const double watts = e->time > 0 && t > e->time && joules >= e->joules
                             ? (joules - e->joules) / (t - e->time)
                             : NAN;
    *e = isfinite(joules) ? (struct sysfs_energy){joules, t} : (struct sysfs_energy){0, 0};
    return watts;
}

/* Reasons of throttling: a file each, 1 where it holds; none of them there: not told. */
static void intel_reasons(const struct card *c, const char *before, struct telemetry_reading *r)
{
    static const char *const reasons[] = {"pl1",     "pl2",  "pl4",           "thermal",
                                          "prochot", "ratl", "vr_thermalert", "vr_tdc"};
    size_t used = 0;
    int told = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const double x = files_number(c->root, "%s%s", before, reasons[i]);
        told |= isfinite(x);
        if (x > 0)
            used += (size_t)snprintf(r->throttling + used, sizeof r->throttling - used, "%s%s",
                                     used ? "," : "", reasons[i]);
    }
    if (told && !used)
        snprintf(r->throttling, sizeof r->throttling, "none");
}

static void read_intel(const struct card *c, int xe, struct sysfs_energy *energy,
                       struct telemetry_reading *r)
{
    char reasons[200];
    r->temperature = or_else(sensor(c, xe ? "temp2_input" : "temp1_input", 1e-3),
                             sensor(c, "temp1_input", 1e-3));
    r->power = power_of(sensor(c, "energy1_input", 1e-6), energy);
    r->power_limit = sensor(c, "power1_max", 1e-6);
    fan(c, r);
    if (xe) {
        r->clock = files_number(c->root, "%s/tile0/gt0/freq0/act_freq", c->folder);
        snprintf(reasons, sizeof reasons, "%s/tile0/gt0/freq0/throttle/reason_", c->folder);
    } else {
        r->clock = or_else(files_number(c->root, "%s/gt/gt0/rps_act_freq_mhz", c->drm),
                           files_number(c->root, "%s/gt_act_freq_mhz", c->drm));
        snprintf(reasons, sizeof reasons, "%s/gt/gt0/throttle_reason_", c->drm);
    }
    intel_reasons(c, reasons, r);
}

void sysfs_read(const char *root, const char *address, struct sysfs_energy *energy,
                struct telemetry_reading *r)
{
    struct card c;
    char driver[32];
    find(&c, root, address);
    files_link(root, driver, sizeof driver, "%s/driver", c.folder);
    const int xe = !strcmp(driver, "xe");
    if (!strcmp(driver, "amdgpu"))
        read_amd(&c, r);
    else if (xe || !strcmp(driver, "i915"))
        read_intel(&c, xe, energy, r);
    else
        return;
    snprintf(r->source, sizeof r->source, "%.15s", driver);
}
