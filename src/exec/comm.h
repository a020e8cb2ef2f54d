/* SPDX-License-Identifier: MIT */
/*
 * comm: the processes, ranks, that train one model together, started by a launcher such as mpirun.
 * What is sent are bytes; nothing is ever summed here, so that no sum depends on how many ranks
 * there are. A process that no launcher has started is alone: NULL stands for that.
 *
 * Messages go through a plug-in (comm_plugin.h), which is loaded where the launcher's environment
 * asks for ranks; seqtrain itself is linked with no MPI. Failures have STATUS_FAILED.
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

/* Joins the ranks; *comm is NULL where the process is alone. STATUS_USAGE where there is no
 * plug-in. A rank that does not answer for `timeout` seconds, whatever it does meanwhile, is lost:
 * who waits for it fails; 0: he waits for ever. */
int comm_open(struct comm **comm, double timeout, struct error *err);

/* Leaves them; waits until all others do, too. */
void comm_close(struct comm *comm);

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
