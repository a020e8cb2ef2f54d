/* SPDX-License-Identifier: MIT */
/*
 * stall: a thread that tells when a counter has stood still for too long, as the main thread, which
 * waits for a device that hangs, cannot. The counter and the context stay the caller's.
 */
#ifndef TRAIN_STALL_H
#define TRAIN_STALL_H

#include <stdatomic.h>

struct stall;

/* Called from the thread, once each time that the counter stands still. */
typedef void stall_tell(void *ctx, double seconds);

/* Watches until stall_stop(); NULL where there is no memory or no thread for it. */
struct stall *stall_start(double seconds, const atomic_ulong *counter, stall_tell *tell, void *ctx);

/* Ends the thread; NULL is none. */
void stall_stop(struct stall *stall);

#endif
