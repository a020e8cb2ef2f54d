/* SPDX-License-Identifier: MIT */
#include "telemetry/nvml.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what nvml.h declares, as far as it is used here. Results: 0 is success. */

enum { NO_PERMISSION = 4 };

typedef void *card_t;

struct memory {
    unsigned long long total, free, used;
};
struct utilisation {
    unsigned device, memory;
};
struct process {
    unsigned pid;
    unsigned long long bytes; /* all bits set: not told */
    unsigned instance, compute_instance;
};

struct nvml {
    card_t card;      /* NULL: it has none that is ours */
    unsigned set_mw;  /* power limit that was set; 0: none */
    unsigned back_mw; /* what it was before */
    int (*init)(void);
    int (*shutdown)(void);
    int (*by_address)(const char *, card_t *);
    int (*by_uuid)(const char *, card_t *);
    int (*name)(card_t, char *, unsigned);
    int (*driver)(char *, unsigned);
    int (*cuda)(int *);
    int (*memory)(card_t, struct memory *);
    int (*temperature)(card_t, int sensor, unsigned *);
    int (*power)(card_t, unsigned *);
    int (*enforced)(card_t, unsigned *);
    int (*limit)(card_t, unsigned *);
    int (*limits)(card_t, unsigned *, unsigned *);
    int (*set_limit)(card_t, unsigned);
    int (*fan)(card_t, unsigned *);
    int (*utilisation)(card_t, struct utilisation *);
    int (*clock)(card_t, int type, unsigned *);
    int (*state)(card_t, int *);
    int (*reasons)(card_t, unsigned long long *);
    int (*compute_mode)(card_t, int *);
    int (*persistence)(card_t, int *);
    int (*processes)(card_t, unsigned *, struct process *);
};

/* Where the address of each function is kept; those of one place: the first that there is. */
static const struct symbol {
    const char *name;
    size_t place;
} symbols[] = {
#define SYMBOL(name, member)                \
    {                                       \
        name, offsetof(struct nvml, member) \
    }
    SYMBOL("nvmlInit_v2", init),
    SYMBOL("nvmlShutdown", shutdown),
    SYMBOL("nvmlDeviceGetHandleByPciBusId_v2", by_address),
    SYMBOL("nvmlDeviceGetHandleByUUID", by_uuid),
    SYMBOL("nvmlDeviceGetName", name),
    SYMBOL("nvmlSystemGetDriverVersion", driver),
    SYMBOL("nvmlSystemGetCudaDriverVersion_v2", cuda),
    SYMBOL("nvmlSystemGetCudaDriverVersion", cuda),
    SYMBOL("nvmlDeviceGetMemoryInfo", memory),
    SYMBOL("nvmlDeviceGetTemperature", temperature),
    SYMBOL("nvmlDeviceGetPowerUsage", power),
    SYMBOL("nvmlDeviceGetEnforcedPowerLimit", enforced),
    SYMBOL("nvmlDeviceGetPowerManagementLimit", limit),
    SYMBOL("nvmlDeviceGetPowerManagementLimitConstraints", limits),
    SYMBOL("nvmlDeviceSetPowerManagementLimit", set_limit),
    SYMBOL("nvmlDeviceGetFanSpeed", fan),
    SYMBOL("nvmlDeviceGetUtilizationRates", utilisation),
    SYMBOL("nvmlDeviceGetClockInfo", clock),
    SYMBOL("nvmlDeviceGetPerformanceState", state),
    SYMBOL("nvmlDeviceGetCurrentClocksEventReasons", reasons),
    SYMBOL("nvmlDeviceGetCurrentClocksThrottleReasons", reasons),
    SYMBOL("nvmlDeviceGetComputeMode", compute_mode),
    SYMBOL("nvmlDeviceGetPersistenceMode", persistence),
    SYMBOL("nvmlDeviceGetComputeRunningProcesses_v3", processes),
    SYMBOL("nvmlDeviceGetComputeRunningProcesses_v2", processes),
#undef SYMBOL
};

static void find_symbols(struct nvml *n, void *library)
{
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void **place = (void **)(void *)((char *)n + symbols[i].place);
        if (!*place)
            *place = dlsym(library, symbols[i].name);
    }
}

/* --- the card */

static card_t find_by_address(struct nvml *n, const struct device_card *card)
{
    card_t found;
    char text[48];
    snprintf(text, sizeof text, "%08X:%02X:%02X.%X", card->domain, card->bus, card->device,
             card->function);
    return card->has_address && n->by_address && !n->by_address(text, &found) ? found : NULL;
}

