/* SPDX-License-Identifier: MIT */
/*
 * comm_plugin: what a plug-in of ranks gives to exec/comm.c: a shared object that has a variable of
 * this type called seqtrain_ranks. Functions return 0, or -1 with the cause as text in `why`.
 */
#ifndef EXEC_COMM_PLUGIN_H
#define EXEC_COMM_PLUGIN_H

#include <stddef.h>

#define COMM_PLUGIN_VERSION 1
#define COMM_WHY 256

struct comm_plugin {
    unsigned version;
    int (*begin)(int *rank, int *size, char why[COMM_WHY]);
    int (*send)(int to, const void *bytes, size_t size, char why[COMM_WHY]);
    int (*receive)(int from, void *bytes, size_t size, char why[COMM_WHY]);
    void (*end)(void);
    void (*abort)(int status);
};

#endif
