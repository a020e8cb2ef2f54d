/* SPDX-License-Identifier: MIT */
/*
 * ending: what became of the process of a run, by its status and by what it has printed.
 */
#ifndef SWEEP_ENDING_H
#define SWEEP_ENDING_H

#include <stddef.h>

/* Puts into words why it ended. `status`: of waitpid(), not that of success. `folder`: of the run,
 * which has its console. */
void ending_text(int status, const char *folder, char *to, size_t size);

#endif
