/* SPDX-License-Identifier: MIT */
/* Complex numbers in text, and their parts as columns of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/complex.h"
#include "data/table.h"

static void reads(const char *text, double re, double im, int kind)
{
    double x, y;
    int got = complex_parse(text, strlen(text), &x, &y);
    if (got != kind || x != re || y != im)
        fail_msg("'%s' gives %d: %g, %g", text, got, x, y);
}

static void numbers(void **state)
{
    (void)state;
    reads("0.1+0.2j", 0.1, 0.2, 1);
    reads("0.1-0.2i", 0.1, -0.2, 1);
    reads("(0.1+0.2j)", 0.1, 0.2, 1);
    reads("-1e-3-2.5e+4J", -1e-3, -2.5e4, 1);
    reads("0.1 + 0.2I", 0.1, 0.2, 1);
    reads("1.000e+00+-2.000e+00j", 1, -2, 1); /* as numpy's savetxt writes it */
    reads("( -1 - 2i )", -1, -2, 1);
    reads("+3j", 0, 3, 1);
    reads("-3.5i", 0, -3.5, 1);
    reads("1E5", 1e5, 0, 0);
    reads("(-2)", -2, 0, 0);
}

static void no_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",     "j",     "()",    "1+j",   "1+2",      "1+2k",      "1++2j",  "0.1,0.2",
        "nanj", "1+2j3", "(1+2j", "1+2j)", "1e+2e-3j", "infinityj", "1+0x2j",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double x, y;
        if (complex_parse(texts[i], strlen(texts[i]), &x, &y) >= 0)
            fail_msg("'%s' gives %g, %g", texts[i], x, y);
    }
    char longest[400];
    double x, y;
    memset(longest, '1', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(complex_parse(longest, sizeof longest - 1, &x, &y), -1);
}

static char path[] = "/tmp/seqtrain-complex-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static struct table *read_text(const char *text, const struct table_how *how, const char *a,
                               const char *b, struct error *err)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
    char *names[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b};
    return table_read(path, how, names, 2, NULL, err);
}

static void holds(struct table *t, const char *name, double a0, double a1, double b0, double b1)
{
    assert_non_null(t);
    assert_string_equal(t->name[0], name);
    assert_int_equal(t->rows, 2);
    assert_true(t->column[0][0] == a0 && t->column[0][1] == a1);
    assert_true(t->column[1][0] == b0 && t->column[1][1] == b1);
    table_free(t);
}

static void columns(void **state)
{
    (void)state;
    struct error err;
    const struct table_how plain = {0};
    holds(read_text("x,y\n0.5+0.25j,1\n-1.5j,2\n", &plain, "x.re", "x.im", &err), "x.re", 0.5, 0,
          0.25, -1.5);
    holds(read_text("x,y\n0.5+0.25j,1\n-1.5j,2\n", &plain, "y", "X.im", &err), "y", 1, 2, 0.25,
          -1.5);
    /* a column of this very name comes first */
    holds(read_text("x,x.re\n1+2j,7\n3+4j,8\n", &plain, "x.re", "x.im", &err), "x.re", 7, 8, 2, 4);
    char *names[] = {"u", "v"};
    const struct table_how bare = {.csv = {.column = names, .columns = 2}};
    holds(read_text("0.5+0.25j,1+1j\n-1.5j,2+2j\n", &bare, "u.im", "v.re", &err), "u.im", 0.25,
          -1.5, 1, 2);
}

static void fails(const char *text, const char *a, const char *message)
{
    struct error err;
    const struct table_how plain = {0};
    char all[sizeof err.text];
    assert_null(read_text(text, &plain, a, "y", &err));
    snprintf(all, sizeof all, "%s%s", path, message);
    assert_string_equal(err.text, all);
    assert_int_equal(err.status, STATUS_INPUT);
}

static void errors(void **state)
{
    (void)state;
    fails(
        "x,y\n1+2j,1\n", "x",
        ":2: column 'x': '1+2j' is a complex number: its parts are the columns 'x.re' and 'x.im'");
    fails("x,y\n1+2j,1\n1+2k,1\n3j,1\n", "x.re",
          ":3: column 'x.re': '1+2k' is not a complex number like 0.1+0.2j");
    fails("x,y\n1+2j,1\n", "z.re", ":1: no column 'z.re'; the columns are x, y");
    fails("x,y\n1+2j,1\n", "x.ra", ":1: no column 'x.ra'; the columns are x, y");
    fails("1+2j,1\n3+4j,2\n", "x.re",
          ":1: no column 'x.re': this line is a row already, so the file has no header; "
          "data.columns names its columns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(no_numbers),
        cmocka_unit_test(columns),
        cmocka_unit_test(errors),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