static card_t find_by_uuid(struct nvml *n, const struct device_card *card)
{
    card_t found;
    char text[48];
    int used = snprintf(text, sizeof text, "GPU-");
    for (int i = 0; i < 16; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%02x",
                         i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", card->uuid[i]);
    return card->has_uuid && n->by_uuid && !n->by_uuid(text, &found) ? found : NULL;
}

struct nvml *nvml_open(const struct device_card *card)
{
    /* stays loaded: a driver's library that is unloaded while its threads run has crashed others */
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    struct nvml *n = library ? calloc(1, sizeof *n) : NULL;
    if (!n)
        return NULL;
    find_symbols(n, library);
    if (!n->init || n->init()) {
        free(n);
        return NULL;
    }
    n->card = find_by_address(n, card);
    if (!n->card)
        n->card = find_by_uuid(n, card);
    return n;
}

void nvml_close(struct nvml *n)
{
    if (!n)
        return;
    if (n->set_mw)
        n->set_limit(n->card, n->back_mw);
    if (n->shutdown)
        n->shutdown();
    free(n);
}

/* --- values. A call that is missing or fails leaves what is not told. */

/* The number that `call` fills, in units of `unit`. */
static double unsigned_of(int (*call)(card_t, unsigned *), card_t card, double unit)
{
    unsigned value = 0;
    return call && !call(card, &value) ? value * unit : NAN;
}

static void read_memory(struct nvml *n, struct telemetry_reading *r)
{
    enum { MOST = 64 };
    struct memory memory = {0, 0, 0};
    struct process process[MOST];
    unsigned count = MOST;
    if (n->memory && !n->memory(n->card, &memory)) {
        r->memory_total = (double)memory.total;
        r->memory_used = (double)memory.used;
    }
    if (!n->processes || n->processes(n->card, &count, process) || count > MOST)
        return;
    for (unsigned i = 0; i < count; i++)
        if (process[i].pid == (unsigned)getpid() && process[i].bytes != ~0ULL)
            r->memory_process = (double)process[i].bytes;
}

/* The management limit tells whether there is any; the enforced one is what counts. */
static void read_power(struct nvml *n, struct telemetry_reading *r)
{
    const double limit = unsigned_of(n->limit, n->card, 1e-3);
    const double enforced = unsigned_of(n->enforced, n->card, 1e-3);
    r->power = unsigned_of(n->power, n->card, 1e-3);
    r->power_limit = isfinite(limit) && isfinite(enforced) ? enforced : limit;
}

static double clock_of(struct nvml *n, int type)
{
    unsigned mhz = 0;
    return n->clock && !n->clock(n->card, type, &mhz) ? (double)mhz : NAN;
}

static void read_reasons(struct nvml *n, struct telemetry_reading *r)
{
    static const char *const names[] = {"idle",        "clock_setting", "power_cap",
                                        "hw_slowdown", "sync_boost",    "sw_thermal",
                                        "hw_thermal",  "power_brake",   "display_clock"};
    unsigned long long bits = 0;
    size_t used = 0;
    if (!n->reasons || n->reasons(n->card, &bits))
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bits >> i & 1)
            used += (size_t)snprintf(r->throttling + used, sizeof r->throttling - used, "%s%s",
                                     used ? "," : "", names[i]);
    if (!bits)
        snprintf(r->throttling, sizeof r->throttling, "none");
}

static void read_modes(struct nvml *n, struct telemetry_reading *r)
{
    static const char *const modes[] = {"default", "exclusive_thread", "prohibited",
                                        "exclusive_process"};
    int value = -1;
    if (n->state && !n->state(n->card, &value) && value >= 0 && value < 16)
        snprintf(r->performance_state, sizeof r->performance_state, "P%d", value);
    if (n->compute_mode && !n->compute_mode(n->card, &value) && value >= 0 && value < 4)
        snprintf(r->compute_mode, sizeof r->compute_mode, "%s", modes[value]);
    if (n->persistence && !n->persistence(n->card, &value) && (value == 0 || value == 1))
        snprintf(r->persistence, sizeof r->persistence, value ? "on" : "off");
}

/* A text that a call filled, if it ends and is plain. */
static void take_text(int failed, char *text, size_t size)
{
    int plain = !failed && memchr(text, 0, size);
    for (const char *c = text; plain && *c; c++)
        plain = *c >= ' ' && *c < 127;
    if (!plain)
        *text = 0;
}

static void read_fixed(struct nvml *n, struct telemetry_reading *r)
{
    int cuda = 0;
    snprintf(r->source, sizeof r->source, "nvml");
    take_text(!n->name || n->name(n->card, r->card, sizeof r->card), r->card, sizeof r->card);
    take_text(!n->driver || n->driver(r->driver, sizeof r->driver), r->driver, sizeof r->driver);
    if (n->cuda && !n->cuda(&cuda) && cuda >= 1000 && cuda < 1000000)
        snprintf(r->cuda, sizeof r->cuda, "%d.%d", cuda / 1000, cuda % 1000 / 10);
}

void nvml_read(struct nvml *n, struct telemetry_reading *r)
{
    struct utilisation busy = {0, 0};
    unsigned celsius = 0;
    if (!n || !n->card)
        return;
    read_fixed(n, r);
    read_memory(n, r);
    if (n->temperature && !n->temperature(n->card, 0, &celsius))
        r->temperature = celsius;
    read_power(n, r);
    r->fan = unsigned_of(n->fan, n->card, 1);
    if (n->utilisation && !n->utilisation(n->card, &busy)) {
        r->utilisation = busy.device;
        r->memory_utilisation = busy.memory;
    }
    r->clock = clock_of(n, 1);
    r->memory_clock = clock_of(n, 2);
    read_reasons(n, r);
    read_modes(n, r);
}

/* --- the power limit */

int nvml_limit(struct nvml *n, double watts, char *cause, size_t size)
{
    unsigned before, least, most;
    const double wanted = watts * 1000;
    if (!n || !n->card) {
        snprintf(cause, size, n ? "NVML does not know the device" : "there is no NVML");
        return -1;
    }
    if (!n->set_limit || !n->limit || n->limit(n->card, &before)) {
        snprintf(cause, size, "the card has no limit that can be set");
        return -1;
    }
    if (n->limits && !n->limits(n->card, &least, &most) && (wanted < least || wanted > most)) {
        snprintf(cause, size, "the card takes %.0f to %.0f W", least * 1e-3, most * 1e-3);
        return -1;
    }
    const int code = n->set_limit(n->card, (unsigned)(wanted + 0.5));
    if (code) {
        snprintf(cause, size,
                 code == NO_PERMISSION ? "this user may not set it" : "NVML fails with status %d",
                 code);
        return -1;
    }
    n->set_mw = (unsigned)(wanted + 0.5);
    n->back_mw = before;
    return 0;
}
