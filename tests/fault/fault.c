/* SPDX-License-Identifier: MIT */
/*
 * seqtrain-fault: seqtrain with faults. The linker sends every call that seqtrain's own objects
 * make to the functions in tests/fault/wraps through this file (--wrap), jansson's allocations
 * among them, which util/jsonmem makes; libraries and OpenCL drivers see no fault. Calls are
 * counted by kind: alloc, write, read, cl. The environment says which call fails:
 *
 * - SEQTRAIN_FAULT=KIND:N: the N-th call of the kind; KIND:N+: that call and all after it.
 * - SEQTRAIN_FAULT_REPORT=FILE: a line at the end: the calls of each kind, the calls that failed,
 *   and what is still held (memory, streams, OpenCL objects).
 * - SEQTRAIN_FAULT_SITES=FILE: "KIND N HASH" for the first call from each site, which is a hash of
 *   the innermost functions of seqtrain on the stack.
 * - SEQTRAIN_FAULT_MEMORY=BYTES:CALL: the device has no more than these bytes for buffers, whatever
 *   it says: from the buffer on that goes beyond, clCreateBuffer, clEnqueueFillBuffer or
 *   clEnqueueNDRangeKernel fails.
 * - SEQTRAIN_FAULT_STACK=KIND:N: the stack of that call, for addr2line, on standard error.
 *
 * The clock and the size of the device's memory stand still, so that two runs leave the same bytes.
 */
/* Shared libraries call what --wrap puts in place: these are seen by them. */
#pragma GCC visibility push(default)

#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <glob.h>
#include <iconv.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8

#include <cairo.h>
#include <pcre2.h>
#include <png.h>
#include <xxhash.h>
#include <zlib.h>

#include <jpeglib.h>
/* behind jpeglib.h: numbers of errors depend on its version */
#include <jerror.h>

#include "device/opencl.h"

extern char __executable_start, etext; /* the linker's */

/* --- which call fails */

enum kind { ALLOC, WRITE, READ, CL, KINDS };
static const char *const kind_names[KINDS] = {"alloc", "write", "read", "cl"};

static atomic_ulong calls[KINDS], injected;
static unsigned long fail_at[KINDS], stack_at[KINDS];
static int and_after;
static FILE *sites;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define STACK 48
#define DEPTH 8 /* functions of seqtrain-fault that make a site, the innermost ones */
#define SEEN 65536
static uint64_t seen[SEEN]; /* hashes of the sites so far */

int __real_vfprintf(FILE *f, const char *format, va_list ap);
FILE *__real_fopen(const char *path, const char *mode);
int __real_fclose(FILE *f);
void *__real_malloc(size_t size);
void __real_free(void *p);

/* fprintf() as it is: in this file, too, the linker sends calls to the wrappers. */
__attribute__((format(printf, 2, 3))) static void tell(FILE *f, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    __real_vfprintf(f, format, ap);
    va_end(ap);
}

/* "KIND:N" or "KIND:N+" into at[KIND]. */
static void parse(const char *text, unsigned long at[KINDS], int *after)
{
    for (int k = 0; text && k < KINDS; k++) {
        size_t n = strlen(kind_names[k]);
        char *end;
        if (strncmp(text, kind_names[k], n) || text[n] != ':')
            continue;
        at[k] = strtoul(text + n + 1, &end, 10);
        *after |= *end == '+';
    }
}

/* Hash of the innermost functions of a stack, wherever the program lies; those of libraries are
 * left out. */
static uint64_t hash_of(void *const *frame, int count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0, n = 0; i < count && n < DEPTH; i++) {
        const char *at = frame[i];
        if (at < &__executable_start || at >= &etext)
            continue;
        hash = (hash ^ (uint64_t)(at - &__executable_start)) * UINT64_C(0x100000001b3);
        n++;
    }
    return hash;
}

/* Whether the hash comes for the first time. */
static int is_new(uint64_t hash)
{
    size_t at = hash % SEEN;
    while (seen[at] && seen[at] != hash)
        at = (at + 1) % SEEN;
    int fresh = !seen[at];
    seen[at] = hash;
    return fresh;
}

/* The call's stack: to the list of sites, to standard error. */
static void look_at_stack(enum kind kind, unsigned long n)
{
    void *frame[STACK];
    pthread_mutex_lock(&lock);
    int count = backtrace(frame, STACK);
    uint64_t hash = hash_of(frame, count);
    if (sites && is_new(hash))
        tell(sites, "%s %lu %016llx\n", kind_names[kind], n, (unsigned long long)hash);
    for (int i = 0; stack_at[kind] == n && i < count; i++)
        tell(stderr, "fault: %#zx\n", (size_t)((char *)frame[i] - &__executable_start));
    pthread_mutex_unlock(&lock);
}

/* Counts a call; whether it is to fail. */
static int fails(enum kind kind)
{
    unsigned long n = atomic_fetch_add(&calls[kind], 1) + 1;
    if (sites || stack_at[kind] == n)
        look_at_stack(kind, n);
    if (!fail_at[kind] || (and_after ? n < fail_at[kind] : n != fail_at[kind]))
        return 0;
    atomic_fetch_add(&injected, 1);
    return 1;
}

static int fails_with(enum kind kind, int number)
{
    if (!fails(kind))
        return 0;
    errno = number;
    return 1;
}

/* --- what is held: pointers, in a table of lists */

