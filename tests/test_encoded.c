/* SPDX-License-Identifier: MIT */
/*
 * encoded: a cache of encoded clips that is cut at every byte, flipped in every byte, and whose
 * writer ends at every call that changes a file. Whatever is found holds what was added.
 */
#include "data_fakes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "data/encoded.h"
#include "data/encoded_tell.h"
#include "util/file.h"

enum { CLIPS = 10, STRIDE = 128, BY_FILE = 4, ENTRY = 64, ROWS = 60, POOLED = 32 };

static const struct encoded_shape shape = {2, 3, 5, ENCODED_BF16, 2, 4};
static const char what[] = "weights = 0123\nsize = 224\n";
static char folder[] = "/tmp/seqtrain-encoded-XXXXXX";
static struct error err;

/* --- calls that end the process, or fail */

static long calls_left; /* before the process ends; 0: it does not */
static int disk_is_full, dirty;

static int is_end(void)
{
    return calls_left && !--calls_left;
}

/* Whether the name of an open file has this in it. */
static int is_file(int fd, const char *part)
{
    char link[64], path[512] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && strstr(path, part);
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    if (is_end()) {
        __real_pwrite(fd, bytes, size / 2, at);
        _exit(9);
    }
    dirty |= is_file(fd, "/data-");
    if (is_file(fd, "/index") && dirty)
        _exit(10); /* an entry before its bytes are on disk */
    if (!disk_is_full)
        return __real_pwrite(fd, bytes, size, at);
    errno = ENOSPC;
    return -1;
}

/* Records that were read to be verified. */
static int verified;

ssize_t __real_pread(int fd, void *to, size_t size, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t at)
{
    verified += is_file(fd, "/data-");
    return __real_pread(fd, to, size, at);
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    if (is_end())
        _exit(9);
    if (is_file(fd, "/data-"))
        dirty = 0;
    return 0;
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    if (is_end())
        _exit(9);
    return 0;
}

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size)
{
    if (is_end())
        _exit(9);
    return __real_ftruncate(fd, size);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    if (is_end())
        _exit(9);
    return __real_rename(from, to);
}

/* --- clips */

static struct content hash_of(int clip)
{
    return content_of(&clip, sizeof clip);
}

static void fill(int clip, unsigned char rows[ROWS], float pooled[POOLED / 4])
{
    for (int i = 0; i < ROWS; i++)
        rows[i] = (unsigned char)(clip * 31 + i + 1);
    for (int i = 0; i < POOLED / 4; i++)
        pooled[i] = (float)(clip * 100 + i);
}

static int add(struct encoded *e, int clip)
{
    unsigned char rows[ROWS];
    float pooled[POOLED / 4];
    fill(clip, rows, pooled);
    return encoded_add(e, hash_of(clip), rows, pooled, &err);
}

/* 1: the clip is there and right; 0: it is not there, or told to be damaged. */
static int has(struct encoded *e, int clip)
{
    unsigned char rows[ROWS];
    float pooled[POOLED / 4];
    const int64_t record = encoded_find(e, hash_of(clip));
    if (record < 0)
        return 0;
    fill(clip, rows, pooled);
    const void *there = encoded_rows(e, (size_t)record, &err);
    if (!there) {
        assert_true(err.damaged && strstr(err.text, "is damaged"));
        assert_int_equal(encoded_find(e, hash_of(clip)), -1);
        return 0;
    }
    assert_memory_equal(there, rows, ROWS);
    assert_memory_equal(encoded_pooled(e, (size_t)record, &err), pooled, POOLED);
    return 1;
}

static int count(struct encoded *e, int clips)
{
    int n = 0;
    for (int i = 0; i < clips; i++)
        n += has(e, i);
    return n;
}

static struct encoded *open_cache(int writes)
{
    struct encoded *e = encoded_open(folder, what, &shape, writes, &err);
    if (!e)
        print_error("%s\n", err.text);
    assert_non_null(e);
    return e;
}

static void close_cache(struct encoded *e)
{
    assert_int_equal(encoded_close(e, &err), 0);
}

