/* SPDX-License-Identifier: MIT */
/*
 * folder: the folder of a run: which files a run leaves there, and the lock by which one process at
 * a time works in it. The lock is that of the file run.lock (flock), which is never unlinked: a
 * lock of a file that another process replaces would hold nobody off. It ends with the process.
 */
#ifndef RUN_FOLDER_H
#define RUN_FOLDER_H

#include "config/config.h"
#include "error.h"

/* What may be done with a run that the folder holds already. */
enum folder_use { FOLDER_FRESH, FOLDER_RESUME, FOLDER_OVERWRITE };

struct folder {
    const char *path;
    enum folder_use use;
    int wants_lock; /* run.lock = yes */
    int looked;     /* a call has told what is there */
    int entered;    /* may be read and written; the lock is held */
    int lock;       /* open file that holds the lock; -1: none */
    int last;       /* last.safetensors is there */
    int former;     /* last.1.safetensors is there */
};

void folder_init(struct folder *f, const struct config *config, enum folder_use use);
void folder_fini(struct folder *f);

/*
 * Takes the lock, then looks what the folder holds; nothing in it is changed. A folder that is not
 * there is made if `make` is given, else all is left for a later call; a call after one that has
 * entered does nothing. Fails where the folder holds a run and is for a fresh one (STATUS_USAGE),
 * where another process has the lock, and where it cannot be told what is there.
 */
int folder_enter(struct folder *f, int make, struct error *err);

/* Removes what a run may have left, checkpoints first: a folder that is cleared by half holds no
 * run to go on with. Other files stay. */
int folder_clear(const struct folder *f, struct error *err);

/* Removes files that killed processes left half-written, unless another process may write them. */
void folder_sweep(const struct folder *f);

#endif