enum holding { MEMORY, STREAM, CONTEXT, QUEUE, PROGRAM, KERNEL, BUFFER, EVENT, HOLDINGS };
static const char *const holding_names[HOLDINGS] = {"memory",   "streams", "contexts", "queues",
                                                    "programs", "kernels", "buffers",  "events"};
struct held {
    const void *what;
    enum holding holding;
    unsigned long number; /* of the call that gave it */
    struct held *next;
};
#define LISTS 4096
static struct held *table[LISTS];
static long held[HOLDINGS];

static struct held **list_of(const void *what)
{
    return &table[((uintptr_t)what >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 52];
}

/* Notes what a call gave; returns it. */
static void *hold(enum holding holding, const void *what)
{
    if (!what)
        return NULL;
    struct held *h = __real_malloc(sizeof *h), **list = list_of(what);
    if (!h)
        abort();
    enum kind kind = holding == MEMORY ? ALLOC : holding == STREAM ? READ : CL;
    pthread_mutex_lock(&lock);
    *h = (struct held){what, holding, atomic_load(&calls[kind]), *list};
    *list = h;
    held[holding]++;
    pthread_mutex_unlock(&lock);
    return (void *)(uintptr_t)what;
}

/* Forgets it; whether it was held. */
static int drop(const void *what)
{
    struct held *found = NULL;
    pthread_mutex_lock(&lock);
    for (struct held **h = list_of(what); *h && !found; h = &(*h)->next)
        if ((*h)->what == what) {
            found = *h;
            *h = found->next;
            held[found->holding]--;
            break;
        }
    pthread_mutex_unlock(&lock);
    __real_free(found);
    return found != NULL;
}

static void read_memory(const char *text);

/* --- begin and end */

static void report(void)
{
    const char *path = getenv("SEQTRAIN_FAULT_REPORT");
    if (sites)
        __real_fclose(sites);
    FILE *out = path ? __real_fopen(path, "w") : NULL;
    if (!out)
        return;
    for (int k = 0; k < KINDS; k++)
        tell(out, "%lu ", atomic_load(&calls[k]));
    tell(out, "%lu", atomic_load(&injected));
    for (int i = 0; i < HOLDINGS; i++)
        if (held[i])
            tell(out, " %ld %s", held[i], holding_names[i]);
    int told = 0;
    for (size_t i = 0; i < LISTS; i++)
        for (const struct held *h = table[i]; h && told < 4; h = h->next, told++)
            tell(out, " (%s %lu)", holding_names[h->holding], h->number);
    tell(out, "\n");
    __real_fclose(out);
}

__attribute__((constructor)) static void begin(void)
{
    int ignored = 0;
    const char *path = getenv("SEQTRAIN_FAULT_SITES");
    parse(getenv("SEQTRAIN_FAULT"), fail_at, &and_after);
    parse(getenv("SEQTRAIN_FAULT_STACK"), stack_at, &ignored);
    read_memory(getenv("SEQTRAIN_FAULT_MEMORY"));
    sites = path ? __real_fopen(path, "w") : NULL;

    atexit(report);
}

/* A clock that stands still. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *to);
int __wrap_clock_gettime(clockid_t clock, struct timespec *to)
{
    (void)clock;
    *to = (struct timespec){.tv_sec = 1577836800};
    return 0;
}

time_t __wrap_time(time_t *to);
time_t __wrap_time(time_t *to)
{
    const time_t stopped = 1577836800;
    if (to)
        *to = stopped;
    return stopped;
}

/* --- memory. FAIL(TYPE, NAME, PARAMETERS, KIND, ERRNO, BAD): begins a wrapper that gives BAD and
 * sets errno where the call is to fail. */

#define FAIL(type, name, parameters, kind, number, bad) \
    type __real_##name parameters;                      \
    type __wrap_##name parameters;                      \
    type __wrap_##name parameters                       \
    {                                                   \
        if (fails_with(kind, number))                   \
            return bad;

FAIL(void *, malloc, (size_t size), ALLOC, ENOMEM, NULL)
return hold(MEMORY, __real_malloc(size));
}

FAIL(void *, calloc, (size_t count, size_t size), ALLOC, ENOMEM, NULL)
return hold(MEMORY, __real_calloc(count, size));
}

FAIL(void *, realloc, (void *p, size_t size), ALLOC, ENOMEM, NULL)
int was_held = drop(p);
void *more = __real_realloc(p, size);
if (!more && was_held && size)
    hold(MEMORY, p);
return hold(MEMORY, more);
}

FAIL(void *, reallocarray, (void *p, size_t count, size_t size), ALLOC, ENOMEM, NULL)
int was_held = drop(p);
void *more = __real_reallocarray(p, count, size);
if (!more && was_held && size)
    hold(MEMORY, p);
return hold(MEMORY, more);
}

FAIL(char *, strdup, (const char *text), ALLOC, ENOMEM, NULL)
return hold(MEMORY, __real_strdup(text));
}

FAIL(char *, strndup, (const char *text, size_t size), ALLOC, ENOMEM, NULL)
return hold(MEMORY, __real_strndup(text, size));
}

/* glibc leaves *to as it is where it fails, so a wrapper makes it useless */
FAIL(int, vasprintf, (char **to, const char *format, va_list ap), ALLOC, ENOMEM,
     (*to = (char *)(uintptr_t)1, -1))
