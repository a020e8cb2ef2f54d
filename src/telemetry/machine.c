/* SPDX-License-Identifier: MIT */
#include "telemetry/machine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/files.h"
#include "util/clocale.h"

/* Bytes of a line "NAME:   1234 kB" of meminfo. */
static double meminfo(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    double kilobytes;
    return at && sscanf(at + strlen(name), "%lf", &kilobytes) == 1 ? kilobytes * 1024 : NAN;
}

/* The processors' own sensor among those of the machine. */
static int is_processor(const char *name)
{
    static const char *const names[] = {"x86_pkg_temp", "TCPU",     "cpu",     "coretemp",
                                        "k10temp",      "zenpower", "soc_dts", "acpitz"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(name, names[i], strlen(names[i])))
            return 1;
    return 0;
}

/* Of a thermal zone or a hwmon that is the processors'; the first of several. */
static double temperature(const char *root)
{
    char name[64];
    for (int i = 0; i < 32; i++) {
        if (files_line(root, name, sizeof name, "/sys/class/hwmon/hwmon%d/name", i) &&
            is_processor(name)) {
            double x = files_number(root, "/sys/class/hwmon/hwmon%d/temp1_input", i);
            if (isfinite(x))
                return x / 1000;
        }
    }
    for (int i = 0; i < 32; i++) {
        if (files_line(root, name, sizeof name, "/sys/class/thermal/thermal_zone%d/type", i) &&
            is_processor(name)) {
            double x = files_number(root, "/sys/class/thermal/thermal_zone%d/temp", i);
            if (isfinite(x))
                return x / 1000;
        }
    }
    return NAN;
}

void machine_read(const char *root, struct telemetry_reading *r)
{
    char text[4096];
    locale_t locale = clocale_enter();
    files_text(root, text, sizeof text, "/proc/meminfo");
    r->host_memory_total = meminfo(text, "MemTotal:");
    r->host_memory_used = r->host_memory_total - meminfo(text, "MemAvailable:");
    clocale_leave(locale);
    r->host_load = files_number(root, "/proc/loadavg");
    r->host_temperature = temperature(root);
}

/* Ticks of all processors since they were started: user nice system idle iowait irq softirq steal.
 */
static struct machine_times times_now(const char *root)
{
    char line[256];
    unsigned long long t[8] = {0};
    struct machine_times now = {0, 0};
    files_line(root, line, sizeof line, "/proc/stat");
    if (sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3],
               &t[4], &t[5], &t[6], &t[7]) < 4)
        return now;
    for (int i = 0; i < 8; i++) {
        now.all += (double)t[i];
        now.busy += i == 3 || i == 4 ? 0 : (double)t[i];
    }
    return now;
}

/* The name of the processors, as cpuinfo has it. */
static void processor_name(const char *root, char *to, size_t size)
{
    char text[2048];
    files_text(root, text, sizeof text, "/proc/cpuinfo");
    const char *at = strstr(text, "model name"), *colon = at ? strchr(at, ':') : NULL;
    if (!colon)
        return;
    colon += strspn(colon, ": \t");
    snprintf(to, size, "%.*s", (int)strcspn(colon, "\n"), colon);
}

void machine_read_device(const char *root, struct machine_times *times, struct telemetry_reading *r)
{
    const struct machine_times now = times_now(root);
    machine_read(root, r);
    snprintf(r->source, sizeof r->source, "host");
    processor_name(root, r->card, sizeof r->card);
    r->memory_total = r->host_memory_total;
    r->memory_used = r->host_memory_used;
    r->temperature = r->host_temperature;
    r->clock = files_number(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq") / 1000;
    if (times->all > 0 && now.all > times->all)
        r->utilisation = 100 * (now.busy - times->busy) / (now.all - times->all);
    *times = now;
}
