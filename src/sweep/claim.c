/* SPDX-License-Identifier: MIT */
#include "sweep/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/host.h"
#include "util/now.h"

struct claim {
    char *folder; /* FOLDER/claim */
    size_t run;
    unsigned generation;
    int fd;
    unsigned long beats;
    double renewed; /* now() of the last heartbeat that was written */
};

/* Nobody takes a run so often. */
#define MOST_GENERATIONS 1000000

static char *claim_path(const char *folder, size_t run, unsigned generation)
{
    char *path;
    return asprintf(&path, "%s/%zu.%u", folder, run, generation) < 0 ? NULL : path;
}

/* --- looking */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Whether a process of this place is there no more; one of another user may be hidden. */
static int is_gone(long pid, const char *begun_then)
{
    char begun[HOST_BEGUN];
    if (*host_begun(pid, begun))
        return strcmp(begun, begun_then) != 0;
    return !kill((pid_t)pid, 0) || errno != EPERM;
}

/* What the content says. One that cannot be read is being written: somebody has the claim. */
static void understand(struct claim_look *look)
{
    json_t *object = json_loads(look->content, JSON_DISABLE_EOF_CHECK, NULL);
    char place[HOST_PLACE];
    long pid = (long)json_integer_value(json_object_get(object, "pid"));
    int is_here = pid > 0 && *host_place(place) && !strcmp(place, text_of(object, "place"));
    look->state = CLAIM_HELD;
    snprintf(look->holder, sizeof look->holder, "another process");
    if (object)
        snprintf(look->holder, sizeof look->holder, "process %ld of %s", pid,
                 text_of(object, "host"));
    if (json_is_true(json_object_get(object, "free")))
        look->state = CLAIM_FREE;
    else if (is_here && is_gone(pid, text_of(object, "begun")))
        look->state = CLAIM_GONE;
    look->is_here = is_here && look->state == CLAIM_HELD;
    json_decref(object);
}

/* Reads generation G of a run: 1 if it is there, 0 if not. */
static int read_claim(const char *folder, size_t run, unsigned generation, struct claim_look *look,
                      struct error *err)
{
    char *path = claim_path(folder, run, generation);
    if (!path)
        return error_set(err, STATUS_FAILED, "out of memory");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : pread(fd, look->content, CLAIM_CONTENT - 1, 0);
    int there = fd >= 0 || errno != ENOENT;
    int failed = there && got < 0 ? error_errno(err, STATUS_FAILED, path) : 0;
    if (fd >= 0)
        close(fd);
    free(path);
    if (!failed && there) {
        look->content[got] = 0;
        look->generation = generation;
    }
    return failed ? -1 : there;
}

/* The latest claim of a run: that behind which there is none. */
static int find_latest(const char *folder, size_t run, struct claim_look *look, struct error *err)
{
    int there = 1;
    *look = (struct claim_look){0};
    while (there > 0 && look->generation < MOST_GENERATIONS)
        there = read_claim(folder, run, look->generation + 1, look, err);
    if (there >= 0 && look->generation)
        understand(look);
    return there < 0 ? -1 : 0;
}

int claim_look(const char *folder, size_t run, struct claim_look *look, struct error *err)
{
    char *path = file_join(folder, "claim");
    int failed =
        path ? find_latest(path, run, look, err) : error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return failed;
}

int claim_is_stale(struct claim_watch *watch, const struct claim_look *look, double at)
{
    if (look->state != CLAIM_HELD)
        return 0;
    if (watch->generation != look->generation || strcmp(watch->content, look->content) != 0) {
        watch->generation = look->generation;
        memcpy(watch->content, look->content, CLAIM_CONTENT);
        watch->since = at;
    }
    return at - watch->since >= CLAIM_STALE;
}

/* --- taking */

/* Writes the content, which has the same length each time. */
static int write_content(struct claim *c, int is_free)
{
    char host[HOST_NAME], place[HOST_PLACE], begun[HOST_BEGUN], text[CLAIM_CONTENT];
    int length = snprintf(text, sizeof text,
                          "{\"host\":\"%s\",\"pid\":%ld,\"place\":\"%s\",\"begun\":\"%s\","
                          "\"beats\":%lu,\"free\":%s}",
                          host_name(host), (long)getpid(), host_place(place),
                          host_begun((long)getpid(), begun), c->beats, is_free ? "true" : "false");
    memset(text + length, ' ', sizeof text - (size_t)length);
    text[sizeof text - 2] = '\n';
    if (pwrite(c->fd, text, sizeof text - 1, 0) != (ssize_t)sizeof text - 1 || fsync(c->fd))
        return -1;
    c->renewed = now();
    return 0;
}

/* Makes the file under a name of its own: N.HOST.PID.tmp. */
static char *make_aside(struct claim *c, struct error *err)
{
    char host[HOST_NAME], *path;
    if (asprintf(&path, "%s/%zu.%s.%ld.tmp", c->folder, c->run, host_name(host), (long)getpid()) <
        0) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    unlink(path); /* of a process that had this number */
    c->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (c->fd >= 0 && !write_content(c, 0))
        return path;
    error_errno(err, STATUS_FAILED, path);
    unlink(path);
    free(path);
    return NULL;
}

/* Gives it the claim's name: 1 if another has that already. A network may lose the answer to a
 * link that was made: the file has two names then. */
static int take_name(struct claim *c, const char *aside, struct error *err)
{
    struct stat st;
    char *path = claim_path(c->folder, c->run, c->generation);
    int failed = path ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    if (path && link(aside, path) && (fstat(c->fd, &st) || st.st_nlink != 2))
        failed = errno == EEXIST ? 1 : error_errno(err, STATUS_FAILED, path);
    free(path);
    return failed;
}

static void claim_free(struct claim *c)
{
    if (c && c->fd >= 0)
        close(c->fd);
    if (c)
        free(c->folder);
    free(c);
}

int claim_take(const char *folder, size_t run, unsigned stale, struct claim **claim,
               struct claim_look *look, struct error *err)
{
    struct claim *c = calloc(1, sizeof *c);
    char *aside = NULL;
    if (!c || !(c->folder = file_join(folder, "claim"))) {
        free(c);
        return error_set(err, STATUS_FAILED, "out of memory");
    }
    c->run = run;
    c->fd = -1;
    int failed = file_mkdir(c->folder, err) || find_latest(c->folder, run, look, err) ? -1 : 0;
    if (!failed && look->state == CLAIM_HELD && (!stale || look->generation != stale))
        failed = 1;
    c->generation = look->generation + 1;
    if (!failed)
        failed = (aside = make_aside(c, err)) ? take_name(c, aside, err) : -1;
    if (aside) {
        unlink(aside);
        /* whoever was faster */
        if (failed > 0 && find_latest(c->folder, run, look, err))
            failed = -1;
    }
    free(aside);
    if (failed)
        claim_free(c);
    else
        *claim = c;
    return failed;
}

int claim_renew(struct claim *c)
{
    char *next = claim_path(c->folder, c->run, c->generation + 1);
    int lost = next && !access(next, F_OK);
    free(next);
    c->beats++;
    if (!lost && write_content(c, 0)) /* a network may be away for a while */
        lost = now() - c->renewed > CLAIM_STALE - 2 * CLAIM_PERIOD;
    return lost;
}

void claim_release(struct claim *c)
{
    if (c)
        write_content(c, 1); /* unless it can be: it is free when the process has ended */
    claim_free(c);
}
