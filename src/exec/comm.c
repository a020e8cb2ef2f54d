/* SPDX-License-Identifier: MIT */
#include "exec/comm.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/comm_plugin.h"
#include "exec/family.h"

#define PLUGIN "seqtrain-mpi.so"

struct comm {
    void *library;
    const struct comm_plugin *plugin;
    void *self; /* what the plug-in has made */
    int rank, size;
};

/* What a launcher sets for each process that it starts: how many they are. */
static const char *const size_names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"};

/* srun sets the number for any process, and this one for those that are to join each other. */
static const char slurm_size[] = "SLURM_STEP_NUM_TASKS", slurm_rank[] = "PMIX_RANK";

static int is_several(const char *size)
{
    return size && atoi(size) > 1;
}

int comm_is_launched(void)
{
    for (size_t i = 0; i < sizeof size_names / sizeof *size_names; i++)
        if (is_several(getenv(size_names[i])))
            return 1;
    return getenv(slurm_rank) && is_several(getenv(slurm_size));
}

void comm_forget_launcher(void)
{
    for (size_t i = 0; i < sizeof size_names / sizeof *size_names; i++)
        unsetenv(size_names[i]);
    unsetenv(slurm_rank);
}

/* Where the plug-in is: as the environment says, beside a program that is not installed, or where
 * it is installed. */
static const char *plugin_path(char beside[PATH_MAX])
{
    const char *asked = getenv("SEQTRAIN_RANKS"); /* see seqtrain(1) */
    if (asked && *asked)
        return asked;
    const ssize_t n = readlink("/proc/self/exe", beside, PATH_MAX - sizeof PLUGIN);
    char *slash = NULL;
    if (n > 0) {
        beside[n] = 0;
        slash = strrchr(beside, '/');
    }
    if (slash)
        memcpy(slash + 1, PLUGIN, sizeof PLUGIN);
    return slash && !access(beside, R_OK) ? beside : PKGLIBDIR "/" PLUGIN;
}

static int load(struct comm *c, struct error *err)
{
    char beside[PATH_MAX];
    const char *path = plugin_path(beside);
    c->library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!c->library)
        return error_set(err, STATUS_USAGE,
                         "a launcher has started several ranks, which needs the plug-in "
                         "seqtrain-mpi.so (package seqtrain-mpi; configure makes it where there is "
                         "mpicc): %s",
                         dlerror());
    c->plugin = dlsym(c->library, "seqtrain_ranks");
    if (!c->plugin || c->plugin->version != COMM_PLUGIN_VERSION)
        return error_set(err, STATUS_USAGE,
                         "%s is of another version of seqtrain: install seqtrain-mpi of this one",
                         path);
    return 0;
}

static int is_family(const struct comm *c)
{
    return c && c->plugin == &family_ways;
}

static int fault(const struct comm *c, const char *why, struct error *err)
{
    if (!is_family(c))
        return error_set(err, STATUS_FAILED, "rank %d: %s", c->rank, why);
    error_set(err, STATUS_FAILED, "%s", why);
    family_explain(c->self, err);
    return -1;
}

int comm_open(struct comm **comm, double timeout, struct error *err)
{
    char why[COMM_WHY] = "";
    *comm = NULL;
    if (!comm_is_launched())
        return 0;
    struct comm *c = calloc(1, sizeof *c);
    if (!c)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (load(c, err)) {
        if (c->library)
            dlclose(c->library);
        free(c);
        return -1;
    }
    if (c->plugin->begin(&c->self, &c->rank, &c->size, timeout, why)) {
        fault(c, why, err);
        free(c); /* the library stays: MPI does not like to be unloaded */
        return -1;
    }
    *comm = c;
    return 0;
}

int comm_fork(struct comm **comm, char *const *device, size_t count, struct error *err)
{
    struct comm *c = calloc(1, sizeof *c);
    *comm = NULL;
    if (!c)
        return error_set(err, STATUS_FAILED, "out of memory");
    c->plugin = &family_ways;
    c->size = (int)count;
    c->self = family_begin(device, c->size, &c->rank, err);
    if (c->self) {
        *comm = c;
        return 0;
    }
    free(c);
    return -1;
}

void comm_close(struct comm *c)
{
    if (c)
        c->plugin->end(c->self);
    free(c);
}

int comm_leave(struct comm *c, const struct error *err)
{
    return is_family(c) ? family_leave(c->self, err) : -1;
}

void comm_abort(struct comm *c, int status)
{
    if (c)
        c->plugin->abort(c->self, status);
}

int comm_rank(const struct comm *c)
{
    return c ? c->rank : 0;
}

int comm_size(const struct comm *c)
{
    return c ? c->size : 1;
}

int comm_send(struct comm *c, int to, const void *bytes, size_t size, struct error *err)
{
    char why[COMM_WHY] = "";
    return c->plugin->send(c->self, to, bytes, size, why) ? fault(c, why, err) : 0;
}

int comm_receive(struct comm *c, int from, void *bytes, size_t size, struct error *err)
{
    char why[COMM_WHY] = "";
    return c->plugin->receive(c->self, from, bytes, size, why) ? fault(c, why, err) : 0;
}

/* Along a binomial tree: rank r has them from r without its lowest bit. */
int comm_share(struct comm *c, void *bytes, size_t size, struct error *err)
{
    int bit = 1;
    for (; bit < comm_size(c) && !(c->rank & bit); bit *= 2)
        ;
    if (comm_rank(c) && comm_receive(c, c->rank - bit, bytes, size, err))
        return -1;
    for (bit /= 2; bit > 0; bit /= 2)
        if (c->rank + bit < c->size && comm_send(c, c->rank + bit, bytes, size, err))
            return -1;
    return 0;
}

int comm_agree(struct comm *c, int *value, struct error *err)
{
    for (int from = 1; comm_rank(c) == 0 && from < comm_size(c); from++) {
        int other;
        if (comm_receive(c, from, &other, sizeof other, err))
            return -1;
        *value = other > *value ? other : *value;
    }
    if (comm_rank(c) && comm_send(c, 0, value, sizeof *value, err))
        return -1;
    return comm_share(c, value, sizeof *value, err);
}
