/* SPDX-License-Identifier: MIT */
/* Columns of texts on a terminal, and texts made to fit into so many. The widths of the letters are
 * those that wcwidth(3) of glibc gives in the locale C.UTF-8, which is asked where it is there. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "util/columns.h"

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(columns_of(""), 0);
    assert_int_equal(columns_of("pump"), 4);
    assert_int_equal(columns_of("\303\226lpumpe"), 7);           /* a letter with dots */
    assert_int_equal(columns_of("\355\216\214\355\224\204"), 4); /* two syllables */
    assert_int_equal(columns_of("e\314\201"), 1);                /* e and an accent */
    assert_int_equal(columns_of("\340\244\252\340\244\202\340\244\252"), 2); /* a dot above */
    assert_int_equal(columns_of("\377\303"), 2);                             /* no characters */
}

/* Letters of the blocks in which names are likely. */
static void test_system(void **state)
{
    static const char *const texts[] = {
        "\352\260\200\354\235\264\355\236\243", "\343\201\202\343\202\242\344\270\255",
        "\320\226\316\251\303\237\305\221", "\340\244\205\340\244\225\340\245\215",
        "\357\274\241\357\277\245"};
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        wchar_t wide[32];
        const size_t n = mbstowcs(wide, texts[i], 32);
        assert_int_equal(columns_of(texts[i]), (size_t)wcswidth(wide, n));
    }
    setlocale(LC_CTYPE, "C");
}

static void fits(const char *text, size_t most, const char *wanted)
{
    char to[64];
    assert_string_equal(columns_fit(text, most, to, sizeof to), wanted);
    assert_true(columns_of(to) <= most);
}

static void test_fit(void **state)
{
    (void)state;
    fits("", 8, "");
    fits("eight...", 8, "eight...");
    fits("123456789", 8, "123...89");
    fits("a\n   b\tc", 8, "a b c");
    fits("a\033[1m", 8, "a?[1m");
    fits("\352\260\200\352\260\200\352\260\200\352\260\200\352\260\200", 8,
         "\352\260\200...\352\260\200");
    fits("abcdefghie\314\201", 6, "ab...e\314\201"); /* an accent stays with its letter */
}

/* A text of any length and of any bytes keeps to columns and bytes. */
static void test_bounds(void **state)
{
    (void)state;
    char text[6000], to[40];
    for (size_t length = 0; length < sizeof text; length += 7)
        for (size_t kind = 0; kind < 4; kind++) {
            static const unsigned char first[] = {'x', 0xcc, 0xea, 0xff};
            for (size_t i = 0; i < length; i++)
                text[i] = (char)(i % (kind + 1) ? 0x81 + (int)(i % 7) : first[kind]);
            text[length] = 0;
            memset(to, 'z', sizeof to);
            columns_fit(text, 20, to, sizeof to - 1);
            assert_true(columns_of(to) <= 20 && strlen(to) < sizeof to - 1);
            assert_int_equal(to[sizeof to - 1], 'z');
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths), cmocka_unit_test(test_system),
                                       cmocka_unit_test(test_fit), cmocka_unit_test(test_bounds)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
