/* SPDX-License-Identifier: MIT */
#include "sweep/slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/device.h"
#include "sweep/values.h"

#define NO_SLOT SIZE_MAX

/* Slots of a device with sweep.slots = auto. */
#define MOST_SLOTS 8

static int add_slot(struct slots *s, const char *device, size_t base)
{
    char **devices = realloc(s->device, (s->count + 1) * sizeof *devices);
    if (devices)
        s->device = devices;
    size_t *bases = realloc(s->base, (s->count + 1) * sizeof *bases);
    if (bases)
        s->base = bases;
    if (!devices || !bases || !(devices[s->count] = strdup(device)))
        return -1;
    bases[s->count++] = base;
    return 0;
}

/* Slots on approval: no more processes in all than the host has cores. */
static int add_more(struct slots *s)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t devices = s->count, each = cores > 0 ? (size_t)cores / devices : 1;
    for (size_t i = 0; i < devices; i++)
        for (size_t n = 1; n < each && n < MOST_SLOTS; n++)
            if (add_slot(s, s->device[i], i))
                return -1;
    return 0;
}

/* A slot for each device, or for that of the configuration. */
static int find_slots(struct slots *s, const struct config *base, struct error *err)
{
    unsigned *index = NULL;
    size_t count = 0;
    char number[16];
    int failed = 0;
    if (base->device.select.count > 1)
        return error_set(err, STATUS_USAGE,
                         "%s: device.select names %zu devices, and a run of a sweep has one: "
                         "sweep.slots names devices for runs side by side",
                         config_name(base), base->device.select.count);
    if (config_is_set(base, "device", "select"))
        return add_slot(s, config_device(base), 0) || add_more(s)
                   ? error_set(err, STATUS_FAILED, "out of memory")
                   : 0;
    if (device_each(&index, &count, err))
        return -1;
    for (size_t i = 0; !failed && i < count; i++) {
        snprintf(number, sizeof number, "%u", index[i]);
        failed = add_slot(s, number, i);
    }
    free(index);
    failed = failed || add_more(s);
    return failed ? error_set(err, STATUS_FAILED, "out of memory") : 0;
}

static int read_slots(struct slots *s, const struct sweep *sweep, struct error *err)
{
    const struct list *list = &sweep->base->sweep.slots;
    if (sweep_key_of(sweep, "device.select"))
        return error_set(err, STATUS_USAGE,
                         "%s: [sweep] device.select: the slots say on which device a run is "
                         "trained (sweep.slots)",
                         config_name(sweep->base));
    if (!list->count || (list->count == 1 && !strcmp(list->item[0], "auto")))
        return find_slots(s, sweep->base, err);
    for (size_t i = 0; i < list->count; i++)
        if (add_slot(s, list->item[i], i))
            return error_set(err, STATUS_FAILED, "out of memory");
    return 0;
}

/* --- which values have which slot */

/* The number of a choice of the first key; NO_SLOT: it is none. */
static size_t choice_of(const struct sweep *sweep, const char *value)
{
    for (size_t i = 0; i < sweep->axis[sweep->key[0].axis].choices; i++)
        if (!strcmp(sweep->key[0].choice[i], value))
            return i;
    return NO_SLOT;
}

static int assign(struct slots *s, const struct sweep *sweep, size_t slot, const char *value,
                  struct error *err)
{
    size_t choice = choice_of(sweep, value);
    const char *name = config_name(sweep->base);
    if (choice == NO_SLOT)
        return error_set(err, STATUS_USAGE, "%s: [sweep] slot.%zu: %s does not take the value '%s'",
                         name, slot, sweep->key[0].name, value);
    if (s->slot_of[choice] != NO_SLOT)
        return error_set(err, STATUS_USAGE, "%s: [sweep] slot.%zu: '%s' has slot %zu already", name,
                         slot, value, s->slot_of[choice]);
    s->slot_of[choice] = slot;
    return 0;
}

