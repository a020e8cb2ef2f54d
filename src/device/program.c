/* SPDX-License-Identifier: MIT */
/*
 * Programs: compiled once per (file, options), kept in memory and, as binaries, under
 * $XDG_CACHE_HOME/seqtrain (or ~/.cache/seqtrain). A cache file is the key's text, a checksum and
 * the binary; anything about it that does not fit means that it is built anew. The cache can be
 * deleted at any time and is never needed: a folder that cannot be written only costs time.
 *
 * Runs side by side on one GPU ask for the same programs at the same time, in processes of their
 * own. The first one builds a program, under a lock, and puts it into the cache at once; the others
 * wait for it. The locks are bytes of one file, one for each key, and end with their process.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/cl_sources.h"
#include "device/opencl.h"
#include "util/file.h"
#include "util/now.h"

#define CACHE_MAGIC "seqtrain program 1\n"
#define CACHE_LIMIT ((size_t)256 << 20)

/* Where no standard is asked for, some drivers take OpenCL C 1.2, others 3.0. */
#define STANDARD "-cl-std=CL1.2"

/* Seconds to wait for another process that builds a program; then it is built twice. */
#define LOCK_PATIENCE 300.0

/* FNV-1a, 64 bit (Fowler, Noll, Vo). It names files and guards against accidents, not attackers. */
static uint64_t fnv(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}
#define FNV_START UINT64_C(0xcbf29ce484222325)

static int is_pocl(const struct device *dev)
{
    return !strcmp(dev->info.platform, "Portable Computing Language");
}

static const char *source_of(const char *file)
{
    for (const struct cl_source *s = cl_sources; s->name; s++)
        if (!strcmp(s->name, file))
            return s->text;
    return NULL;
}

/* SEQTRAIN_DEBUG=wrong:sqrt, see seqtrain(1): the text that makes a function of one number wrong
 * by a thousandth in a program that calls it, as a broken compiler would. "": nothing is asked. */