int n = __real_vasprintf(to, format, ap);
if (n >= 0)
    hold(MEMORY, *to);
return n;
}

int __wrap_asprintf(char **to, const char *format, ...);
int __wrap_asprintf(char **to, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = __wrap_vasprintf(to, format, ap);
    va_end(ap);
    return n;
}

FAIL(iconv_t, iconv_open, (const char *to, const char *from), ALLOC, ENOMEM, (iconv_t)-1)
return __real_iconv_open(to, from);
}

FAIL(int, posix_memalign, (void **to, size_t align, size_t size), ALLOC, ENOMEM, ENOMEM)
int code = __real_posix_memalign(to, align, size);
if (!code)
    hold(MEMORY, *to);
return code;
}

FAIL(void *, aligned_alloc, (size_t align, size_t size), ALLOC, ENOMEM, NULL)
return hold(MEMORY, __real_aligned_alloc(align, size));
}

FAIL(void *, mmap, (void *at, size_t size, int access, int flags, int fd, off_t offset), ALLOC,
     ENOMEM, MAP_FAILED)
void *map = __real_mmap(at, size, access, flags, fd, offset);
return map == MAP_FAILED ? map : hold(MEMORY, map);
}

int __real_munmap(void *map, size_t size);
int __wrap_munmap(void *map, size_t size);
int __wrap_munmap(void *map, size_t size)
{
    drop(map);
    return __real_munmap(map, size);
}

void __wrap_free(void *p);
void __wrap_free(void *p)
{
    if (p)
        drop(p);
    __real_free(p);
}

FAIL(char *, realpath, (const char *path, char *to), ALLOC, ENOMEM, NULL)
char *found = __real_realpath(path, to);
return to ? found : hold(MEMORY, found);
}

FAIL(char *, getcwd, (char *to, size_t size), ALLOC, ENOMEM, NULL)
char *found = __real_getcwd(to, size);
return to ? found : hold(MEMORY, found);
}

FAIL(int, glob, (const char *pattern, int flags, int (*fault)(const char *, int), glob_t *to),
     ALLOC, ENOMEM, GLOB_NOSPACE)
return __real_glob(pattern, flags, fault, to);
}

FAIL(int, scandir,
     (const char *folder, struct dirent ***to, int (*take)(const struct dirent *),
      int (*order)(const struct dirent **, const struct dirent **)),
     ALLOC, ENOMEM, -1)
int n = __real_scandir(folder, to, take, order);
for (int i = 0; i < n; i++)
    hold(MEMORY, (*to)[i]);
if (n >= 0)
    hold(MEMORY, *to);
return n;
}

FAIL(locale_t, newlocale, (int mask, const char *name, locale_t base), ALLOC, ENOMEM, (locale_t)0)
return __real_newlocale(mask, name, base);
}

FAIL(void *, tsearch, (const void *key, void **root, int (*order)(const void *, const void *)),
     ALLOC, ENOMEM, NULL)
return __real_tsearch(key, root, order);
}

/* parallel_run goes on with the threads there are */
FAIL(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg), ALLOC,
     EAGAIN, EAGAIN)
return __real_pthread_create(thread, attributes, run, arg);
}

/* a command at an event */
FAIL(int, posix_spawnp,
     (pid_t * pid, const char *file, const posix_spawn_file_actions_t *files,
      const posix_spawnattr_t *how, char *const words[], char *const with[]),
     ALLOC, ENOMEM, ENOMEM)
return __real_posix_spawnp(pid, file, files, how, words, with);
}

FAIL(pcre2_code_8 *, pcre2_compile_8,
     (PCRE2_SPTR8 regex, PCRE2_SIZE size, uint32_t options, int *code, PCRE2_SIZE *at,
      pcre2_compile_context_8 *context),
     ALLOC, ENOMEM, (*code = PCRE2_ERROR_HEAP_FAILED, NULL))
return hold(MEMORY, __real_pcre2_compile_8(regex, size, options, code, at, context));
}

void __real_pcre2_code_free_8(pcre2_code_8 *code);
void __wrap_pcre2_code_free_8(pcre2_code_8 *code);
void __wrap_pcre2_code_free_8(pcre2_code_8 *code)
{
    if (code)
        drop(code);
    __real_pcre2_code_free_8(code);
}

FAIL(pcre2_compile_context_8 *, pcre2_compile_context_create_8, (pcre2_general_context_8 * general),
     ALLOC, ENOMEM, NULL)
return __real_pcre2_compile_context_create_8(general);
}

FAIL(pcre2_match_context_8 *, pcre2_match_context_create_8, (pcre2_general_context_8 * general),
     ALLOC, ENOMEM, NULL)
return __real_pcre2_match_context_create_8(general);
}

FAIL(XXH3_state_t *, XXH3_createState, (void), ALLOC, ENOMEM, NULL)
return hold(MEMORY, __real_XXH3_createState());
}

XXH_errorcode __real_XXH3_freeState(XXH3_state_t *state);
XXH_errorcode __wrap_XXH3_freeState(XXH3_state_t *state);
XXH_errorcode __wrap_XXH3_freeState(XXH3_state_t *state)
{
    if (state)
        drop(state);
    return __real_XXH3_freeState(state);
}

FAIL(pcre2_match_data_8 *, pcre2_match_data_create_8,
     (uint32_t pairs, pcre2_general_context_8 *general), ALLOC, ENOMEM, NULL)
