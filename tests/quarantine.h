/* SPDX-License-Identifier: MIT */
/*
 * quarantine: a freed block of memory keeps its address for a while. PoCL 4 to 6 look up what they
 * know of a value by its address, also when the value is freed (tests/RELIABILITY.md): where
 * another value gets that address, a kernel with several work-items in a work-group is compiled
 * wrongly, depending on the heap. Its compiler calls this program's free(), as all libraries in it
 * do. Included once in a program, behind cmocka.h. A sanitizer has a quarantine of its own.
 */
#ifndef TESTS_QUARANTINE_H
#define TESTS_QUARANTINE_H

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "chosen.h"
#include "device/device.h"

/* So much waits until it is freed. A program of ours frees up to 1.4 GB while it is compiled, most
 * of it many passes before it would matter: 16 MiB were enough where kernels were wrong. */
enum { QUARANTINE_BYTES = 1 << 26 };

#ifdef __has_feature
#define QUARANTINE_FEATURE(name) __has_feature(name)
#else
#define QUARANTINE_FEATURE(name) 0
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !QUARANTINE_FEATURE(address_sanitizer) && !QUARANTINE_FEATURE(thread_sanitizer)
#define QUARANTINES
#endif

#ifdef QUARANTINES
static int quarantine_on, quarantine_lock;
static size_t quarantined;
static struct quarantined {
    struct quarantined *next;
} quarantine_head, *quarantine_tail = &quarantine_head;

void __libc_free(void *p);
__attribute__((visibility("default"))) void free(void *p);

void free(void *p)
{
    if (!p || !__atomic_load_n(&quarantine_on, __ATOMIC_RELAXED)) {
        __libc_free(p);
        return;
    }
    struct quarantined *last = p, *first = NULL, **end = &first;
    last->next = NULL;
    while (__atomic_exchange_n(&quarantine_lock, 1, __ATOMIC_ACQUIRE))
        ;
    quarantine_tail = quarantine_tail->next = last;
    quarantined += malloc_usable_size(p);
    while (quarantined > QUARANTINE_BYTES && quarantine_head.next != last) {
        *end = quarantine_head.next;
        quarantine_head.next = (*end)->next;
        quarantined -= malloc_usable_size(*end);
        end = &(*end)->next;
    }
    *end = NULL;
    __atomic_store_n(&quarantine_lock, 0, __ATOMIC_RELEASE);
    while (first) {
        p = first;
        first = first->next;
        __libc_free(p);
    }
}
#endif

/* From here on, if this device's driver is such. */
static inline void quarantine_for(const struct device *dev)
{
    const struct device_info *info = device_info(dev);
    const int needed = !strcmp(info->platform, "Portable Computing Language") &&
                       info->driver[0] >= '4' && info->driver[0] <= '6' && info->driver[1] == '.';
#ifdef QUARANTINES
    __atomic_store_n(&quarantine_on, needed, __ATOMIC_RELAXED);
#else
    (void)needed;
#endif
}

/* The same of the device that tests run on, as the set-up of tests whose engine opens it. */
static inline int quarantine_setup(void **state)
{
    struct error why;
    struct device *dev = device_open(
        &(struct device_options){.select = chosen_device(), .memory_fraction = 0.9, .threads = -1},
        &why);
    (void)state;
    if (!dev) {
        print_error("%s\n", why.text);
        return -1;
    }
    quarantine_for(dev);
    device_close(dev);
    return 0;
}

#endif
