/* SPDX-License-Identifier: MIT */
#include "run/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hf/peft.h"
#include "log/board.h"
#include "train/adapters.h"
#include "train/training.h"
#include "util/file.h"

/* Everything that a run may leave but run.lock and event files; --overwrite removes these and
 * nothing else. Pictures alone do not occupy a folder: `seqtrain data` draws some as well. */
static const char *const run_files[] = {RUN_FORMER,
                                        RUN_LAST,
                                        "config.ini",
                                        "plan.json",
                                        "log.jsonl",
                                        "model.py",
                                        "best.safetensors",
                                        "categories.safetensors",
#define FILE_OF(name) #name ".png",
                                        PICTURES(FILE_OF, FILE_OF)};
#define RUN_FILES (sizeof run_files / sizeof *run_files)
#define ONE(name) +1
#define RUN_PICTURES (0 PICTURES(ONE, ONE)) /* the last ones */

/* The same in a folder of their own, beside which there is always best.safetensors. */
static const char *const adapter_files[] = {ADAPTERS_FOLDER "/" PEFT_CONFIG,
                                            ADAPTERS_FOLDER "/" PEFT_MODEL};
#define ADAPTER_FILES (sizeof adapter_files / sizeof *adapter_files)

void folder_init(struct folder *f, const struct config *config, enum folder_use use)
{
    *f = (struct folder){
        .path = config->run.output, .use = use, .wants_lock = config->run.lock, .lock = -1};
}

void folder_fini(struct folder *f)
{
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
}

/* 1: there, be it a link to nowhere. 0: absent, by ENOENT alone. -1: cannot be told. */
static int is_there(const char *path, struct error *err)
{
    struct stat st;
    if (!lstat(path, &st))
        return 1;
    return errno == ENOENT ? 0 : error_errno(err, STATUS_FAILED, path);
}

/* The same of the folder itself, which a link may lead to. */
static int is_folder(const char *path, struct error *err)
{
    if (file_is_folder(path))
        return 1;
    if (!errno)
        return error_set(err, STATUS_FAILED, "%s: not a folder", path);
    return errno == ENOENT ? 0 : error_errno(err, STATUS_FAILED, path);
}

/* Whether a file is in the folder, as is_there(). */
static int has(const struct folder *f, const char *name, struct error *err)
{
    char *path = file_join(f->path, name);
    int there =
        path ? is_there(path, err) : error_set(err, STATUS_FAILED, "%s: out of memory", name);
    free(path);
    return there;
}

static int look(struct folder *f, struct error *err)
{
    int occupied = 0;
    for (size_t i = 0; i < RUN_FILES - RUN_PICTURES; i++) {
        int there = has(f, run_files[i], err);
        if (there < 0)
            return -1;
        occupied |= there;
    }
    if (occupied && f->use == FOLDER_FRESH)
        return error_set(err, STATUS_USAGE,
                         "%s holds a run already: --resume goes on with it, --overwrite starts "
                         "afresh, -o names another folder",
                         f->path);
    f->last = has(f, RUN_LAST, err);
    f->former = has(f, RUN_FORMER, err);
    return f->last < 0 || f->former < 0 ? -1 : 0;
}

static int take_lock(struct folder *f, struct error *err)
{
    char *path = file_join(f->path, "run.lock");
    if (!path)
        return error_set(err, STATUS_FAILED, "run.lock: out of memory");
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    int failed = f->lock < 0 || flock(f->lock, LOCK_EX | LOCK_NB);
    if (failed && f->lock >= 0 && errno == EWOULDBLOCK)
        error_set(err, STATUS_FAILED,
                  "%s: another process trains in this folder: wait for its end, or name another "
                  "folder with -o",
                  f->path);
    else if (failed && f->lock >= 0)
        error_set(err, STATUS_FAILED,
                  "%s: cannot be locked: %s: where no other process trains in this folder, "
                  "run.lock = no does without",
                  path, strerror(errno));
    else if (failed)
        error_errno(err, STATUS_FAILED, path);
    free(path);
    return failed ? -1 : 0;
}

int folder_enter(struct folder *f, int make, struct error *err)
{
    const struct folder before = *f;
    if (f->entered)
        return 0;
    f->looked = 1;
    int there = make && file_mkdir(f->path, err) ? -1 : is_folder(f->path, err);
    if (there <= 0)
        return there;
    if (look(f, err)) /* so that a folder that is refused gets no run.lock either */
        return -1;
    if ((f->wants_lock && take_lock(f, err)) || look(f, err))
        return -1;
    if (before.looked && (f->last != before.last || f->former != before.former))
        return error_set(err, STATUS_FAILED, "%s: another run has begun in it meanwhile", f->path);
    f->entered = 1;
    return 0;
}

/* Removes a file that may be there; -1 where it stays. */
static int clear(const struct folder *f, const char *name, struct error *err)
{
    char *path = file_join(f->path, name);
    /* ENOTDIR: a file that is not ours has the name of its folder */
    int failed = !path || (unlink(path) && errno != ENOENT && errno != ENOTDIR);
    if (failed)
        error_errno(err, STATUS_FAILED, path ? path : f->path);
    free(path);
    return failed ? -1 : 0;
}

int folder_clear(const struct folder *f, struct error *err)
{
    for (size_t i = 0; i < RUN_FILES; i++)
        if (clear(f, run_files[i], err))
            return -1;
    for (size_t i = 0; i < ADAPTER_FILES; i++)
        if (clear(f, adapter_files[i], err))
            return -1;
    /* those of a run without a checkpoint are cut by the next one, see board.c */
    return f->use == FOLDER_RESUME ? 0 : board_clear(f->path, err);
}

void folder_sweep(const struct folder *f)
{
    for (size_t i = 0; f->lock >= 0 && i < RUN_FILES + ADAPTER_FILES; i++) {
        char *path =
            file_join(f->path, i < RUN_FILES ? run_files[i] : adapter_files[i - RUN_FILES]);
        if (path)
            file_sweep(path, 0);
        free(path);
    }
}