/* The path of a file of the cache. */
static const char *in(const char *name)
{
    static char path[2][512];
    static int turn;
    struct encoded *e = open_cache(0);
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", encoded_found(e).path, name);
    close_cache(e);
    return path[turn];
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        char *inner = file_join(path, d->d_name);
        if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..")) {
            if (file_is_folder(inner))
                remove_all(inner);
            else
                unlink(inner);
        }
        free(inner);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static void make_clips(int clips)
{
    remove_all(folder);
    struct encoded *e = open_cache(1);
    for (int i = 0; i < clips; i++)
        assert_int_equal(add(e, i), 0);
    close_cache(e);
}

/* --- tests */

static void test_kept(void **state)
{
    (void)state;
    struct stat st;
    uint64_t bytes = 0;
    remove_all(folder);
    struct encoded *e = open_cache(0); /* nothing is there, and nothing is made */
    assert_int_equal(count(e, CLIPS), 0);
    close_cache(e);
    assert_int_equal(stat(folder, &st), -1);
    e = open_cache(1);
    for (int i = 0; i < CLIPS; i++) {
        assert_int_equal(has(e, i), 0);
        assert_int_equal(add(e, i), 0);
        assert_int_equal(has(e, i), 1);
    }
    close_cache(e);
    e = open_cache(0);
    assert_int_equal(encoded_found(e).records, CLIPS);
    assert_int_equal(count(e, CLIPS), CLIPS);
    assert_int_equal(has(e, CLIPS), 0);
    close_cache(e);
    static const char *const files[] = {"index", "data-0000", "data-0001", "data-0002"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(stat(in(files[i]), &st), 0);
        bytes += (uint64_t)st.st_size;
    }
    assert_int_equal(bytes, encoded_bytes(&shape, CLIPS));
}

/* 865 clips of 8 frames through so400m: 11.6 GB by patches, 1.45 GB as means. */
static void test_bytes(void **state)
{
    (void)state;
    struct encoded_shape s = {8, 729, 1152, ENCODED_BF16, 0, 0};
    assert_int_equal(encoded_bytes(&s, 865), UINT64_C(11622942720) + 64 * 866);
    s.frames = 1;
    assert_int_equal(encoded_bytes(&s, 865), UINT64_C(1452867840) + 64 * 866);
    assert_int_equal(encoded_bytes(&s, SIZE_MAX), UINT64_MAX);
    s.rows = SIZE_MAX / 2;
    assert_int_equal(encoded_shape_check(&s, &err), -1);
    s.rows = 0;
    assert_int_equal(encoded_shape_check(&s, &err), -1);
    assert_int_equal(err.status, STATUS_USAGE);
    uint64_t space = 0;
    assert_int_equal(file_free_space("/tmp/not/there/at/all", &space, &err), 0);
    assert_true(space > 0);
    assert_int_equal(file_free_space("not_there", &space, &err), 0);
    assert_int_equal(file_free_space("", &space, &err), 0);
}

/* What a process does that ends at one of its calls. */
static void run_writer(long calls)
{
    calls_left = calls;
    struct encoded *e = encoded_open(folder, what, &shape, 1, &err);
    for (int i = 0; e && i < CLIPS; i++)
        if (encoded_find(e, hash_of(i)) < 0 && (add(e, i) || (i % 3 == 2 && encoded_sync(e, &err))))
            _exit(11);
    _exit(!e || encoded_close(e, &err) ? 11 : 0);
}

static void test_killed(void **state)
{
    (void)state;
    int status = -1;
    for (long calls = 1; status; calls++) {
        remove_all(folder);
        for (int again = 0; again < 2; again++) { /* the second one goes on, and ends too */
            pid_t child = fork();
            if (!child)
                run_writer(calls);
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFEXITED(status));
            assert_true(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0);
            struct encoded *e = open_cache(0);
            assert_int_equal(count(e, CLIPS), encoded_found(e).records);
            close_cache(e);
        }
        struct encoded *e = open_cache(1);
        for (int i = 0; i < CLIPS; i++)
            if (!has(e, i))
                assert_int_equal(add(e, i), 0);
        close_cache(e);
        e = open_cache(0);
        assert_int_equal(count(e, CLIPS), CLIPS);
        assert_int_equal(encoded_found(e).damaged, 0);
        close_cache(e);
        assert_true(calls < 1000);
    }
}