return __real_pcre2_match_data_create_8(pairs, general);
}

/* without it there is the stack of the machine */
FAIL(pcre2_jit_stack_8 *, pcre2_jit_stack_create_8,
     (size_t least, size_t most, pcre2_general_context_8 *general), ALLOC, ENOMEM, NULL)
return __real_pcre2_jit_stack_create_8(least, most, general);
}

FAIL(int, pcre2_match_8,
     (const pcre2_code_8 *code, PCRE2_SPTR8 text, PCRE2_SIZE size, PCRE2_SIZE at, uint32_t options,
      pcre2_match_data_8 *data, pcre2_match_context_8 *context),
     ALLOC, ENOMEM, PCRE2_ERROR_NOMEMORY)
return __real_pcre2_match_8(code, text, size, at, options, data, context);
}

/* zlib, libpng and cairo tell shortage of memory so */
FAIL(gzFile, gzdopen, (int fd, const char *mode), ALLOC, ENOMEM, NULL)
gzFile f = __real_gzdopen(fd, mode);
if (f) /* the file is zlib's now */
    drop((void *)(uintptr_t)(fd + 1));
return hold(STREAM, f);
}

static _Atomic(gzFile) gz_failed; /* the file of which zlib tells that reading failed */

int __real_gzclose_r(gzFile f);
int __wrap_gzclose_r(gzFile f);
int __wrap_gzclose_r(gzFile f)
{
    drop(f);
    if (atomic_load(&gz_failed) == f)
        atomic_store(&gz_failed, NULL);
    return __real_gzclose_r(f);
}

int __real_gzclose_w(gzFile f);
int __wrap_gzclose_w(gzFile f);
int __wrap_gzclose_w(gzFile f)
{
    drop(f);
    return __real_gzclose_w(f);
}

FAIL(png_structp, png_create_write_struct,
     (png_const_charp version, png_voidp ctx, png_error_ptr fault, png_error_ptr warning), ALLOC,
     ENOMEM, NULL)
return __real_png_create_write_struct(version, ctx, fault, warning);
}

FAIL(png_structp, png_create_read_struct,
     (png_const_charp version, png_voidp ctx, png_error_ptr fault, png_error_ptr warning), ALLOC,
     ENOMEM, NULL)
return __real_png_create_read_struct(version, ctx, fault, warning);
}

/* libjpeg calls the function for errors, which does not come back */
static void jpeg_is_short(j_decompress_ptr jpeg)
{
    jpeg->err->msg_code = JERR_OUT_OF_MEMORY;
    jpeg->err->error_exit((j_common_ptr)jpeg);
}

void __real_jpeg_CreateDecompress(j_decompress_ptr jpeg, int version, size_t size);
void __wrap_jpeg_CreateDecompress(j_decompress_ptr jpeg, int version, size_t size);
void __wrap_jpeg_CreateDecompress(j_decompress_ptr jpeg, int version, size_t size)
{
    if (fails(ALLOC))
        jpeg_is_short(jpeg);
    __real_jpeg_CreateDecompress(jpeg, version, size);
}

boolean __real_jpeg_start_decompress(j_decompress_ptr jpeg);
boolean __wrap_jpeg_start_decompress(j_decompress_ptr jpeg);
boolean __wrap_jpeg_start_decompress(j_decompress_ptr jpeg)
{
    if (fails(ALLOC))
        jpeg_is_short(jpeg);
    return __real_jpeg_start_decompress(jpeg);
}

FAIL(png_infop, png_create_info_struct, (png_const_structrp png), ALLOC, ENOMEM, NULL)
return __real_png_create_info_struct(png);
}

/* a surface in the state of failure */
FAIL(cairo_surface_t *, cairo_image_surface_create, (cairo_format_t format, int width, int height),
     ALLOC, ENOMEM, __real_cairo_image_surface_create(format, -1, -1))
return __real_cairo_image_surface_create(format, width, height);
}

/* --- streams. What is written into memory (open_memstream) fails as memory does. */

#define MEMORY_STREAMS 16
static FILE *memory_stream[MEMORY_STREAMS];

/* 0: no slot for it. `from` becomes `to`. */
static int memory_stream_is(const FILE *from, FILE *to)
{
    int found = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MEMORY_STREAMS && !found; i++)
        if (memory_stream[i] == from) {
            memory_stream[i] = to;
            found = 1;
        }
    pthread_mutex_unlock(&lock);
    return found;
}

FAIL(FILE *, open_memstream, (char **to, size_t *size), ALLOC, ENOMEM, NULL)
FILE *f = __real_open_memstream(to, size);
if (f && !memory_stream_is(NULL, f))
    abort();
return hold(STREAM, f);
}

/* Whether an output to the stream is to fail; the stream then says so, as it does after a real
 * failure. Standard error is left alone: it tells of the fault. */
static int output_fails(FILE *f)
{
    if (f == stderr)
        return 0;
    int in_memory = memory_stream_is(f, f);
    if (!fails_with(in_memory ? ALLOC : WRITE, in_memory ? ENOMEM : ENOSPC))
        return 0;
    f->_flags |= 0x20; /* glibc's _IO_ERR_SEEN */
    return 1;
}

