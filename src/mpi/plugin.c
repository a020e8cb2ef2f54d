/* SPDX-License-Identifier: MIT */
/*
 * The plug-in of ranks through MPI, seqtrain-mpi.so: see exec/comm_plugin.h. It is compiled by
 * mpicc and may be that of any MPI; only this file includes its header. Whoever waits sleeps
 * between his looks, so that ranks that share a core do not take it from each other.
 *
 * Nobody can say how long another rank computes, compiles or writes. So who waits for long asks the
 * other one whether it is there, and a thread of that one answers, whatever else it does. Only who
 * does not answer is lost: he is stopped, or his host or the way to it is gone. One thread at a
 * time calls MPI.
 */
#include <mpi.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "exec/comm_plugin.h"

/* Bytes that go in one piece: a piece that has arrived is an answer as well. */
#define PIECE ((size_t)32 << 20)
enum { TAG_BYTES = 1, TAG_QUESTION, TAG_ANSWER };
enum { SPINS = 2000, LONGEST = 1000000 }; /* ns */
enum { LOOK = 100000000 };                /* ns between two looks for questions */
enum { ASKS = 4 };                        /* in the time in which one must be answered */

struct peer {
    char host[MPI_MAX_PROCESSOR_NAME];
    MPI_Request question, answer; /* sent to it, expected of it */
    MPI_Request own;              /* our answer */
};

struct ranks {
    int rank, size;
    double timeout;    /* seconds; 0: waits for ever */
    struct peer *peer; /* [size] */
    pthread_mutex_t lock;
    pthread_t watch; /* where there is a timeout */
    atomic_int ends;
};

/* An error of MPI, in a message to or from a rank; -1: of none. */
static int plugin_fault(const struct ranks *r, int rank, int code, char why[COMM_WHY])
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(code, text, &length);
    if (rank < 0)
        snprintf(why, COMM_WHY, "MPI: %.200s", text);
    else
        snprintf(why, COMM_WHY, "rank %d on %.60s: MPI: %.150s", rank, r->peer[rank].host, text);
    return -1;
}

/* --- whether another rank is there */

