/* SPDX-License-Identifier: MIT */
/*
 * comm: the processes, ranks, that train one model together, started by a launcher such as mpirun
 * or by the first of them, for several devices. What is sent are bytes; nothing is ever summed
 * here, so that no sum depends on how many ranks there are. A process that is alone has NULL.
 *
 * Messages go through a plug-in (comm_plugin.h), which is loaded where the launcher's environment
 * asks for ranks; seqtrain itself is linked with no MPI. Those of processes that were forked go
 * through sockets (family.h). Failures have STATUS_FAILED, or what another rank has failed with.
 */
#ifndef EXEC_COMM_H
#define EXEC_COMM_H

#include <stddef.h>

#include "error.h"

struct comm;

/* Whether a launcher has started several processes, of which this is one. */
int comm_is_launched(void);

/* What this process starts is none of them. */
void comm_forget_launcher(void);

/* Joins the ranks of a launcher; *comm is NULL where the process is alone. STATUS_USAGE where
 * there is no plug-in. A rank that does not answer for `timeout` seconds, whatever it does
 * meanwhile, is lost: who waits for it fails; 0: he waits for ever. */
int comm_open(struct comm **comm, double timeout, struct error *err);

/* Starts a process for each of these devices but the first, which this one has; returns in all of
 * them. Before anything is asked of a device. */
int comm_fork(struct comm **comm, char *const *device, size_t count, struct error *err);

/* Leaves them; waits until all others do, too. */
void comm_close(struct comm *comm);

/* Leaves a failure of this rank to be told by rank 0; -1: this process tells it itself. */
int comm_leave(struct comm *comm, const struct error *err);

/* Ends all ranks at once with this exit status, this one as well. */
void comm_abort(struct comm *comm, int status);

int comm_rank(const struct comm *comm); /* 0 if alone */
int comm_size(const struct comm *comm); /* 1 if alone */

int comm_send(struct comm *comm, int to, const void *bytes, size_t size, struct error *err);
int comm_receive(struct comm *comm, int from, void *bytes, size_t size, struct error *err);

/* The bytes of rank 0 to all. */
int comm_share(struct comm *comm, void *bytes, size_t size, struct error *err);

/* The largest *value of all ranks, to all of them: they go on together. */
int comm_agree(struct comm *comm, int *value, struct error *err);

#endif