/* The beginning of a wrapper of an output to a stream. */
#define OUTPUT(type, name, parameters, bad) \
    type __real_##name parameters;          \
    type __wrap_##name parameters;          \
    type __wrap_##name parameters           \
    {                                       \
        if (output_fails(f))                \
            return bad;

/* half of what was to be written is */
OUTPUT(size_t, fwrite, (const void *from, size_t size, size_t count, FILE *f),
       __real_fwrite(from, size, count / 2, f))
return __real_fwrite(from, size, count, f);
}

OUTPUT(int, fputs, (const char *text, FILE *f), EOF)
return __real_fputs(text, f);
}

OUTPUT(int, putc, (int c, FILE *f), EOF)
return __real_putc(c, f);
}

OUTPUT(int, fputc, (int c, FILE *f), EOF)
return __real_fputc(c, f);
}

OUTPUT(int, vfprintf, (FILE * f, const char *format, va_list ap), -1)
return __real_vfprintf(f, format, ap);
}

/* lseek() that fails leaves no mark on the stream */
FAIL(int, fseeko, (FILE * f, off_t to, int from), WRITE, ENOSPC, -1)
return __real_fseeko(f, to, from);
}

OUTPUT(int, fflush, (FILE * f), EOF)
return __real_fflush(f);
}

int __wrap_puts(const char *text);
int __wrap_puts(const char *text)
{
    int __real_puts(const char *of);
    return output_fails(stdout) ? EOF : __real_puts(text);
}

int __wrap_putchar(int c);
int __wrap_putchar(int c)
{
    return __wrap_putc(c, stdout);
}

/* -D_FORTIFY_SOURCE calls the functions whose names end in _chk */
#define FORMATTED(name, stream, first, ...)          \
    int __wrap_##name(__VA_ARGS__, ...);             \
    int __wrap_##name(__VA_ARGS__, ...)              \
    {                                                \
        va_list ap;                                  \
        va_start(ap, format);                        \
        int n = __wrap_vfprintf(stream, format, ap); \
        va_end(ap);                                  \
        return n;                                    \
    }
FORMATTED(printf, stdout, format, const char *format)
FORMATTED(__printf_chk, stdout, format, int flag __attribute__((unused)), const char *format)
FORMATTED(fprintf, f, format, FILE *f, const char *format)
FORMATTED(__fprintf_chk, f, format, FILE *f, int flag __attribute__((unused)), const char *format)

int __wrap___vfprintf_chk(FILE *f, int flag, const char *format, va_list ap);
int __wrap___vfprintf_chk(FILE *f, int flag, const char *format, va_list ap)
{
    (void)flag;
    return __wrap_vfprintf(f, format, ap);
}

int __wrap___vasprintf_chk(char **to, int flag, const char *format, va_list ap);
int __wrap___vasprintf_chk(char **to, int flag, const char *format, va_list ap)
{
    (void)flag;
    return __wrap_vasprintf(to, format, ap);
}

int __wrap___asprintf_chk(char **to, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **to, int flag, const char *format, ...)
{
    (void)flag;
    va_list ap;
    va_start(ap, format);
    int n = __wrap_vasprintf(to, format, ap);
    va_end(ap);
    return n;
}

/* --- files */

/* Files that tell of the process itself never read the same twice. */
static int is_proc(const char *path)
{
    return !strncmp(path, "/proc/", 6);
}

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
    int reads = *mode == 'r' && !strchr(mode, '+');
    if (is_proc(path) || fails_with(reads ? READ : WRITE, reads ? EIO : ENOSPC))
        return NULL;
    return hold(STREAM, __real_fopen(path, mode));
}

FAIL(FILE *, fdopen, (int fd, const char *mode), ALLOC, ENOMEM, NULL)
FILE *f = __real_fdopen(fd, mode);
if (f)
    drop((void *)(uintptr_t)(fd + 1));
return hold(STREAM, f);
}

int __wrap_fclose(FILE *f);
int __wrap_fclose(FILE *f)
{
    /* only a stream that can write has something to lose: glibc's _IO_NO_WRITES */
    int failed = !(f->_flags & 8) && output_fails(f);
    int number = errno;
    memory_stream_is(f, NULL);
    drop(f);
    int code = __real_fclose(f);
    if (!failed)
        return code;
    errno = number;
    return EOF;
}

/* an open file is held as a pointer of its number */
static int hold_fd(int fd)
{
    if (fd >= 0)
        hold(STREAM, (void *)(uintptr_t)(fd + 1));
    return fd;
}

static int open_fails(int flags)
{
    int reads = (flags & O_ACCMODE) == O_RDONLY;
    return fails_with(reads ? READ : WRITE, reads ? EIO : ENOSPC);
}

static int takes_mode(int flags)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    unsigned mode = takes_mode(flags) ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    return open_fails(flags) ? -1 : hold_fd(__real_open(path, flags, mode));
}

int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    unsigned mode = takes_mode(flags) ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    return open_fails(flags) ? -1 : hold_fd(__real_openat(folder, path, flags, mode));
}

FAIL(int, pipe2, (int ends[2], int flags), ALLOC, EMFILE, -1)
int failed = __real_pipe2(ends, flags);
for (int i = 0; i < 2 && !failed; i++)
    hold_fd(ends[i]);
return failed;
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list ap;
    va_start(ap, command);
    long arg = va_arg(ap, long);
    va_end(ap);
    return fails_with(READ, EIO) ? -1 : __real_fcntl(fd, command, arg);
}

