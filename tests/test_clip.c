/* SPDX-License-Identifier: MIT */
/* Clips: which files one image, a folder or a glob stands for, in which order, and which of them
 * are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/clip.h"
#include "util/file.h"

#include "ok.h"

static char folder[] = "/tmp/seqtrain-clip-XXXXXX";
static const char *const files[] = {"f10.png", "f2.JPG",   "f1.jpeg", "f02.png",
                                    "f9.jpg",  "note.txt", ".f3.png", "g.gif"};
#define FILES (sizeof files / sizeof *files)

static const char *path_of(const char *name)
{
    static char path[2][sizeof folder + 64];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || mkdir(path_of("sub.png"), 0700) || mkdir(path_of("empty"), 0700))
        return -1;
    for (size_t i = 0; i < FILES; i++)
        if (file_write(path_of(files[i]), "", 0, &err))
            return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILES; i++)
        remove(path_of(files[i]));
    return rmdir(path_of("sub.png")) || rmdir(path_of("empty")) || rmdir(folder);
}

/* The names of the frames, with blanks between them. */
static void clip(const char *path, size_t frames, const char *wanted, size_t passed_over)
{
    struct clip c;
    char text[1000] = "";
    OK(clip_open(&c, path, frames, &err));
    assert_int_equal(c.count, frames);
    assert_int_equal(c.passed_over, passed_over);
    for (size_t i = 0; i < c.count; i++) {
        assert_int_equal(strncmp(c.path[i], folder, strlen(folder)), 0);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                 c.path[i] + strlen(folder) + 1);
    }
    assert_string_equal(text, wanted);
    clip_fini(&c);
    assert_null(c.path);
}

static void named(void **state)
{
    (void)state;
    clip(folder, 5, "f1.jpeg f2.JPG f02.png f9.jpg f10.png", 2);
    clip(folder, 1, "f02.png", 2);
    clip(folder, 2, "f2.JPG f9.jpg", 2);
    clip(folder, 7, "f1.jpeg f2.JPG f2.JPG f02.png f9.jpg f9.jpg f10.png", 2);
    clip(path_of("f*"), 3, "f2.JPG f02.png f9.jpg", 0);
    clip(path_of("*[1-9].*"), 4, "f1.jpeg f2.JPG f02.png f9.jpg", 0);
    clip(path_of("f9.jpg"), 2, "f9.jpg f9.jpg", 0);
    clip(path_of("note.txt"), 1, "note.txt", 0); /* its first bytes will tell */
}

static void bad(const char *path, size_t frames, const char *wanted)
{
    struct clip c;
    assert_int_equal(clip_open(&c, path, frames, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_null(c.path);
    if (!strstr(err.text, wanted) || strncmp(err.text, path, strlen(path)))
        fail_msg("%s, not %s", err.text, wanted);
}

static void refused(void **state)
{
    (void)state;
    bad(path_of("empty"), 1, ": no .png, .jpg or .jpeg file is in this folder");
    bad(path_of("*.txt"), 1, ": no .png, .jpg or .jpeg file fits this pattern");
    bad(path_of("q*"), 1, ": no .png, .jpg or .jpeg file fits this pattern");
    bad(path_of("none.png"), 1, ": No such file or directory");
    bad(folder, 0, ": 0 frames, where 1 to 4096 can be taken");
    bad(folder, 4097, ": 4097 frames, where 1 to 4096 can be taken");
}

/* np.round(np.array([(n - 1) / N * (k + 0.5) for k in range(N)]) + 1e-6), by NumPy */
static void frames(void **state)
{
    static const struct {
        size_t n, frames, wanted[8];
    } cases[] = {
        {1, 8, {0, 0, 0, 0, 0, 0, 0, 0}}, {2, 8, {0, 0, 0, 0, 1, 1, 1, 1}},
        {5, 8, {0, 1, 1, 2, 2, 3, 3, 4}}, {8, 8, {0, 1, 2, 3, 4, 5, 6, 7}},
        {9, 8, {1, 2, 3, 4, 5, 6, 7, 8}}, {100, 8, {6, 19, 31, 43, 56, 68, 80, 93}},
        {301, 4, {38, 113, 188, 263}},    {10, 1, {5}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t k = 0; k < cases[i].frames; k++)
            assert_int_equal(clip_frame(cases[i].n, cases[i].frames, k), cases[i].wanted[k]);
}

static void order(void **state)
{
    static const char *const sorted[] = {"",
                                         "01",
                                         "1",
                                         "2",
                                         "10",
                                         "10a",
                                         "a",
                                         "a1b2",
                                         "a1b10",
                                         "a01b11",
                                         "a2",
                                         "a9/x10",
                                         "a10/x2",
                                         "b",
                                         "b99999999999999999999999",
                                         "b100000000000000000000000",
                                         "\xea\xb0\x80"};
    const size_t count = sizeof sorted / sizeof *sorted;
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            const int got = clip_order(sorted[i], sorted[j]);
            if ((got < 0) != (i < j) || (got == 0) != (i == j))
                fail_msg("'%s' and '%s': %d", sorted[i], sorted[j], got);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named),
        cmocka_unit_test(refused),
        cmocka_unit_test(frames),
        cmocka_unit_test(order),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