static void test_cut(void **state)
{
    (void)state;
    make_clips(6);
    for (int size = 7 * ENTRY; size >= 0; size--) {
        const int left = size < ENTRY ? 0 : size / ENTRY - 1;
        make_clips(6);
        assert_int_equal(truncate(in("index"), size), 0);
        struct encoded *e = open_cache(0);
        assert_int_equal(count(e, 6), left);
        close_cache(e);
        e = open_cache(1);
        assert_int_equal(encoded_found(e).cut, size < ENTRY ? size : size % ENTRY);
        assert_int_equal(encoded_found(e).damaged, 0);
        for (int i = 0; i < 6; i++)
            if (!has(e, i))
                assert_int_equal(add(e, i), 0);
        close_cache(e);
        e = open_cache(0);
        assert_int_equal(count(e, 6), 6);
        close_cache(e);
    }
    make_clips(6); /* blank entries behind the others, as a power loss leaves them */
    assert_int_equal(truncate(in("index"), 10 * ENTRY), 0);
    struct encoded *e = open_cache(1);
    assert_int_equal(encoded_found(e).cut, 3 * ENTRY);
    assert_int_equal(count(e, 6), 6);
    close_cache(e);
    make_clips(6);
    assert_int_equal(truncate(in("data-0001"), STRIDE + 10), 0);
    e = open_cache(0);
    assert_int_equal(count(e, 6), 5);
    assert_non_null(strstr(err.text, "(the file ends before it)"));
    close_cache(e);
}

static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    const int byte = getc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    putc(byte ^ (1 << at % 8), f);
    assert_int_equal(fclose(f), 0);
}

/* One clip is lost and told, the others are there; a writer puts it back. */
static void flipped(const char *name, long at, int lost)
{
    make_clips(6);
    char path[512];
    snprintf(path, sizeof path, "%s", in(name));
    flip(path, at);
    struct encoded *e = open_cache(0);
    assert_int_equal(count(e, 6), 6 - lost);
    close_cache(e);
    e = open_cache(1);
    assert_int_equal(encoded_found(e).damaged, lost && !strcmp(name, "index"));
    for (int i = 0; i < 6; i++)
        if (!has(e, i))
            assert_int_equal(add(e, i), 0);
    close_cache(e);
    e = open_cache(1);
    assert_int_equal(encoded_found(e).damaged, 0); /* it was told once */
    assert_int_equal(count(e, 6), 6);
    close_cache(e);
}

static void test_flipped(void **state)
{
    (void)state;
    for (long at = 0; at < 7 * ENTRY; at++)
        flipped("index", at, at >= ENTRY);
    for (long at = 0; at < BY_FILE * STRIDE; at++)
        flipped("data-0000", at, 1);
    flipped("data-0001", 2 * STRIDE - 1, 1);
    flipped("key.txt", 3, 0);
    make_clips(8);
    char one[512], other[512];
    snprintf(one, sizeof one, "%s", in("data-0000"));
    snprintf(other, sizeof other, "%s", in("data-0001"));
    assert_int_equal(rename(one, "/tmp/seqtrain-encoded-aside"), 0);
    assert_int_equal(rename(other, one), 0);
    assert_int_equal(rename("/tmp/seqtrain-encoded-aside", other), 0);
    struct encoded *e = open_cache(0);
    assert_int_equal(count(e, 8), 0);
    close_cache(e);
    unlink(one);
    e = open_cache(0);
    assert_int_equal(count(e, 8), 0);
    close_cache(e);
}

/* Exchanges bytes [a, a + size) and [b, b + size) of a file. */
static void exchange(const char *name, long a, long b, size_t size)
{
    char one[STRIDE], other[STRIDE];
    const int fd = open(in(name), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, one, size, a), size);
    assert_int_equal(pread(fd, other, size, b), size);
    assert_int_equal(__real_pwrite(fd, one, size, b), size);
    assert_int_equal(__real_pwrite(fd, other, size, a), size);
    close(fd);
}

