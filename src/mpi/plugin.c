/* SPDX-License-Identifier: MIT */
/*
 * The plug-in of ranks through MPI, seqtrain-mpi.so: see exec/comm_plugin.h. It is compiled by
 * mpicc and may be that of any MPI; only this file includes its header. Whoever waits sleeps
 * between his looks, so that ranks that share a core do not take it from each other.
 */
#include <mpi.h>
#include <stdio.h>
#include <time.h>

#include "exec/comm_plugin.h"

/* MPI counts in ints. */
#define MOST ((size_t)1 << 30)
enum { TAG = 1, SPINS = 2000, LONGEST = 1000000 }; /* ns */

static int plugin_fault(int code, char why[COMM_WHY])
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(code, text, &length);
    snprintf(why, COMM_WHY, "MPI: %.200s", text);
    return -1;
}

static int plugin_begin(void **self, int *rank, int *size, char why[COMM_WHY])
{
    *self = NULL; /* MPI keeps it all */
    int code = MPI_Init(NULL, NULL);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_rank(MPI_COMM_WORLD, rank);
    if (code == MPI_SUCCESS)
        code = MPI_Comm_size(MPI_COMM_WORLD, size);
    return code == MPI_SUCCESS ? 0 : plugin_fault(code, why);
}

static int plugin_wait(MPI_Request *request)
{
    struct timespec pause = {0, 1000};
    int done = 0, code;
    for (long i = 0; (code = MPI_Test(request, &done, MPI_STATUS_IGNORE)) == MPI_SUCCESS && !done;
         i++) {
        if (i < SPINS)
            continue;
        nanosleep(&pause, NULL);
        pause.tv_nsec = pause.tv_nsec * 2 > LONGEST ? LONGEST : pause.tv_nsec * 2;
    }
    return code;
}

static int plugin_send(void *self, int to, const void *bytes, size_t size, char why[COMM_WHY])
{
    (void)self;
    const char *at = bytes;
    for (size_t n; size; size -= n, at += n) {
        MPI_Request request;
        n = size < MOST ? size : MOST;
        int code = MPI_Isend(at, (int)n, MPI_BYTE, to, TAG, MPI_COMM_WORLD, &request);
        if (code == MPI_SUCCESS)
            code = plugin_wait(&request);
        if (code != MPI_SUCCESS)
            return plugin_fault(code, why);
    }
    return 0;
}

static int plugin_receive(void *self, int from, void *bytes, size_t size, char why[COMM_WHY])
{
    (void)self;
    char *at = bytes;
    for (size_t n; size; size -= n, at += n) {
        MPI_Request request;
        n = size < MOST ? size : MOST;
        int code = MPI_Irecv(at, (int)n, MPI_BYTE, from, TAG, MPI_COMM_WORLD, &request);
        if (code == MPI_SUCCESS)
            code = plugin_wait(&request);
        if (code != MPI_SUCCESS)
            return plugin_fault(code, why);
    }
    return 0;
}

static void plugin_end(void *self)
{
    (void)self;
    MPI_Finalize();
}

static void plugin_abort(void *self, int status)
{
    (void)self;
    MPI_Abort(MPI_COMM_WORLD, status);
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