/* closed in any case, as Linux does */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int writes = (__real_fcntl(fd, F_GETFL, 0L) & O_ACCMODE) != O_RDONLY;
    int failed = fails(writes ? WRITE : READ);
    drop((void *)(uintptr_t)(fd + 1));
    int code = __real_close(fd);
    if (!failed)
        return code;
    errno = EIO;
    return -1;
}

FAIL(ssize_t, write, (int fd, const void *from, size_t size), WRITE, ENOSPC,
     size > 1 ? __real_write(fd, from, size / 2) : -1)
return __real_write(fd, from, size);
}

FAIL(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), WRITE, ENOSPC, -1)
return __real_pwrite(fd, from, size, at);
}

FAIL(int, fsync, (int fd), WRITE, EIO, -1)
return __real_fsync(fd);
}

FAIL(int, fdatasync, (int fd), WRITE, EIO, -1)
return __real_fdatasync(fd);
}

FAIL(int, mkostemp, (char *name, int flags), WRITE, ENOSPC, -1)
return __real_mkostemp(name, flags);
}

FAIL(int, rename, (const char *from, const char *to), WRITE, ENOSPC, -1)
return __real_rename(from, to);
}

FAIL(int, link, (const char *from, const char *to), WRITE, ENOSPC, -1)
return __real_link(from, to);
}

FAIL(int, unlink, (const char *path), WRITE, EIO, -1)
return __real_unlink(path);
}

FAIL(int, mkdir, (const char *path, mode_t mode), WRITE, ENOSPC, -1)
return __real_mkdir(path, mode);
}

FAIL(int, fallocate, (int fd, int mode, off_t offset, off_t size), WRITE, ENOSPC, -1)
return __real_fallocate(fd, mode, offset, size);
}

FAIL(int, ftruncate, (int fd, off_t size), WRITE, EIO, -1)
return __real_ftruncate(fd, size);
}

FAIL(int, fchmod, (int fd, mode_t mode), WRITE, EIO, -1)
return __real_fchmod(fd, mode);
}

FAIL(int, flock, (int fd, int operation), READ, EIO, -1)
return __real_flock(fd, operation);
}

FAIL(int, access, (const char *path, int how), READ, EIO, -1)
return __real_access(path, how);
}

FAIL(int, stat, (const char *path, struct stat *to), READ, EIO, -1)
return __real_stat(path, to);
}

FAIL(int, lstat, (const char *path, struct stat *to), READ, EIO, -1)
return __real_lstat(path, to);
}

FAIL(int, statvfs, (const char *path, struct statvfs *to), READ, EIO, -1)
return __real_statvfs(path, to);
}

FAIL(int, fstat, (int fd, struct stat *to), READ, EIO, -1)
return __real_fstat(fd, to);
}

FAIL(ssize_t, read, (int fd, void *to, size_t size), READ, EIO, -1)
return __real_read(fd, to, size);
}

FAIL(ssize_t, pread, (int fd, void *to, size_t size, off_t at), READ, EIO, -1)
return __real_pread(fd, to, size, at);
}

size_t __real_fread(void *to, size_t size, size_t count, FILE *f);
size_t __wrap_fread(void *to, size_t size, size_t count, FILE *f);
size_t __wrap_fread(void *to, size_t size, size_t count, FILE *f)
{
    if (!fails_with(READ, EIO))
        return __real_fread(to, size, count, f);
    f->_flags |= 0x20;
    return __real_fread(to, size, count / 2, f);
}

FAIL(int, fstatat, (int folder, const char *path, struct stat *to, int flags), READ, EIO, -1)
return __real_fstatat(folder, path, to, flags);
}

FAIL(int, unlinkat, (int folder, const char *path, int flags), WRITE, EIO, -1)
return __real_unlinkat(folder, path, flags);
}

FAIL(int, sched_setaffinity, (pid_t thread, size_t size, const cpu_set_t *set), WRITE, EPERM, -1)
return __real_sched_setaffinity(thread, size, set);
}

FAIL(DIR *, opendir, (const char *path), READ, EIO, NULL)
return hold(STREAM, __real_opendir(path));
}

int __real_closedir(DIR *folder);
int __wrap_closedir(DIR *folder);
int __wrap_closedir(DIR *folder)
{
    drop(folder);
    return __real_closedir(folder);
}

FAIL(int, gzwrite, (gzFile f, voidpc from, unsigned size), WRITE, ENOSPC, 0)
return __real_gzwrite(f, from, size);
}

FAIL(int, gzread, (gzFile f, void *to, unsigned size), READ, EIO, (atomic_store(&gz_failed, f), -1))
return __real_gzread(f, to, size);
}

const char *__real_gzerror(gzFile f, int *code);
const char *__wrap_gzerror(gzFile f, int *code);
const char *__wrap_gzerror(gzFile f, int *code)
{
    const char *text = __real_gzerror(f, code);
    if (atomic_load(&gz_failed) != f)
        return text;
    *code = Z_ERRNO;
    return "Input/output error";
}

/* --- OpenCL */

/* The device's memory, as SEQTRAIN_FAULT_MEMORY has it. */
static size_t memory_most = SIZE_MAX, memory_taken;
static const char *memory_fails = "";

static void read_memory(const char *text)
{
    char *end;
    if (!text)
        return;
    memory_most = strtoul(text, &end, 10);
    memory_fails = *end == ':' ? end + 1 : "";
}

