/* SPDX-License-Identifier: MIT */
/*
 * A stand-in of libnvidia-ml.so.1, built as such. The file that STAND_IN_NVML names says what it
 * tells: lines "NAME VALUE". What has no line is not supported; the value "hang" lets a call hang
 * until the line is another. STAND_IN_NVML.hung has a line for each call that hangs or hung,
 * STAND_IN_NVML.set the limits that are set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DONE = 0, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6 };

/* The value of a line; 0 if there is none. */
static int line_of(const char *name, char value[128])
{
    char key[64];
    int found = 0;
    FILE *f = fopen(getenv("STAND_IN_NVML"), "r");
    while (f && !found && fscanf(f, "%63s %127[^\n]", key, value) == 2)
        found = !strcmp(key, name);
    if (f)
        fclose(f);
    return found;
}

/* A line to the file with this ending; whether it could be written. */
static int append(const char *ending, unsigned number)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", getenv("STAND_IN_NVML"), ending);
    FILE *f = fopen(path, "a");
    if (f)
        fprintf(f, "%u\n", number);
    return f && !fclose(f);
}

static int text_of(const char *name, char *to, unsigned size)
{
    char value[128];
    if (!line_of(name, value))
        return NOT_SUPPORTED;
    if (!strcmp(value, "hang"))
        append(".hung", 0);
    while (!strcmp(value, "hang")) {
        usleep(10000);
        line_of(name, value);
    }
    strncpy(to, value, size); /* does not end where there is no room, as a faulty library might */
    return DONE;
}

static int number_of(const char *name, unsigned long long *to)
{
    char value[128];
    int code = text_of(name, value, sizeof value);
    if (!code)
        *to = strtoull(value, NULL, 0);
    return code;
}

static int unsigned_of(const char *name, unsigned *to)
{
    unsigned long long value;
    int code = number_of(name, &value);
    if (!code)
        *to = (unsigned)value;
    return code;
}

int nvmlInit_v2(void)
{
    unsigned code;
    return unsigned_of("init", &code) ? DONE : (int)code;
}

int nvmlShutdown(void)
{
    return DONE;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **card)
{
    char value[128];
    *card = (void *)1;
    return line_of("address", value) && !strcmp(value, address) ? DONE : NOT_FOUND;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **card)
{
    char value[128];
    *card = (void *)1;
    return line_of("uuid", value) && !strcmp(value, uuid) ? DONE : NOT_FOUND;
}

int nvmlDeviceGetName(void *card, char *to, unsigned size)
{
    (void)card;
    return text_of("name", to, size);
}

int nvmlSystemGetDriverVersion(char *to, unsigned size)
{
    return text_of("driver", to, size);
}

int nvmlSystemGetCudaDriverVersion_v2(int *to)
{
    return unsigned_of("cuda", (unsigned *)to);
}

int nvmlDeviceGetMemoryInfo(void *card, unsigned long long to[3])
{
    (void)card;
    int code = number_of("memory_total", &to[0]);
    return code ? code : number_of("memory_used", &to[2]);
}

int nvmlDeviceGetTemperature(void *card, int sensor, unsigned *to)
{
    (void)card;
    return sensor ? 2 : unsigned_of("temperature", to);
}

#define UNSIGNED(function, name)           \
    int function(void *card, unsigned *to) \
    {                                      \
        (void)card;                        \
        return unsigned_of(name, to);      \
    }
UNSIGNED(nvmlDeviceGetPowerUsage, "power")
UNSIGNED(nvmlDeviceGetEnforcedPowerLimit, "enforced")
UNSIGNED(nvmlDeviceGetPowerManagementLimit, "limit")
UNSIGNED(nvmlDeviceGetFanSpeed, "fan")
UNSIGNED(nvmlDeviceGetPerformanceState, "state")
UNSIGNED(nvmlDeviceGetComputeMode, "compute_mode")
UNSIGNED(nvmlDeviceGetPersistenceMode, "persistence")

int nvmlDeviceGetPowerManagementLimitConstraints(void *card, unsigned *least, unsigned *most)
{
    (void)card;
    int code = unsigned_of("least", least);
    return code ? code : unsigned_of("most", most);
}

int nvmlDeviceSetPowerManagementLimit(void *card, unsigned milliwatts)
{
    char value[128];
    (void)card;
    if (line_of("forbidden", value))
        return NO_PERMISSION;
    return append(".set", milliwatts) ? DONE : NOT_SUPPORTED;
}

int nvmlDeviceGetUtilizationRates(void *card, unsigned to[2])
{
    (void)card;
    int code = unsigned_of("utilisation", &to[0]);
    return code ? code : unsigned_of("memory_utilisation", &to[1]);
}

int nvmlDeviceGetClockInfo(void *card, int type, unsigned *to)
{
    (void)card;
    return unsigned_of(type == 2 ? "memory_clock" : type == 1 ? "clock" : "", to);
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *card, unsigned long long *to)
{
    (void)card;
    return number_of("reasons", to);
}

struct process {
    unsigned pid;
    unsigned long long bytes;
    unsigned instance, compute_instance;
};
int nvmlDeviceGetComputeRunningProcesses_v3(void *card, unsigned *count, struct process *to)
{
    (void)card;
    int code = *count < 2 ? 7 : number_of("memory_process", &to[1].bytes);
    to[0] = (struct process){.pid = 1, .bytes = 5};
    to[1].pid = (unsigned)getpid();
    *count = 2;
    return code;
}
