/* SPDX-License-Identifier: MIT */
/* tokenizer, utf8: numbers of texts and back, and what is said of texts that have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"
#include "text/utf8.h"

/* --- UTF-8 */

static void code_points_are_read_as_written(void **state)
{
    (void)state;
    size_t surrogates = 0;
    for (uint32_t point = 0; point < UTF8_POINTS; point++) {
        char bytes[UTF8_MOST];
        uint32_t read = UTF8_POINTS;
        const size_t size = utf8_write(point, bytes);
        if (point >= 0xd800 && point < 0xe000) {
            surrogates += utf8_read(bytes, size, &read) == 0;
            continue;
        }
        if (utf8_read(bytes, size, &read) != size || read != point)
            fail_msg("U+%04X is read as U+%04X", point, read);
        if (utf8_read(bytes, size - 1, &read))
            fail_msg("U+%04X is read without its last byte", point);
    }
    assert_int_equal(surrogates, 0x800);
}

static void what_is_no_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* a byte that goes on, alone */
        "\xc0\x80",         /* U+0000 in two bytes */
        "\xc1\xbf",         /* U+007F in two bytes */
        "\xe0\x9f\xbf",     /* U+07FF in three */
        "\xf0\x8f\xbf\xbf", /* U+FFFF in four */
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf8\x88\x80\x80\x80",
        "\xff",
        "\xc3(",
        "\xe2\x82(",
    };
    uint32_t point;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (utf8_read(bad[i], strlen(bad[i]), &point))
            fail_msg("text %zu is read", i);
    assert_int_equal(utf8_read("", 0, &point), 0);
    assert_int_equal(utf8_read("\xe2\x82\xac!", 4, &point), 3);
    assert_int_equal(point, 0x20ac);
}

/* --- what the tests of all kinds share */

/* The numbers of a text are these. */
static void expect_numbers(const struct tokenizer *t, const char *text, size_t size, size_t count,
                           const uint32_t *number)
{
    struct tokens to = {0};
    struct error err = {0};
    if (tokenizer_encode(t, text, size, "text", &to, &err))
        fail_msg("%s", err.text);
    assert_int_equal(to.count, count);
    assert_memory_equal(to.number, number, count * sizeof *number);
    free(to.number);
}

/* Encoding fails with this sentence. */
static void expect_refusal(const struct tokenizer *t, const char *text, size_t size,
                           const char *wants)
{
    struct tokens to = {0};
    struct error err = {0};
    assert_int_equal(tokenizer_encode(t, text, size, "text", &to, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    if (!strstr(err.text, wants))
        fail_msg("'%s' does not hold '%s'", err.text, wants);
    free(to.number);
}

/* The pieces of a text's numbers are the text. */
static void expect_way_back(const struct tokenizer *t, const char *text, size_t size)
{
    struct tokens to = {0};
    struct error err = {0};
    size_t at = 0;
    assert_int_equal(tokenizer_encode(t, text, size, "text", &to, &err), 0);
    for (size_t i = 0; i < to.count; i++) {
        size_t bytes;
        const char *piece = tokenizer_piece(t, to.number[i], &bytes);
        assert_true(bytes > 0 && bytes <= size - at);
        assert_memory_equal(piece, text + at, bytes);
        at += bytes;
    }
    assert_int_equal(at, size);
    free(to.number);
}

/* What a checkpoint keeps of it, as a tokenizer again. */
static struct tokenizer *kept(const struct tokenizer *t)
{
    struct error err = {0};
    json_t *json = tokenizer_json(t);
    assert_non_null(json);
    char *text = json_dumps(json, JSON_COMPACT);
    json_t *again = json_loads(text, 0, NULL);
    struct tokenizer *back = tokenizer_of_json(again, "kept", &err);
    if (!back)
        fail_msg("%s", err.text);
    json_decref(json);
    json_decref(again);
    free(text);
    return back;
}

#define TEXT(literal) literal, sizeof literal - 1
#define NUMBERS(...)                                                   \
    sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]) \
    {                                                                  \
        __VA_ARGS__                                                    \
    }

/* --- characters and bytes */

static void characters_are_numbered_in_their_order(void **state)
{
    (void)state;
    struct error err = {0};
    struct tokenizer *t = tokenizer_characters(TEXT("ba\n\xec\x95\x88\0b"), "text", &err);
    assert_non_null(t);
    assert_int_equal(tokenizer_count(t), 5);
    expect_numbers(t, TEXT("\0\nab\xec\x95\x88"), NUMBERS(0, 1, 2, 3, 4));
    expect_numbers(t, "", 0, 0, NULL);
    expect_way_back(t, TEXT("\xec\x95\x88"
                            "bab\n"));
    expect_refusal(t, TEXT("ab\nac"), "text:2: the model has no token for the character U+0063");
    expect_refusal(t, TEXT("\n\na\xff"), "text:3: this line is no UTF-8 text");
    tokenizer_free(t);
}