/* Whether there is too little for what is done. */
static int is_short(const char *call)
{
    return memory_taken > memory_most && !strcmp(call, memory_fails);
}

/* As one driver has it, and as another. */
static cl_int short_code(const char *call)
{
    return strcmp(call, "clEnqueueFillBuffer") ? CL_MEM_OBJECT_ALLOCATION_FAILURE
                                               : CL_OUT_OF_RESOURCES;
}

#define CL_FAILS fails(CL)
#define CL_CODE(name, parameters, arguments)                             \
    cl_int __real_##name parameters;                                     \
    cl_int __wrap_##name parameters;                                     \
    cl_int __wrap_##name parameters                                      \
    {                                                                    \
        return CL_FAILS ? CL_OUT_OF_RESOURCES : __real_##name arguments; \
    }

/* a function that makes an object and tells how it went by `code` */
#define CL_MAKE(type, holding, name, parameters, arguments) \
    type __real_##name parameters;                          \
    type __wrap_##name parameters;                          \
    type __wrap_##name parameters                           \
    {                                                       \
        if (!CL_FAILS)                                      \
            return hold(holding, __real_##name arguments);  \
        if (code)                                           \
            *code = CL_OUT_OF_RESOURCES;                    \
        return NULL;                                        \
    }

/* the object is gone in any case */
#define CL_RELEASE(type, name)                      \
    cl_int __real_##name(type object);              \
    cl_int __wrap_##name(type object);              \
    cl_int __wrap_##name(type object)               \
    {                                               \
        int failed = CL_FAILS;                      \
        drop(object);                               \
        cl_int code = __real_##name(object);        \
        return failed ? CL_OUT_OF_RESOURCES : code; \
    }

/* a command that may give an event */
#define CL_ENQUEUE(name, parameters, arguments) \
    cl_int __real_##name parameters;            \
    cl_int __wrap_##name parameters;            \
    cl_int __wrap_##name parameters             \
    {                                           \
        if (CL_FAILS)                           \
            return CL_OUT_OF_RESOURCES;         \
        if (is_short(#name))                    \
            return short_code(#name);           \
        cl_int code = __real_##name arguments;  \
        if (code == CL_SUCCESS && event)        \
            hold(EVENT, *event);                \
        return code;                            \
    }

CL_CODE(clGetPlatformIDs, (cl_uint most, cl_platform_id *to, cl_uint *count), (most, to, count))
CL_CODE(clGetPlatformInfo,
        (cl_platform_id platform, cl_platform_info key, size_t size, void *to, size_t *needed),
        (platform, key, size, to, needed))
CL_CODE(clGetDeviceIDs,
        (cl_platform_id platform, cl_device_type type, cl_uint most, cl_device_id *to,
         cl_uint *count),
        (platform, type, most, to, count))

/* PoCL's memory is what the machine has to spare: it stands still as well */
cl_int __real_clGetDeviceInfo(cl_device_id device, cl_device_info key, size_t size, void *to,
                              size_t *needed);
cl_int __wrap_clGetDeviceInfo(cl_device_id device, cl_device_info key, size_t size, void *to,
                              size_t *needed);
cl_int __wrap_clGetDeviceInfo(cl_device_id device, cl_device_info key, size_t size, void *to,
                              size_t *needed)
{
    const cl_ulong memory = (cl_ulong)1 << 30;
    if (CL_FAILS)
        return CL_OUT_OF_RESOURCES;
    cl_int code = __real_clGetDeviceInfo(device, key, size, to, needed);
    if (key == CL_DEVICE_GLOBAL_MEM_SIZE || key == CL_DEVICE_MAX_MEM_ALLOC_SIZE)
        memcpy(to, &memory, sizeof memory);
    return code;
}

CL_CODE(clCreateSubDevices,
        (cl_device_id device, const cl_device_partition_property *how, cl_uint most,
         cl_device_id *to, cl_uint *count),
        (device, how, most, to, count))
CL_MAKE(cl_context, CONTEXT, clCreateContext,
        (const cl_context_properties *properties, cl_uint count, const cl_device_id *device,
         void(CL_CALLBACK *call)(const char *, const void *, size_t, void *), void *ctx,
         cl_int *code),
        (properties, count, device, call, ctx, code))
CL_RELEASE(cl_context, clReleaseContext)
CL_MAKE(cl_command_queue, QUEUE, clCreateCommandQueue,
        (cl_context context, cl_device_id device, cl_command_queue_properties properties,
         cl_int *code),
        (context, device, properties, code))
CL_RELEASE(cl_command_queue, clReleaseCommandQueue)
CL_MAKE(cl_program, PROGRAM, clCreateProgramWithSource,
        (cl_context context, cl_uint count, const char **text, const size_t *size, cl_int *code),
        (context, count, text, size, code))
CL_MAKE(cl_program, PROGRAM, clCreateProgramWithBinary,
        (cl_context context, cl_uint count, const cl_device_id *device, const size_t *size,
         const unsigned char **binary, cl_int *status, cl_int *code),
        (context, count, device, size, binary, status, code))
CL_CODE(clBuildProgram,
        (cl_program program, cl_uint count, const cl_device_id *device, const char *options,
         void(CL_CALLBACK *call)(cl_program, void *), void *ctx),
        (program, count, device, options, call, ctx))
CL_CODE(clGetProgramInfo,
        (cl_program program, cl_program_info key, size_t size, void *to, size_t *needed),
        (program, key, size, to, needed))
CL_CODE(clGetProgramBuildInfo,
        (cl_program program, cl_device_id device, cl_program_build_info key, size_t size, void *to,
         size_t *needed),
        (program, device, key, size, to, needed))
CL_RELEASE(cl_program, clReleaseProgram)
CL_MAKE(cl_kernel, KERNEL, clCreateKernel, (cl_program program, const char *name, cl_int *code),
        (program, name, code))
CL_CODE(clSetKernelArg, (cl_kernel kernel, cl_uint index, size_t size, const void *value),
        (kernel, index, size, value))
CL_RELEASE(cl_kernel, clReleaseKernel)
cl_mem __real_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *from,
                             cl_int *code);
cl_mem __wrap_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *from,
                             cl_int *code);
cl_mem __wrap_clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void *from,
                             cl_int *code)
{
    const int failed = CL_FAILS;
    memory_taken += size;
    if (!failed && !is_short("clCreateBuffer"))
        return hold(BUFFER, __real_clCreateBuffer(context, flags, size, from, code));
    if (code)
        *code = failed ? CL_OUT_OF_RESOURCES : CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return NULL;
}
CL_MAKE(cl_mem, BUFFER, clCreateSubBuffer,
        (cl_mem parent, cl_mem_flags flags, cl_buffer_create_type type, const void *what,
         cl_int *code),
        (parent, flags, type, what, code))
CL_RELEASE(cl_mem, clReleaseMemObject)
CL_ENQUEUE(clEnqueueReadBuffer,
           (cl_command_queue queue, cl_mem from, cl_bool wait, size_t offset, size_t size, void *to,
            cl_uint count, const cl_event *after, cl_event *event),
           (queue, from, wait, offset, size, to, count, after, event))
CL_ENQUEUE(clEnqueueWriteBuffer,
           (cl_command_queue queue, cl_mem to, cl_bool wait, size_t offset, size_t size,
            const void *from, cl_uint count, const cl_event *after, cl_event *event),
           (queue, to, wait, offset, size, from, count, after, event))
CL_ENQUEUE(clEnqueueFillBuffer,
           (cl_command_queue queue, cl_mem to, const void *pattern, size_t pattern_size,
            size_t offset, size_t size, cl_uint count, const cl_event *after, cl_event *event),
           (queue, to, pattern, pattern_size, offset, size, count, after, event))
CL_ENQUEUE(clEnqueueCopyBuffer,
           (cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset,
            size_t size, cl_uint count, const cl_event *after, cl_event *event),
           (queue, from, to, from_offset, to_offset, size, count, after, event))
void *__real_clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool wait,
                                cl_map_flags flags, size_t offset, size_t size, cl_uint count,
                                const cl_event *after, cl_event *event, cl_int *code);
