/* SPDX-License-Identifier: MIT */
/*
 * exec: from a plan with places to commands. Memory, kernels and their arguments are made once; a
 * run only enqueues.
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "lower/plan.h"

/* Bytes of one of the devices that exec_prepare() will take, and those of activations among them.
 */
uint64_t exec_bytes(const struct plan *p, const struct plan *shared, size_t device);
uint64_t exec_activations(const struct plan *p, const struct plan *shared, size_t device);

/* Memory and kernels. `shared` (may be NULL) is a prepared plan whose activations are free while
 * this one runs. */
int exec_prepare(struct plan *p, struct plan *shared, const struct gemm_provider *provider,
                 struct error *err);

/* Enqueues launches [from, to). */
int exec_run(struct plan *p, size_t from, size_t to, struct error *err);

/* The same, waiting after each and adding up its time. */
int exec_run_profiled(struct plan *p, size_t from, size_t to, struct error *err);

/* Carried states begin anew. */
int exec_forget(struct plan *p, struct error *err);

/* Blocking copies of a tensor, or of the one that a view shows. */
int tensor_read(const struct tensor *t, void *to, struct error *err);
int tensor_write(struct tensor *t, const void *from, struct error *err);

#endif