static void tokens_are_added_behind_those_there(void **state)
{
    (void)state;
    struct tokens to = {0};
    struct error err = {0};
    struct tokenizer *t = tokenizer_bytes(&err);
    assert_int_equal(tokenizer_encode(t, "ab", 2, "text", &to, &err), 0);
    assert_int_equal(tokenizer_encode(t, "c", 1, "text", &to, &err), 0);
    assert_int_equal(to.count, 3);
    assert_memory_equal(to.number, ((uint32_t[]){'a', 'b', 'c'}), 3 * sizeof *to.number);
    free(to.number);
    tokenizer_free(t);
}

static void bytes_are_their_own_numbers(void **state)
{
    (void)state;
    struct error err = {0};
    struct tokenizer *t = tokenizer_bytes(&err);
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    assert_int_equal(tokenizer_count(t), 256);
    expect_numbers(t, TEXT("\xff\0a"), NUMBERS(255, 0, 97));
    expect_way_back(t, all, sizeof all);
    tokenizer_free(t);
}

static void numbers_without_a_token_have_no_piece(void **state)
{
    (void)state;
    struct error err = {0};
    size_t size = 1;
    struct tokenizer *t = tokenizer_characters(TEXT("ab"), "text", &err);
    assert_non_null(tokenizer_piece(t, 2, &size));
    assert_int_equal(size, 0);
    assert_non_null(tokenizer_piece(t, UINT32_MAX, &size));
    assert_int_equal(size, 0);
    tokenizer_free(t);
}

static void a_text_that_is_no_utf8_has_no_characters(void **state)
{
    (void)state;
    struct error err = {0};
    assert_null(tokenizer_characters(TEXT("a\n\nb\xc3"), "corpus.txt", &err));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_non_null(strstr(err.text, "corpus.txt:3: "));
    assert_non_null(strstr(err.text, "data.tokenizer = bytes"));
}

static void a_checkpoint_keeps_it(void **state)
{
    (void)state;
    struct error err = {0};
    struct tokenizer *t = tokenizer_characters(TEXT("xyz\xf0\x9f\x98\x80"), "text", &err);
    struct tokenizer *bytes = tokenizer_bytes(&err), *back = kept(t);
    assert_int_equal(tokenizer_count(back), 4);
    expect_numbers(back, TEXT("\xf0\x9f\x98\x80zyx"), NUMBERS(3, 2, 1, 0));
    tokenizer_free(back);
    back = kept(bytes);
    assert_int_equal(tokenizer_count(back), 256);
    tokenizer_free(back);
    tokenizer_free(bytes);
    tokenizer_free(t);
}

static void what_no_checkpoint_keeps_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{}", "kept: its tokenizer is of no kind that is known here"},
        {"[]", "of no kind"},
        {"{\"kind\": \"words\"}", "of no kind"},
        {"{\"kind\": 7}", "of no kind"},
        {"{\"kind\": \"characters\"}", "of no kind"},
        {"{\"kind\": \"characters\", \"points\": []}", "of no kind"},
        {"{\"kind\": \"characters\", \"points\": [7, 7]}", "kept: the code points"},
        {"{\"kind\": \"characters\", \"points\": [7, 3]}", "the code points"},
        {"{\"kind\": \"characters\", \"points\": [-1]}", "the code points"},
        {"{\"kind\": \"characters\", \"points\": [\"a\"]}", "the code points"},
        {"{\"kind\": \"characters\", \"points\": [1114112]}", "the code points"},
        {"{\"kind\": \"characters\", \"points\": [55296]}", "the code points"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        json_t *json = json_loads(bad[i][0], 0, NULL);
        assert_non_null(json);
        assert_null(tokenizer_of_json(json, "kept", &err));
        assert_int_equal(err.status, STATUS_INPUT);
        if (!strstr(err.text, bad[i][1]))
            fail_msg("%s: '%s' does not hold '%s'", bad[i][0], err.text, bad[i][1]);
        json_decref(json);
    }
    tokenizer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_points_are_read_as_written),
        cmocka_unit_test(what_is_no_utf8_is_refused),
        cmocka_unit_test(characters_are_numbered_in_their_order),
        cmocka_unit_test(tokens_are_added_behind_those_there),
        cmocka_unit_test(bytes_are_their_own_numbers),
        cmocka_unit_test(numbers_without_a_token_have_no_piece),
        cmocka_unit_test(a_text_that_is_no_utf8_has_no_characters),
        cmocka_unit_test(a_checkpoint_keeps_it),
        cmocka_unit_test(what_no_checkpoint_keeps_is_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