void *__wrap_clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool wait,
                                cl_map_flags flags, size_t offset, size_t size, cl_uint count,
                                const cl_event *after, cl_event *event, cl_int *code);
void *__wrap_clEnqueueMapBuffer(cl_command_queue queue, cl_mem buffer, cl_bool wait,
                                cl_map_flags flags, size_t offset, size_t size, cl_uint count,
                                const cl_event *after, cl_event *event, cl_int *code)
{
    if (!CL_FAILS)
        return __real_clEnqueueMapBuffer(queue, buffer, wait, flags, offset, size, count, after,
                                         event, code);
    *code = CL_MAP_FAILURE;
    return NULL;
}
CL_ENQUEUE(clEnqueueUnmapMemObject,
           (cl_command_queue queue, cl_mem buffer, void *at, cl_uint count, const cl_event *after,
            cl_event *event),
           (queue, buffer, at, count, after, event))
CL_ENQUEUE(clEnqueueNDRangeKernel,
           (cl_command_queue queue, cl_kernel kernel, cl_uint rank, const size_t *offset,
            const size_t *global, const size_t *local, cl_uint count, const cl_event *after,
            cl_event *event),
           (queue, kernel, rank, offset, global, local, count, after, event))
CL_ENQUEUE(clEnqueueNativeKernel,
           (cl_command_queue queue, void(CL_CALLBACK *call)(void *), void *arg, size_t size,
            cl_uint buffers, const cl_mem *buffer, const void **where, cl_uint count,
            const cl_event *after, cl_event *event),
           (queue, call, arg, size, buffers, buffer, where, count, after, event))
CL_ENQUEUE(clEnqueueMarkerWithWaitList,
           (cl_command_queue queue, cl_uint count, const cl_event *after, cl_event *event),
           (queue, count, after, event))
CL_ENQUEUE(clEnqueueBarrierWithWaitList,
           (cl_command_queue queue, cl_uint count, const cl_event *after, cl_event *event),
           (queue, count, after, event))
CL_CODE(clWaitForEvents, (cl_uint count, const cl_event *event), (count, event))
CL_RELEASE(cl_event, clReleaseEvent)
CL_CODE(clFlush, (cl_command_queue queue), (queue))
cl_int __real_clFinish(cl_command_queue queue);
cl_int __wrap_clFinish(cl_command_queue queue);
cl_int __wrap_clFinish(cl_command_queue queue)
{
    if (!CL_FAILS)
        return __real_clFinish(queue);
    if (and_after) /* a queue that is broken for good runs nothing more */
        __real_clFinish(queue);
    return CL_OUT_OF_RESOURCES;
}