enum { SPOILER = 512 };
static const char *spoiler(const char *source, char to[SPOILER])
{
    const char *debug = getenv("SEQTRAIN_DEBUG"), *word = debug ? strstr(debug, "wrong:") : NULL;
    const size_t n = word ? strspn(word + 6, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    char call[40] = "(";
    *to = 0;
    if (n > 0 && n < 32)
        snprintf(call, sizeof call, "%.*s(", (int)n, word + 6);
    if (call[1] && strstr(source, call))
        snprintf(
            to, SPOILER,
            "\n#define WRONG(T) T __attribute__((overloadable)) wrong_of(T x) { return 1.001f * "
            "%.*s(x); }\nWRONG(float) WRONG(float2) WRONG(float4) WRONG(float8) "
            "WRONG(float16)\n#undef %.*s\n#define %.*s(x) wrong_of(x)\n",
            (int)n, call, (int)n, call, (int)n, call);
    return to;
}

/* Everything on which a binary depends; the caller frees. */
static char *key_of(const struct device *dev, const char *file, const char *options)
{
    const char *common = source_of("common.h"), *source = source_of(file);
    char spoils[SPOILER];
    spoiler(source, spoils);
    uint64_t hash = fnv(fnv(FNV_START, common, strlen(common)), source, strlen(source));
    hash = fnv(hash, spoils, strlen(spoils)); /* none: the hash stays as it is */
    char *key = NULL;
    if (asprintf(&key, "%s\n" STANDARD " %s\n%s\n%s\n%s\n%s\n%u\n%016" PRIx64 "\n", file, options,
                 dev->info.platform, dev->info.name, dev->info.version, dev->info.driver,
                 dev->info.compute_units, hash) < 0)
        return NULL;
    return key;
}

/* The cache file of a key, its folder made; NULL where it cannot be made. */
static char *cache_path(const char *key)
{
    struct error ignored;
    char *folder = file_cache("", &ignored), *path = NULL;
    size_t n = strlen(key);
    if (folder && asprintf(&path, "%s/%016" PRIx64 "%016" PRIx64 ".bin", folder,
                           fnv(FNV_START, key, n), fnv(fnv(FNV_START, "2", 1), key, n)) < 0)
        path = NULL;
    free(folder);
    return path;
}

char *program_cache_path(const struct device *dev, const char *what, const char *with)
{
    char *key = NULL, *path;
    if (asprintf(&key, "%s\n%s\n%s\n%s\n%s\n%u\n%s\n", what, dev->info.platform, dev->info.name,
                 dev->info.version, dev->info.driver, dev->info.compute_units, with) < 0)
        return NULL;
    path = cache_path(key);
    free(key);
    return path;
}

/* magic, u64 key length, u64 binary length, u64 checksum of the binary, key, binary */
struct cache_head {
    char magic[sizeof CACHE_MAGIC];
    uint64_t key_bytes, binary_bytes, checksum;
};

static cl_program from_cache(struct device *dev, const char *key, const char *options)
{
    char *path = cache_path(key);
    struct error ignored;
    size_t size = 0;
    char *bytes = path ? file_read(path, CACHE_LIMIT, &size, &ignored) : NULL;
    free(path);
    if (!bytes)
        return NULL;
    struct cache_head head;
    size_t keys = strlen(key);
    cl_program program = NULL;
    if (size >= sizeof head + keys) {
        memcpy(&head, bytes, sizeof head);
        const unsigned char *binary = (unsigned char *)bytes + sizeof head + keys;
        size_t rest = size - sizeof head - keys;
        if (!memcmp(head.magic, CACHE_MAGIC, sizeof head.magic) && head.key_bytes == keys &&
            !memcmp(bytes + sizeof head, key, keys) && head.binary_bytes == rest && rest &&
            head.checksum == fnv(FNV_START, binary, rest)) {
            cl_int status = CL_SUCCESS, code = CL_SUCCESS;
            program = clCreateProgramWithBinary(dev->context, 1, &dev->id, &rest, &binary, &status,
                                                &code);
            if (program && (status != CL_SUCCESS || clBuildProgram(program, 1, &dev->id, options,
                                                                   NULL, NULL) != CL_SUCCESS)) {
                clReleaseProgram(program);
                program = NULL;
            }
        }
    }
    free(bytes);
    return program;
}

static void to_cache(const struct device *dev, const struct program *p)
{
    size_t size = 0;
    if (clGetProgramInfo(p->id, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS ||
        !size)
        return;
    char *key = key_of(dev, p->file, p->options);
    char *path = key ? cache_path(key) : NULL;
    size_t keys = key ? strlen(key) : 0;
    struct cache_head head = {CACHE_MAGIC, keys, size, 0};
    unsigned char *bytes = path ? malloc(sizeof head + keys + size) : NULL;
    if (bytes) {
        unsigned char *binary = bytes + sizeof head + keys;
        struct error ignored;
        if (clGetProgramInfo(p->id, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) ==
            CL_SUCCESS) {
            head.checksum = fnv(FNV_START, binary, size);
            memcpy(bytes, &head, sizeof head);
            memcpy(bytes + sizeof head, key, keys);
            file_write(path, bytes, sizeof head + keys + size, &ignored);
        }
    }
    free(bytes);
    free(path);
    free(key);
}

/* clang's opencl-c.h is empty where this, its guard, is defined: cl/builtins.h stands in for it. */
#define BRIEF "-D_OPENCL_H_"

/* clBuildProgram of a file; *program is NULL where there is no program at all. */
static cl_int build(struct device *dev, const char *file, const char *options, int brief,
                    int strict, cl_program *program)
{
    char spoils[SPOILER], all_options[1024];
    const char *source = source_of(file);
    const char *text[] = {brief ? source_of("builtins.h") : "", source_of("common.h"),
                          spoiler(source, spoils), source};
    cl_int code;
    *program =
        clCreateProgramWithSource(dev->context, sizeof text / sizeof *text, text, NULL, &code);
    if (!*program)
        return code;
    snprintf(all_options, sizeof all_options, "%s %s %s %s",
             strstr(options, "-cl-std=") ? "" : STANDARD, brief ? BRIEF : "",
             strict ? "-Werror" : "-w", options);
    return clBuildProgram(*program, 1, &dev->id, all_options, NULL, NULL);
}

static cl_program compile(struct device *dev, const char *file, const char *options,
                          struct error *err)
{
    const char *debug = getenv("SEQTRAIN_DEBUG"); /* see seqtrain(1) */
    const int strict = debug && strstr(debug, "strict");
    const int brief = is_pocl(dev) && !strstr(options, "-cl-std="); /* declared as of 1.2 */
    cl_program program;
    cl_int code = build(dev, file, options, brief, strict, &program);
    if (code != CL_SUCCESS && brief) { /* a signal, too, takes files away from clang */
        if (program)
            clReleaseProgram(program);
        code = build(dev, file, options, strict, strict, &program);
    }
    if (code == CL_SUCCESS)
        return program;
    if (!program) {
        opencl_error(err, code, "clCreateProgramWithSource", file);
        return NULL;
    }
    char log[1200] = "";
    size_t size = 0;
    clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *all = size ? calloc(1, size + 1) : NULL;
    if (all) {
        clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, size, all, NULL);
        snprintf(log, sizeof log, "%s", all);
        free(all);
    }
    error_set(err, STATUS_DEVICE, "clBuildProgram: %s (%d): %s %s\n%s", opencl_error_name(code),
              code, file, options, log);
    clReleaseProgram(program);
    return NULL;
}

/* Takes the lock of a key, or waits for who has it. The file that holds it, to be closed; -1: there
 * are no locks. */
static int lock_key(const char *key)
{
    struct error ignored;
    char *folder = file_cache("", &ignored);
    char *path = folder ? file_join(folder, ".locks") : NULL;
    const int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;
    struct flock at = {.l_type = F_WRLCK,
                       .l_whence = SEEK_SET,
                       .l_start = (off_t)(fnv(FNV_START, key, strlen(key)) >> 2),
                       .l_len = 1};
    const double until = now() + LOCK_PATIENCE;
    free(folder);
    free(path);
    while (file >= 0 && fcntl(file, F_OFD_SETLK, &at)) {
        const struct timespec pause = {0, 20000000};
        if ((errno != EAGAIN && errno != EACCES) || now() > until || nanosleep(&pause, NULL)) {
            close(file);
            return -1;
        }
    }
    return file;
}

/* Loads the program, or builds it. */
static int make_program(struct device *dev, struct program *p, const char *key, struct error *err)
{
    p->id = dev->context ? from_cache(dev, key, p->options) : NULL;
    p->times.loaded = 1;
    const int lock = dev->shares && dev->context && !p->id ? lock_key(key) : -1;
    if (lock >= 0) /* who had the lock may have built it */
        p->id = from_cache(dev, key, p->options);
    p->cached = p->id || !dev->context; /* there is nothing to save */
    if (!p->id && dev->context) {
        p->times.loaded = 0;
        if (dev->on_build)
            dev->on_build(dev->on_build_ctx, p->file);
        p->id = compile(dev, p->file, p->options, err);
    }
    if (!p->cached && p->id && dev->shares) {
        to_cache(dev, p);
        p->cached = 1;
    }
    if (lock >= 0)
        close(lock);
    return p->id || !dev->context ? 0 : -1;
}

struct program *program_get(struct device *dev, const char *file, const char *options,
                            struct error *err)
{
    for (struct program *p = dev->programs; p; p = p->next)
        if (!strcmp(p->file, file) && !strcmp(p->options, options))
            return p;
    if (!source_of(file)) {
        error_set(err, STATUS_DEVICE, "no kernel file '%s'", file);
        return NULL;
    }
    char *key = key_of(dev, file, options);
    struct program *p = calloc(1, sizeof *p);
    const double before = now();
    if (!key || !p || !(p->file = strdup(file)) || !(p->options = strdup(options))) {
        error_set(err, STATUS_FAILED, "out of memory");
    } else if (!make_program(dev, p, key, err)) {
        free(key);
        p->times = (struct program_times){p->file, p->options, p->times.loaded, now() - before, 0};
        p->next = dev->programs;
        dev->programs = p;
        return p;
    }
    if (p) {
        free(p->file);
        free(p->options);
    }
    free(p);
    free(key);
    return NULL;
}

/* To give a binary, PoCL compiles every kernel for a CPU a second time, for any size of a
 * work-group. A process that lasts does without: the next one has what PoCL itself keeps. */
void program_save_all(struct device *dev)
{
    if (dev->lasts && dev->info.is_cpu && is_pocl(dev))
        return;
    for (struct program *p = dev->programs; p; p = p->next)
        if (!p->cached) {
            to_cache(dev, p);
            p->cached = 1;
        }
}

void device_on_build(struct device *dev, void (*call)(void *ctx, const char *program), void *ctx)
{
    dev->on_build = call;
    dev->on_build_ctx = ctx;
}

unsigned device_programs(const struct device *dev)
{
    unsigned n = 0;
    for (struct program *p = dev->programs; p; p = p->next)
        n++;
    return n;
}

static int longest_first(const void *a, const void *b)
{
    const struct program_times *x = a, *y = b;
    double left = x->built + x->launched, right = y->built + y->launched;
    return (left < right) - (left > right);
}

unsigned device_program_times(const struct device *dev, struct program_times *to, unsigned most)
{
    unsigned n = 0;
    for (const struct program *p = dev->programs; p && n < most; p = p->next)
        to[n++] = p->times;
    qsort(to, n, sizeof *to, longest_first);
    return n;
}

void program_free_all(struct device *dev)
{
    while (dev->programs) {
        struct program *p = dev->programs;
        dev->programs = p->next;
        if (p->id)
            clReleaseProgram(p->id);
        free(p->file);
        free(p->options);
        free(p);
    }
}
