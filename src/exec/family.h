/* SPDX-License-Identifier: MIT */
/*
 * family: the ranks of one model on several devices of this machine, without a launcher. The
 * process that the user has started is rank 0; it starts a further process for each further device
 * before it touches a device itself. Bytes go through a pair of sockets between any two of them (3
 * to 4 GB/s; memory that they share, in pieces that one writes while the other reads, was hardly
 * faster).
 *
 * Processes and not threads: drivers have threads, schedulers and tables that all devices of a
 * process share, and a crash of one would take all; a part of a CPU device keeps its process to its
 * cores; and what is known of ranks, of their log, their folder and their bits, stays as it is. The
 * price is that each process reads the data. They are forked and go on from there: a configuration
 * that came through a pipe, or from a sweep, cannot be read again.
 *
 * Rank 0 is the one that the user deals with. It tells of a failure of another, with its status; it
 * ends the others when it fails itself; and they end at once when it dies. Only Linux sees to that
 * at any moment (PR_SET_PDEATHSIG), elsewhere they see it when they next speak with it.
 */
#ifndef EXEC_FAMILY_H
#define EXEC_FAMILY_H

#include "error.h"
#include "exec/comm_plugin.h"

struct family;

/* How they speak; its begin() is the next function. */
extern const struct comm_plugin family_ways;

/* Starts a process for each device but the first, by its name; returns in all of them, each with
 * its rank. Nothing may have been asked of a device yet. */
struct family *family_begin(char *const *device, int count, int *rank, struct error *err);

/* Rank 0 has lost another: *err becomes what ended the first of those that ended. All others are
 * ended. */
void family_explain(struct family *family, struct error *err);

/* Leaves a failure to rank 0, which tells it. Rank 0 itself: -1, it is for the caller to tell. */
int family_leave(struct family *family, const struct error *err);

#endif
