/* SPDX-License-Identifier: MIT */
#include "telemetry/telemetry.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "telemetry/machine.h"
#include "telemetry/nvml.h"
#include "telemetry/sysfs.h"
#include "util/now.h"

enum { PERIOD = 1000, FIRST = 1000, LAST = 2000 }; /* ms: between readings, and to wait for */

struct telemetry {
    struct device_card card;
    int is_cpu;
    double power_limit;
    char root[256];
    int stop[2];  /* a pipe: closed to end the thread */
    int ready[2]; /* a pipe: written to after the first reading, closed when the thread ends */
    pthread_t thread;

    pthread_mutex_t lock; /* of what follows */
    struct telemetry_reading last;
    double when; /* of it; 0: none yet */
    int limited; /* see telemetry_limited() */
    char cause[96];
    int left, ended; /* by its owner, who waits no longer; the thread */

    /* the thread's own */
    struct nvml *nvml;
    struct machine_times times;
    struct sysfs_energy energy;
};

/* Ends what nobody uses any more. */
static void release(struct telemetry *t)
{
    pthread_mutex_destroy(&t->lock);
    close(t->stop[0]);
    close(t->ready[0]);
    free(t);
}

/* --- the thread */

static void read_card(struct telemetry *t, struct telemetry_reading *r)
{
    char address[32];
    const struct device_card *c = &t->card;
    snprintf(address, sizeof address, "%04x:%02x:%02x.%x", c->domain, c->bus, c->device,
             c->function);
    nvml_read(t->nvml, r);
    if (!*r->source && c->has_address)
        sysfs_read(t->root, address, &t->energy, r);
}

static void read_all(struct telemetry *t)
{
    struct telemetry_reading r;
    sensed_clear(&r);
    if (t->is_cpu)
        machine_read_device(t->root, &t->times, &r);
    else
        machine_read(t->root, &r);
    if (!t->is_cpu)
        read_card(t, &r);
    sensed_bound(&r);
    pthread_mutex_lock(&t->lock);
    t->last = r;
    t->when = now();
    pthread_mutex_unlock(&t->lock);
}

static void limit_power(struct telemetry *t)
{
    char cause[sizeof t->cause] = "";
    const int failed = nvml_limit(t->nvml, t->power_limit, cause, sizeof cause);
    pthread_mutex_lock(&t->lock);
    t->limited = failed ? -1 : 1;
    memcpy(t->cause, cause, sizeof cause);
    pthread_mutex_unlock(&t->lock);
}

static void *work(void *arg)
{
    struct telemetry *t = arg;
    struct pollfd end = {.fd = t->stop[0], .events = POLLIN};
    int told = 0;
    if (!t->is_cpu)
        t->nvml = nvml_open(&t->card);
    if (t->power_limit > 0)
        limit_power(t);
    do {
        read_all(t);
        if (!told)
            told = (int)write(t->ready[1], "", 1);
    } while (poll(&end, 1, PERIOD) <= 0);
    nvml_close(t->nvml);
    pthread_mutex_lock(&t->lock);
    const int left = t->left;
    t->ended = 1;
    pthread_mutex_unlock(&t->lock);
    close(t->ready[1]);
    if (left)
        release(t);
    return NULL;
}

/* --- its owner */

static int start_thread(struct telemetry *t)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&t->thread, NULL, work, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* Which card the device is. */
static void take_card(struct telemetry *t, const struct device_info *info)
{
    const char *address = getenv("SEQTRAIN_TEST_CARD");
    struct device_card c = {.has_address = 1};
    t->card = info->card;
    t->is_cpu = info->is_cpu;
    if (!address || sscanf(address, "%x:%x:%x.%x", &c.domain, &c.bus, &c.device, &c.function) != 4)
        return;
    t->card = c;
    t->is_cpu = 0;
}

struct telemetry *telemetry_open(const struct device_info *info,
                                 const struct telemetry_options *options)
{
    struct telemetry *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    const char *root = options->root ? options->root : getenv("SEQTRAIN_TEST_ROOT");
    take_card(t, info);
    t->power_limit = options->power_limit;
    snprintf(t->root, sizeof t->root, "%s", root ? root : "");
    snprintf(t->cause, sizeof t->cause, "its driver does not answer");
    t->limited = t->power_limit > 0 ? -1 : 0;
    sensed_clear(&t->last);
    pthread_mutex_init(&t->lock, NULL);
    if (pipe2(t->stop, O_CLOEXEC)) {
        pthread_mutex_destroy(&t->lock);
        free(t);
        return NULL;
    }
    const int failed = pipe2(t->ready, O_CLOEXEC);
    if (!failed && !start_thread(t)) {
        poll(&(struct pollfd){.fd = t->ready[0], .events = POLLIN}, 1, FIRST);
        return t;
    }
    if (!failed)
        close(t->ready[1]);
    t->ready[0] = failed ? -1 : t->ready[0];
    close(t->stop[1]);
    release(t);
    return NULL;
}

int telemetry_close(struct telemetry *t)
{
    if (!t)
        return 0;
    struct pollfd ended = {.fd = t->ready[0]}; /* without events: only that it was closed */
    const pthread_t thread = t->thread;
    close(t->stop[1]); /* the thread sees it */
    poll(&ended, 1, LAST);
    pthread_mutex_lock(&t->lock);
    const int left = !t->ended, lost = left && t->limited > 0;
    t->left = left;
    pthread_mutex_unlock(&t->lock);
    if (left) { /* the thread releases what it works with */
        pthread_detach(thread);
        return lost ? -1 : 0;
    }
    pthread_join(thread, NULL);
    release(t);
    return 0;
}

double telemetry_last(struct telemetry *t, struct telemetry_reading *r)
{
    pthread_mutex_lock(&t->lock);
    const double age = t->when > 0 ? now() - t->when : INFINITY;
    *r = t->last;
    pthread_mutex_unlock(&t->lock);
    if (age <= TELEMETRY_MOST_AGE)
        return age > 0 ? age : 0;
    sensed_clear(r);
    return INFINITY;
}

int telemetry_limited(struct telemetry *t, char *cause, size_t size)
{
    pthread_mutex_lock(&t->lock);
    const int limited = t->limited;
    snprintf(cause, size, "%s", limited < 0 ? t->cause : "");
    pthread_mutex_unlock(&t->lock);
    return limited;
}