/* A key slot.N. */
static int read_assigned(struct slots *s, const struct sweep *sweep, const char *key,
                         const char *text, struct error *err)
{
    struct values values;
    char what[VALUES_FAULT], *end;
    const struct config_varied as = {.name = key, .text = text};
    const char *number = key + strlen("slot."), *name = config_name(sweep->base);
    errno = 0;
    unsigned long slot = strtoul(number, &end, 10);
    if (!strchr("0123456789", *number) || *end || errno || slot >= s->count ||
        s->base[slot] != slot)
        return error_set(err, STATUS_USAGE, "%s: [sweep] %s: there are the slots 0 to %zu", name,
                         key, s->base[s->count - 1]);
    int failed = values_read(&values, &as, what);
    if (failed)
        error_set(err, *what ? STATUS_USAGE : STATUS_FAILED, "%s: [sweep] %s: %s", name, key,
                  *what ? what : "out of memory");
    for (size_t i = 0; !failed && i < values.count; i++)
        failed = assign(s, sweep, slot, values.item[i], err);
    values_release(&values);
    return failed;
}

static int read_assignment(struct slots *s, const struct sweep *sweep, struct error *err)
{
    const char *name = config_name(sweep->base), *key, *text;
    const int by_list = sweep->base->sweep.assign == ASSIGN_LIST;
    if (!by_list)
        return !config_slot(sweep->base, 0, &key)
                   ? 0
                   : error_set(err, STATUS_USAGE, "%s: [sweep] %s needs assign = list", name, key);
    if (sweep->base->sweep.sampler == SAMPLER_TPE)
        return error_set(err, STATUS_USAGE,
                         "%s: [sweep] assign = list goes by values, which sampler = tpe draws "
                         "when a run begins: assign = load",
                         name);
    if (!sweep->keys || !sweep->key[0].choice)
        return error_set(err, STATUS_USAGE,
                         "%s: [sweep] assign = list goes by the values of the first key that "
                         "varies, which must be a list",
                         name);
    size_t choices = sweep->axis[sweep->key[0].axis].choices;
    if (!(s->slot_of = malloc(choices * sizeof *s->slot_of)))
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < choices; i++)
        s->slot_of[i] = NO_SLOT;
    for (size_t i = 0; (text = config_slot(sweep->base, i, &key)); i++)
        if (read_assigned(s, sweep, key, text, err))
            return -1;
    for (size_t i = 0; i < choices; i++)
        if (s->slot_of[i] == NO_SLOT)
            return error_set(err, STATUS_USAGE,
                             "%s: [sweep] assign = list: no slot.N holds the value '%s' of %s",
                             name, sweep->key[0].choice[i], sweep->key[0].name);
    return 0;
}

/* A run that sets a power limit puts back the one before, which must not be that of a run beside
 * it. Slots on approval are not approved then. */
static int check_limit(const struct slots *s, const struct sweep *sweep, struct error *err)
{
    if (sweep->base->device.power_limit <= 0)
        return 0;
    for (size_t b = 0; b < s->count; b++)
        for (size_t a = 0; a < b; a++)
            if (s->base[a] == a && s->base[b] == b && slots_same_device(s, a, b))
                return error_set(err, STATUS_USAGE,
                                 "%s: slots %zu and %zu are one device, on which "
                                 "device.power_limit would be set and put back by two runs at a "
                                 "time: 'nvidia-smi -pl %.0f' sets it for all",
                                 config_name(sweep->base), a, b, sweep->base->device.power_limit);
    return 0;
}

int slots_init(struct slots *s, const struct sweep *sweep, struct error *err)
{
    *s = (struct slots){0};
    return read_slots(s, sweep, err) || read_assignment(s, sweep, err) || check_limit(s, sweep, err)
               ? -1
               : 0;
}

void slots_fini(struct slots *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->device[i]);
    free(s->device);
    free(s->base);
    free(s->slot_of);
    *s = (struct slots){0};
}

int slots_same_device(const struct slots *s, size_t a, size_t b)
{
    return !strcmp(s->device[a], s->device[b]);
}

int slots_allow(const struct slots *s, const struct sweep *sweep, size_t slot, const char *value)
{
    return !s->slot_of || s->slot_of[choice_of(sweep, value)] == s->base[slot];
}