/* Entries and records that are whole but lie elsewhere; two records of one clip too. */
static void test_moved(void **state)
{
    (void)state;
    make_clips(6);
    exchange("index", 2 * ENTRY, 4 * ENTRY, ENTRY);
    struct encoded *e = open_cache(0);
    assert_int_equal(encoded_found(e).damaged, 2);
    assert_int_equal(count(e, 6), 4);
    close_cache(e);
    make_clips(2);
    e = open_cache(1);
    unsigned char rows[ROWS] = {0};
    float pooled[POOLED / 4] = {0};
    assert_int_equal(encoded_add(e, hash_of(1), rows, pooled, &err), 0);
    assert_int_equal(add(e, 1), 0);
    assert_int_equal(encoded_find(e, hash_of(1)), 3); /* the last one counts */
    close_cache(e);
    e = open_cache(0);
    assert_int_equal(count(e, 2), 2);
    assert_int_equal(encoded_found(e).records, 2);
    close_cache(e);
    exchange("data-0000", 2 * STRIDE, 3 * STRIDE, STRIDE);
    e = open_cache(0);
    assert_int_equal(count(e, 2), 1);
    close_cache(e);
}

static void *read_clips(void *arg)
{
    struct encoded *e = arg;
    struct error own;
    intptr_t good = 0;
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < CLIPS; i++) {
            const int64_t record = encoded_find(e, hash_of(i));
            const unsigned char *rows = record < 0 ? NULL : encoded_rows(e, (size_t)record, &own);
            good += rows && rows[0] == (unsigned char)(i * 31 + 1);
        }
    return (void *)good;
}

/* Threads read what one adds. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[3];
    void *good;
    make_clips(CLIPS - 3);
    struct encoded *e = open_cache(1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_clips, e), 0);
    for (int i = CLIPS - 3; i < CLIPS; i++)
        assert_int_equal(add(e, i), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(thread[i], &good), 0);
        assert_true((intptr_t)good >= 20 * (CLIPS - 3));
    }
    assert_int_equal(count(e, CLIPS), CLIPS);
    close_cache(e);
}

static void test_writers(void **state)
{
    (void)state;
    make_clips(3);
    struct encoded *e = open_cache(1);
    assert_int_equal(add(e, 3), 0);
    assert_null(encoded_open(folder, what, &shape, 1, &err));
    assert_int_equal(err.status, STATUS_FAILED);
    assert_non_null(strstr(err.text, "another process adds to this cache"));
    struct encoded *reader = open_cache(0);
    assert_int_equal(count(reader, 4), 3);
    assert_int_equal(encoded_sync(e, &err), 0);
    assert_int_equal(count(reader, 4), 3);
    close_cache(reader);
    reader = open_cache(0);
    assert_int_equal(count(reader, 4), 4);
    close_cache(reader);
    close_cache(e);
    close_cache(open_cache(1));
}

/* One cache that is read, then added to, then read again; others add before, and after. */
static void test_turns(void **state)
{
    (void)state;
    make_clips(3);
    flip(in("data-0000"), STRIDE + 7);
    struct encoded *e = open_cache(0), *other = open_cache(1);
    verified = 0;
    assert_int_equal(count(e, 5), 2);
    assert_int_equal(verified, 3);
    assert_int_equal(add(other, 3), 0);
    assert_int_equal(encoded_take(e, &err), 1);
    assert_int_equal(count(e, 5), 2);
    close_cache(other);
    verified = 0;
    assert_int_equal(encoded_take(e, &err), 0);
    assert_int_equal(encoded_take(e, &err), 0);
    assert_int_equal(count(e, 5), 3); /* the damaged one stays so */
    assert_int_equal(verified, 1);
    assert_int_equal(add(e, 1), 0);
    assert_int_equal(add(e, 4), 0);
    other = open_cache(0);
    assert_int_equal(encoded_take(other, &err), 1);
    assert_int_equal(encoded_leave(e, &err), 0);
    assert_int_equal(encoded_take(other, &err), 0);
    assert_int_equal(count(other, 5), 5);
    assert_int_equal(add(other, 5), 0);
    close_cache(other);
    verified = 0;
    assert_int_equal(count(e, 6), 5);
    assert_int_equal(count(e, 6), 5);
    assert_int_equal(verified, 2); /* those that it added itself */
    close_cache(e);
    e = open_cache(0);
    assert_int_equal(count(e, 6), 6);
    close_cache(e);
}

