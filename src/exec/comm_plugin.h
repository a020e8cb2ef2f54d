/* SPDX-License-Identifier: MIT */
/*
 * comm_plugin: how messages go from rank to rank, for exec/comm.c. A plug-in is a shared object
 * that has a variable of this type called seqtrain_ranks. Functions return 0, or -1 with the cause
 * as text in `why`; `self` is what begin() has made. A rank that does not answer for `timeout`
 * seconds ends who waits for it; 0: never.
 */
#ifndef EXEC_COMM_PLUGIN_H
#define EXEC_COMM_PLUGIN_H

#include <stddef.h>

#define COMM_PLUGIN_VERSION 3
#define COMM_WHY 256

struct comm_plugin {
    unsigned version;
    int (*begin)(void **self, int *rank, int *size, double timeout, char why[COMM_WHY]);
    int (*send)(void *self, int to, const void *bytes, size_t size, char why[COMM_WHY]);
    int (*receive)(void *self, int from, void *bytes, size_t size, char why[COMM_WHY]);
    void (*end)(void *self);
    void (*abort)(void *self, int status);
};

#endif