/* Whether a message is under way no longer. */
static int arrived(MPI_Request *request)
{
    int done = 1;
    return *request == MPI_REQUEST_NULL ||
           (MPI_Test(request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done);
}

/* Answers all that have asked. */
static void answer(struct ranks *r)
{
    MPI_Status status;
    int there;
    while (MPI_Iprobe(MPI_ANY_SOURCE, TAG_QUESTION, MPI_COMM_WORLD, &there, &status) ==
               MPI_SUCCESS &&
           there) {
        const int from = status.MPI_SOURCE;
        if (MPI_Recv(NULL, 0, MPI_BYTE, from, TAG_QUESTION, MPI_COMM_WORLD, MPI_STATUS_IGNORE) !=
            MPI_SUCCESS)
            return;
        if (arrived(&r->peer[from].own)) /* else an answer is on its way already */
            MPI_Isend(NULL, 0, MPI_BYTE, from, TAG_ANSWER, MPI_COMM_WORLD, &r->peer[from].own);
    }
}

static void *watch(void *self)
{
    struct ranks *r = self;
    const struct timespec pause = {0, LOOK};
    while (!atomic_load(&r->ends)) {
        pthread_mutex_lock(&r->lock);
        answer(r);
        pthread_mutex_unlock(&r->lock);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* Starts the thread, which takes no signals. */
static int start_watch(struct ranks *r)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&r->watch, NULL, watch, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* When the other rank was heard of, and asked. */
struct patience {
    double heard, asked;
};

/* Asks a rank that is waited for, from time to time; -1: it has not answered for too long. */
static int ask(struct ranks *r, int rank, struct patience *p)
{
    struct peer *peer = &r->peer[rank];
    const double t = MPI_Wtime();
    if (p->heard <= 0)
        p->heard = p->asked = t;
    const int asks = peer->answer != MPI_REQUEST_NULL;
    if (asks && arrived(&peer->answer))
        p->heard = t;
    if (peer->answer == MPI_REQUEST_NULL && t - p->asked > r->timeout / ASKS &&
        arrived(&peer->question)) {
        p->asked = t;
        MPI_Irecv(NULL, 0, MPI_BYTE, rank, TAG_ANSWER, MPI_COMM_WORLD, &peer->answer);
        MPI_Isend(NULL, 0, MPI_BYTE, rank, TAG_QUESTION, MPI_COMM_WORLD, &peer->question);
    }
    return t - p->heard > r->timeout ? -1 : 0;
}

/* --- messages */

/* Waits for a message to or from a rank. */
static int wait_for(struct ranks *r, int rank, MPI_Request *request, char why[COMM_WHY])
{
    struct timespec pause = {0, 1000};
    struct patience patience = {0, 0};
    int done = 0, lost = 0, code = MPI_SUCCESS;
    for (long i = 0; !done && !lost && code == MPI_SUCCESS; i++) {
        if (i > SPINS) {
            nanosleep(&pause, NULL);
            pause.tv_nsec = pause.tv_nsec * 2 > LONGEST ? LONGEST : pause.tv_nsec * 2;
        }
        pthread_mutex_lock(&r->lock);
        code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (code == MPI_SUCCESS && !done && r->timeout > 0 && pause.tv_nsec == LONGEST)
            lost = ask(r, rank, &patience);
        pthread_mutex_unlock(&r->lock);
    }
    if (!lost)
        return code == MPI_SUCCESS ? 0 : plugin_fault(r, rank, code, why);
    snprintf(why, COMM_WHY, "rank %d on %.100s has not answered for %g s (ranks.timeout)", rank,
             r->peer[rank].host, r->timeout);
    return -1;
}

static int plugin_send(void *self, int to, const void *bytes, size_t size, char why[COMM_WHY])
{
    struct ranks *r = self;
    const char *at = bytes;
    for (size_t n; size; size -= n, at += n) {
        MPI_Request request;
        n = size < PIECE ? size : PIECE;
        pthread_mutex_lock(&r->lock);
        int code = MPI_Isend(at, (int)n, MPI_BYTE, to, TAG_BYTES, MPI_COMM_WORLD, &request);
        pthread_mutex_unlock(&r->lock);
        if (code != MPI_SUCCESS)
            return plugin_fault(r, to, code, why);
        if (wait_for(r, to, &request, why))
            return -1;
    }
    return 0;
}

static int plugin_receive(void *self, int from, void *bytes, size_t size, char why[COMM_WHY])
{
    struct ranks *r = self;
    char *at = bytes;
    for (size_t n; size; size -= n, at += n) {
        MPI_Request request;
        n = size < PIECE ? size : PIECE;
        pthread_mutex_lock(&r->lock);
        int code = MPI_Irecv(at, (int)n, MPI_BYTE, from, TAG_BYTES, MPI_COMM_WORLD, &request);
        pthread_mutex_unlock(&r->lock);
        if (code != MPI_SUCCESS)
            return plugin_fault(r, from, code, why);
        if (wait_for(r, from, &request, why))
            return -1;
    }
    return 0;
}

/* --- begin and end */

/* Joins the others; *threads: MPI may be called by several, one at a time. */
static int join(struct ranks *r, int *threads)
{
    int provided = MPI_THREAD_SINGLE;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(MPI_COMM_WORLD, &r->rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(MPI_COMM_WORLD, &r->size);
    *threads = provided >= MPI_THREAD_SERIALIZED;
    return code;
}

/* Learns on which host each rank is. */
static int meet(struct ranks *r)
{
    char own[MPI_MAX_PROCESSOR_NAME] = "";
    int length;
    int code = MPI_Get_processor_name(own, &length);
    for (int i = 0; i < r->size && code == MPI_SUCCESS; i++) {
        struct peer *p = &r->peer[i];
        p->question = p->answer = p->own = MPI_REQUEST_NULL;
        for (size_t k = 0; i == r->rank && k < sizeof own; k++)
            p->host[k] = own[k];
        code = MPI_Bcast(p->host, sizeof p->host, MPI_BYTE, i, MPI_COMM_WORLD);
    }
    return code;
}

static int plugin_begin(void **self, int *rank, int *size, double timeout, char why[COMM_WHY])
{
    int threads = 0;
    struct ranks *r = calloc(1, sizeof *r);
    int code = r ? join(r, &threads) : MPI_SUCCESS;
    if (r && code == MPI_SUCCESS && (r->peer = calloc((size_t)r->size, sizeof *r->peer)))
        code = meet(r);
    if (code != MPI_SUCCESS)
        plugin_fault(r, -1, code, why);
    else if (!r || !r->peer)
        snprintf(why, COMM_WHY, "out of memory");
    else if (timeout > 0 && !threads)
        snprintf(why, COMM_WHY,
                 "this MPI cannot be called by two threads, as ranks.timeout asks: set it to none");
    else {
        r->timeout = timeout;
        pthread_mutex_init(&r->lock, NULL);
        *self = r;
        *rank = r->rank;
        *size = r->size;
        if (timeout <= 0 || !start_watch(r))
            return 0;
        snprintf(why, COMM_WHY, "no thread can be started");
    }
    if (r)
        free(r->peer);
    free(r);
    return -1;
}

/* Waits until all are here, as long as they answer. */
static int gather(struct ranks *r, char why[COMM_WHY])
{
    char byte = 0;
    for (int i = 1; i < r->size && !r->rank; i++)
        if (plugin_receive(r, i, &byte, 1, why))
            return -1;
    for (int i = 1; i < r->size && !r->rank; i++)
        if (plugin_send(r, i, &byte, 1, why))
            return -1;
    return r->rank && (plugin_send(r, 0, &byte, 1, why) || plugin_receive(r, 0, &byte, 1, why)) ? -1
                                                                                                : 0;
}

/* An answer that does not come any more. */
static void forget(MPI_Request *request)
{
    if (*request == MPI_REQUEST_NULL)
        return;
    MPI_Cancel(request);
    MPI_Wait(request, MPI_STATUS_IGNORE);
}

static void plugin_abort(void *self, int status)
{
    struct ranks *r = self;
    pthread_mutex_lock(&r->lock); /* the thread calls MPI no more */
    MPI_Abort(MPI_COMM_WORLD, status);
}

static void plugin_end(void *self)
{
    struct ranks *r = self;
    char why[COMM_WHY];
    if (gather(r, why)) { /* MPI would wait for ever */
        fprintf(stderr, "seqtrain: rank %d: %s\n", r->rank, why);
        plugin_abort(self, 1);
    }
    atomic_store(&r->ends, 1);
    if (r->timeout > 0)
        pthread_join(r->watch, NULL);
    for (int i = 0; i < r->size; i++)
        forget(&r->peer[i].answer);
    MPI_Finalize();
    free(r->peer);
    free(r);
}

extern const struct comm_plugin seqtrain_ranks;

const struct comm_plugin seqtrain_ranks = {
    .version = COMM_PLUGIN_VERSION,
    .begin = plugin_begin,
    .send = plugin_send,
    .receive = plugin_receive,
    .end = plugin_end,
    .abort = plugin_abort,
};
