/* SPDX-License-Identifier: MIT */
#include "exec/family.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "util/now.h"

/* Seconds for a process to end by itself: after it was lost, and when all is done. */
#define LOST_GRACE 2.0
#define END_GRACE 10.0
static const struct timespec look = {.tv_nsec = 5000000};

/* What a process leaves behind where it fails, in memory that all see. */
struct report {
    enum { REPORT_NONE, REPORT_FAILED, REPORT_LOST } kind; /* it has only lost another */
    struct error error;
};

struct family {
    int rank, size;
    char **name;           /* [size] devices */
    int *peer;             /* [size] a socket to each; -1: oneself, or closed */
    pid_t *pid;            /* [size] at rank 0; 0: oneself, or not there any more */
    struct report *report; /* [size] */
    int lost;              /* another one, at least */
};

static void family_free(struct family *f)
{
    for (int i = 0; i < f->size; i++) {
        if (f->peer && f->peer[i] >= 0)
            close(f->peer[i]);
        if (f->name)
            free(f->name[i]);
    }
    if (f->report)
        munmap(f->report, (size_t)f->size * sizeof *f->report);
    free(f->name);
    free(f->peer);
    free(f->pid);
    free(f);
}

static struct family *family_new(char *const *device, int count)
{
    const size_t n = (size_t)count;
    struct family *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->size = count;
    f->name = calloc(n, sizeof *f->name);
    f->peer = malloc(n * sizeof *f->peer);
    f->pid = calloc(n, sizeof *f->pid);
    f->report = mmap(NULL, n * sizeof *f->report, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (f->report == MAP_FAILED)
        f->report = NULL;
    int whole = f->name && f->peer && f->pid && f->report;
    for (int i = 0; i < count && f->peer; i++)
        f->peer[i] = -1;
    for (int i = 0; i < count && whole; i++)
        whole = (f->name[i] = strdup(device[i])) != NULL;
    if (whole)
        return f;
    family_free(f);
    return NULL;
}

/* --- ends */

/* Waits at most so long for a process to end: 1 with its status, or 0. */
static int wait_for(pid_t pid, double until, int *status)
{
    pid_t got;
    while (!(got = waitpid(pid, status, WNOHANG)) && now() < until)
        nanosleep(&look, NULL);
    return got != 0;
}

/* Ends all that rank 0 has started, at once. */
static void end_all(struct family *f)
{
    for (int i = 1; i < f->size; i++)
        if (f->pid[i])
            kill(f->pid[i], SIGKILL);
    for (int i = 1; i < f->size; i++)
        while (f->pid[i] && waitpid(f->pid[i], NULL, 0) < 0 && errno == EINTR)
            ;
    memset(f->pid, 0, (size_t)f->size * sizeof *f->pid);
}

/* What a process has ended by, with this status of waitpid(). */
static void tell_end(const struct family *f, int rank, int status, struct error *err)
{
    const struct report *report = &f->report[rank];
    if (report->kind == REPORT_FAILED) {
        *err = report->error;
        error_name_device(err, f->name[rank]);
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        error_set(err, STATUS_FAILED,
                  "device %s: its process was killed (SIGKILL): the kernel does so where memory "
                  "runs out",
                  f->name[rank]);
    else if (WIFSIGNALED(status))
        error_set(err, STATUS_FAILED, "device %s: its process was ended by signal %d (%s)",
                  f->name[rank], WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        error_set(err, STATUS_FAILED, "device %s: its process has ended with exit status %d",
                  f->name[rank], WEXITSTATUS(status));
}

/* Whether a process has failed or ended, and not for the loss of another; *status: its end. */
static int is_cause(struct family *f, int rank, int *status)
{
    if (f->report[rank].kind == REPORT_FAILED)
        return 1;
    if (!f->pid[rank] || !wait_for(f->pid[rank], 0, status))
        return 0;
    f->pid[rank] = 0;
    return f->report[rank].kind != REPORT_LOST;
}

void family_explain(struct family *f, struct error *err)
{
    const double until = now() + LOST_GRACE;
    int first = 0, status = 0;
    while (!f->rank && !first && now() < until) {
        for (int i = 1; i < f->size && !first; i++)
            if (is_cause(f, i, &status))
                first = i;
        if (!first)
            nanosleep(&look, NULL);
    }
    if (first)
        tell_end(f, first, status, err);
    if (!f->rank)
        end_all(f);
}

int family_leave(struct family *f, const struct error *err)
{
    if (!f->rank)
        return -1;
    f->report[f->rank].error = *err;
    f->report[f->rank].kind = f->lost ? REPORT_LOST : REPORT_FAILED;
    return 0;
}

/* Rank 0 ends the others; another leaves them at once, however long its driver takes to end. */
static void family_abort(void *self, int status)
{
    struct family *f = self;
    (void)status;
    if (!f->rank)
        end_all(f);
    for (int i = 0; i < f->size; i++)
        if (f->peer[i] >= 0)
            close(f->peer[i]);
    for (int i = 0; i < f->size; i++)
        f->peer[i] = -1;
}

static void family_end(void *self)
{
    struct family *f = self;
    const double until = now() + END_GRACE;
    int status;
    for (int i = 1; i < f->size && !f->rank; i++)
        if (f->pid[i] && wait_for(f->pid[i], until, &status))
            f->pid[i] = 0;
    if (!f->rank)
        end_all(f);
    family_free(f);
}

/* --- messages */

static int lose(struct family *f, int rank, ssize_t got, char why[COMM_WHY])
{
    f->lost = 1;
    snprintf(why, COMM_WHY, "device %s: %s", f->name[rank],
             got < 0 && errno != EPIPE && errno != ECONNRESET ? strerror(errno)
                                                              : "its process has ended");
    return -1;
}

static int family_send(void *self, int to, const void *bytes, size_t size, char why[COMM_WHY])
{
    struct family *f = self;
    for (const char *at = bytes; size;) {
        ssize_t n = send(f->peer[to], at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return lose(f, to, n, why);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static int family_receive(void *self, int from, void *bytes, size_t size, char why[COMM_WHY])
{
    struct family *f = self;
    for (char *at = bytes; size;) {
        ssize_t n = recv(f->peer[from], at, size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return lose(f, from, n, why);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

const struct comm_plugin family_ways = {
    .version = COMM_PLUGIN_VERSION,
    .send = family_send,
    .receive = family_receive,
    .end = family_end,
    .abort = family_abort,
};

/* --- the beginning */

/* pair[a * size + b]: the socket that a has to b. */
static int make_pairs(int *pair, int size)
{
    for (int a = 0; a < size; a++)
        for (int b = a + 1; b < size; b++) {
            int fd[2];
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
                return -1;
            pair[a * size + b] = fd[0];
            pair[b * size + a] = fd[1];
        }
    return 0;
}

/* Keeps what is one's own: the end of a process is seen where nobody else has its sockets. */
static void take_pairs(struct family *f, int *pair)
{
    for (int a = 0; a < f->size; a++)
        for (int b = 0; b < f->size; b++) {
            const int fd = pair[a * f->size + b];
            if (a == f->rank)
                f->peer[b] = fd;
            else if (fd >= 0)
                close(fd);
        }
}

/* A process of rank 1 or above: it ends with rank 0, and prints no results. */
static void settle(pid_t parent)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        kill(getpid(), SIGKILL);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        close(null);
    }
}

/* Forks; 0, or -1 with errno. */
static int start(struct family *f)
{
    const pid_t parent = getpid();
    fflush(NULL); /* nothing is written twice */
    signal(SIGCHLD, SIG_DFL);
    for (int i = 1; i < f->size && !f->rank; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return -1;
        if (!pid) {
            f->rank = i;
            memset(f->pid, 0, (size_t)f->size * sizeof *f->pid);
            settle(parent);
        } else
            f->pid[i] = pid;
    }
    return 0;
}

struct family *family_begin(char *const *device, int count, int *rank, struct error *err)
{
    struct family *f = family_new(device, count);
    const size_t pairs = (size_t)count * (size_t)count;
    int *pair = f ? malloc(pairs * sizeof *pair) : NULL;
    if (!pair) {
        error_set(err, STATUS_FAILED, "out of memory");
        if (f)
            family_free(f);
        return NULL;
    }
    for (size_t i = 0; i < pairs; i++)
        pair[i] = -1;
    int failed = make_pairs(pair, count) || start(f);
    if (failed)
        error_errno(err, STATUS_FAILED, "a process for each device of device.select");
    take_pairs(f, pair);
    free(pair);
    *rank = f->rank;
    if (!failed)
        return f;
    end_all(f);
    family_free(f);
    return NULL;
}