/* A process that is killed while it adds leaves the cache to the next one, with what it synced. */
static void test_left(void **state)
{
    (void)state;
    int ready[2], status;
    char byte = 0;
    make_clips(2);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (!child) {
        struct encoded *e = open_cache(0);
        if (!encoded_take(e, &err) && !add(e, 2) && !encoded_sync(e, &err) && !add(e, 3) &&
            write(ready[1], "r", 1) == 1)
            pause();
        _exit(1);
    }
    struct encoded *e = open_cache(0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(encoded_take(e, &err), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(encoded_take(e, &err), 0);
    assert_int_equal(count(e, 4), 3);
    assert_int_equal(add(e, 3), 0);
    assert_int_equal(encoded_leave(e, &err), 0);
    assert_int_equal(count(e, 4), 4);
    close_cache(e);
    close(ready[0]);
    close(ready[1]);
}

static void test_full(void **state)
{
    (void)state;
    make_clips(3);
    struct encoded *e = open_cache(1);
    disk_is_full = 1;
    assert_int_equal(add(e, 3), -1);
    assert_int_equal(err.status, STATUS_FAILED);
    assert_non_null(strstr(err.text, "No space left on device"));
    disk_is_full = 0;
    assert_int_equal(has(e, 3), 0);
    assert_int_equal(add(e, 3), 0);
    disk_is_full = 1;
    assert_int_equal(encoded_sync(e, &err), -1);
    disk_is_full = 0;
    assert_int_equal(count(e, 4), 4);
    close_cache(e);
    e = open_cache(0);
    assert_int_equal(count(e, 4), 4);
    close_cache(e);
}

static void add_to(const char *lines, int clips)
{
    struct encoded *e = encoded_open(folder, lines, &shape, 1, &err);
    assert_non_null(e);
    for (int i = 0; i < clips; i++)
        assert_int_equal(add(e, i), 0);
    close_cache(e);
}

static void test_told(void **state)
{
    (void)state;
    make_clips(2);
    add_to("weights = 0123\nsize = 384\n", 5);
    add_to("weights = a hash of many digits\nsize = 384\n", 1);
    add_to("weights = 0124\nsize = 224\n", 0);
    fake_forget();
    struct encoded *e = open_cache(1);
    encoded_tell(e, NULL);
    close_cache(e);
    const char *one = strstr(fake_said, ": 5 clips were encoded with other settings, left alone: "
                                        "size (384, not 224)\n");
    const char *other = strstr(fake_said, ": 1 clip was encoded with other settings, left alone: "
                                          "weights, size (384, not 224)\n");
    assert_true(one && other && one < other);
    assert_null(strstr(fake_said, ": 0 clips"));
    assert_string_equal(fake_warned, "");
    flip(in("index"), ENTRY);
    assert_int_equal(truncate(in("index"), 3 * ENTRY - 1), 0);
    fake_forget();
    e = open_cache(1);
    encoded_tell(e, NULL);
    close_cache(e);
    assert_non_null(strstr(fake_said, "what an interrupted run had not finished"));
    assert_non_null(strstr(fake_warned, "/index: 1 damaged entry: what it tells of is encoded"));
}

/* The folder of another key with our name on it. */
static void test_renamed(void **state)
{
    (void)state;
    make_clips(2);
    char ours[512];
    snprintf(ours, sizeof ours, "%s", in(""));
    ours[strlen(ours) - 1] = 0;
    remove_all(ours);
    add_to("weights = 9\n", 2);
    struct encoded *e = encoded_open(folder, "weights = 9\n", &shape, 0, &err);
    assert_int_equal(rename(encoded_found(e).path, ours), 0);
    close_cache(e);
    assert_null(encoded_open(folder, what, &shape, 0, &err));
    assert_non_null(strstr(err.text, "the index of another cache"));
}

static int set_up(void **state)
{
    (void)state;
    encoded_file_bytes = STRIDE * BY_FILE + 10;
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    remove_all(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),    cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_killed),  cmocka_unit_test(test_cut),
        cmocka_unit_test(test_flipped), cmocka_unit_test(test_moved),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_writers),
        cmocka_unit_test(test_turns),   cmocka_unit_test(test_left),
        cmocka_unit_test(test_full),    cmocka_unit_test(test_told),
        cmocka_unit_test(test_renamed),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
