/* SPDX-License-Identifier: MIT */
/* tokenizer, utf8: numbers of texts and back, and what is said of texts that have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "text/bpe_train.h"
#include "text/normalizer.h"
#include "text/tokenizer.h"
#include "text/utf8.h"
#include "util/file.h"
#include "util/parallel.h"

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

/* --- tokenizer.json, against the tokenizers library */

/* The numbers of a text are those of a list. */
static void expect_list(const char *file, const struct tokenizer *t, int whole, const json_t *text,
                        const json_t *list)
{
    struct tokens to = {0};
    struct error err = {0};
    int (*const encode)(const struct tokenizer *, const char *, size_t, const char *,
                        struct tokens *, struct error *) =
        whole ? tokenizer_encode_whole : tokenizer_encode;
    if (encode(t, json_string_value(text), json_string_length(text), "text", &to, &err))
        fail_msg("%s: '%s': %s", file, json_string_value(text), err.text);
    if (to.count != json_array_size(list))
        fail_msg("%s: '%s' has %zu numbers, not %zu", file, json_string_value(text), to.count,
                 json_array_size(list));
    for (size_t i = 0; i < to.count; i++)
        if (to.number[i] != json_integer_value(json_array_get(list, i)))
            fail_msg("%s: '%s': number %zu is %u", file, json_string_value(text), i, to.number[i]);
    free(to.number);
}

/* The text of the numbers of a list. */
static void expect_text(const char *file, const struct tokenizer *t, int special,
                        const json_t *list, const json_t *text)
{
    uint32_t number[1024];
    size_t size, count = json_array_size(list);
    struct error err = {0};
    assert_true(count < sizeof number / sizeof *number);
    for (size_t i = 0; i < count; i++)
        number[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    char *got = tokenizer_decode(t, number, count, special, &size, &err);
    if (!got)
        fail_msg("%s: %s", file, err.text);
    if (size != json_string_length(text) || memcmp(got, json_string_value(text), size) != 0)
        fail_msg("%s: the text is '%s', not '%s'", file, got, json_string_value(text));
    free(got);
}

/* A line is [text, numbers, numbers of the whole, its text, its text without special tokens]. */
static size_t expect_cases(const char *file, const struct tokenizer *t)
{
    char line[1 << 16];
    size_t count = 0;
    FILE *in = fopen(file, "r");
    if (!in)
        fail_msg("%s cannot be read", file);
    for (; fgets(line, sizeof line, in); count++) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_int_equal(json_array_size(c), 5);
        expect_list(file, t, 0, json_array_get(c, 0), json_array_get(c, 1));
        expect_list(file, t, 1, json_array_get(c, 0), json_array_get(c, 2));
        expect_text(file, t, 1, json_array_get(c, 2), json_array_get(c, 3));
        expect_text(file, t, 0, json_array_get(c, 2), json_array_get(c, 4));
        json_decref(c);
    }
    fclose(in);
    return count;
}

static const char *folder(void)
{
    static char path[4096];
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof path, "%s/tests/golden/tokenizers", srcdir ? srcdir : ".");
    return path;
}

static struct tokenizer *golden(const char *name)
{
    char path[4200];
    struct error err = {0};
    snprintf(path, sizeof path, "%s/%s.json", folder(), name);
    struct tokenizer *t = tokenizer_load(path, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static int is_json(const struct dirent *entry)
{
    return strstr(entry->d_name, ".json") != NULL;
}

static void files_do_what_the_library_does(void **state)
{
    (void)state;
    struct dirent **entry;
    const int count = scandir(folder(), &entry, is_json, alphasort);
    assert_true(count >= 20);
    for (int i = 0; i < count; i++) {
        char path[4400];
        *strstr(entry[i]->d_name, ".json") = 0;
        struct tokenizer *t = golden(entry[i]->d_name), *back = kept(t);
        snprintf(path, sizeof path, "%s/%s.cases", folder(), entry[i]->d_name);
        assert_true(expect_cases(path, t) > 40);
        assert_true(expect_cases(path, back) > 40);
        assert_int_equal(tokenizer_count(t), tokenizer_count(back));
        tokenizer_free(t);
        tokenizer_free(back);
        free(entry[i]);
    }
    free(entry);
}

/* A line is [regular expression, text, the text with | for what is found]. */
static void expect_found(const json_t *line)
{
    struct error err = {0};
    struct normalizer_work work = {0};
    const json_t *regex = json_array_get(line, 0), *wanted = json_array_get(line, 2);
    const char *text = json_string_value(json_array_get(line, 1));
    size_t size = json_string_length(json_array_get(line, 1));
    json_t *json = json_pack("{s:s,s:{s:O},s:s}", "type", "Replace", "pattern", "Regex", regex,
                             "content", "|");
    struct normalizer *n = normalizer_read("patterns.txt", json, &err);
    struct pattern_work *search = pattern_work_new(&err);
    if (!n || !search || normalizer_run(n, &work, search, &text, &size, &err))
        fail_msg("%s", err.text);
    if (size != json_string_length(wanted) || memcmp(text, json_string_value(wanted), size) != 0)
        fail_msg("%s: '%.*s' is not '%s'", json_string_value(regex), (int)size, text,
                 json_string_value(wanted));
    normalizer_free(n);
    normalizer_work_fini(&work);
    pattern_work_free(search);
    json_decref(json);
}

static void patterns_find_what_onigurumas_do(void **state)
{
    (void)state;
    char path[4200], line[1 << 14];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/../patterns.txt", folder());
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    for (; fgets(line, sizeof line, in); count++) {
        json_t *json = json_loads(line, 0, NULL);
        assert_int_equal(json_array_size(json), 3);
        expect_found(json);
        json_decref(json);
    }
    fclose(in);
    assert_true(count > 60);
}

static void expect_piece(const struct tokenizer *t, const char *text, const char *bytes)
{
    size_t size;
    const int64_t number = tokenizer_number(t, text);
    assert_true(number >= 0);
    const char *piece = tokenizer_piece(t, (uint32_t)number, &size);
    assert_int_equal(size, strlen(bytes));
    assert_memory_equal(piece, bytes, size);
}

static void pieces_are_what_stands_within_a_text(void **state)
{
    (void)state;
    struct tokenizer *t = golden("gpt2");
    expect_piece(t, "\xc4\xa0the", " the");
    expect_piece(t, "\xc4\xa2", "\x80");
    expect_piece(t, "<|endoftext|>", "<|endoftext|>");
    assert_int_equal(tokenizer_number(t, "<|endoftext|>"), 0);
    assert_int_equal(tokenizer_number(t, "no such piece"), -1);
    assert_true(tokenizer_is_special(t, 0));
    assert_false(tokenizer_is_special(t, 1));
    assert_false(tokenizer_is_special(t, UINT32_MAX));
    expect_way_back(t, TEXT("Gr\xc3\xb6\xc3\x9f"
                            "e \xed\x95\x9c the"));
    tokenizer_free(t);
    t = golden("llama");
    expect_piece(t, "<0xC3>", "\xc3");
    expect_piece(t, "\xe2\x96\x81", " ");
    assert_true(tokenizer_is_special(t, (uint32_t)tokenizer_number(t, "<s>")));
    assert_false(tokenizer_is_special(t, (uint32_t)tokenizer_number(t, "word")));
    tokenizer_free(t);
}

/* A word of a megabyte is made numbers in the time that its length asks for. */
static void a_long_word_takes_no_long_time(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *word = malloc(SIZE);
    struct tokens to = {0};
    struct error err = {0};
    assert_non_null(word);
    for (size_t i = 0; i < SIZE; i++)
        word[i] = "thethedogfox"[(i + i / 1000) % 12];
    struct tokenizer *t = golden("gpt2");
    const clock_t before = clock();
    assert_int_equal(tokenizer_encode(t, word, SIZE, "text", &to, &err), 0);
    assert_true((clock() - before) / CLOCKS_PER_SEC < 20);
    assert_true(to.count > 1000 && to.count < SIZE);
    free(to.number);
    free(word);
    tokenizer_free(t);
}

/* Marks of many classes in no order are put in order in the time that their number asks for. */
static void many_marks_take_no_long_time(void **state)
{
    (void)state;
    enum { MARKS = 1 << 18 };
    static char text[2 * MARKS];
    struct tokens to = {0};
    struct error err = {0};
    for (size_t i = 0; i < MARKS; i++)
        memcpy(text + 2 * i, i % 2 ? "\xcc\x80" : "\xcc\xa3", 2);
    struct tokenizer *t = golden("qwen");
    const clock_t before = clock();
    assert_int_equal(tokenizer_encode(t, text, sizeof text, "text", &to, &err), 0);
    assert_true((clock() - before) / CLOCKS_PER_SEC < 20);
    assert_int_equal(to.number[0], to.number[2]); /* those below come first */
    free(to.number);
    tokenizer_free(t);
}

/* Threads share a tokenizer. */
static void encode_in_thread(void *arg, size_t i)
{
    struct tokenizer *t = arg;
    for (size_t round = 0; round < 20; round++) {
        struct tokens to = {0}, again = {0};
        struct error err = {0};
        char text[32];
        const int size = snprintf(text, sizeof text, "the %zu foxes", i * 100 + round);
        assert_int_equal(tokenizer_encode(t, text, (size_t)size, "text", &to, &err), 0);
        assert_int_equal(tokenizer_encode(t, text, (size_t)size, "text", &again, &err), 0);
        assert_int_equal(to.count, again.count);
        assert_memory_equal(to.number, again.number, to.count * sizeof *to.number);
        char *back = tokenizer_decode(t, to.number, to.count, 1, &(size_t){0}, &err);
        assert_string_equal(back, text);
        free(back);
        free(to.number);
        free(again.number);
    }
}

static void threads_share_it(void **state)
{
    (void)state;
    struct tokenizer *t = golden("gpt2");
    parallel_run(8, 4, encode_in_thread, t);
    tokenizer_free(t);
}

/* --- training, against the tokenizers library */

static char *trained_file(const char *name, size_t *size)
{
    char path[4200];
    struct error err = {0};
    snprintf(path, sizeof path, "%s/../trained/%s", folder(), name);
    char *text = file_read(path, 1 << 20, size, &err);
    if (!text)
        fail_msg("%s", err.text);
    return text;
}

static void training_makes_the_librarys_documents(void **state)
{
    (void)state;
    size_t size, bad, got, length;
    char *text = trained_file("text.txt", &size), name[32];
    for (size_t i = 0; bpe_train_kinds[i]; i++) {
        struct error err = {0};
        struct bpe_training *t = bpe_training_new(bpe_train_kinds[i], &err);
        assert_non_null(t);
        assert_int_equal(bpe_training_add(t, text, size, &bad, &err), 0);
        json_t *made = bpe_training_end(t, 600, &got, &err);
        snprintf(name, sizeof name, "%s.json", bpe_train_kinds[i]);
        char *bytes = trained_file(name, &length);
        json_t *wanted = json_loadb(bytes, length, 0, NULL);
        assert_int_equal(got, 600);
        assert_true(json_array_size(json_object_get(json_object_get(made, "model"), "merges")) >=
                    343);
        assert_true(json_equal(made, wanted));
        json_decref(made);
        json_decref(wanted);
        free(bytes);
        bpe_training_free(t);
    }
    free(text);
}

/* The same words in several texts, cut behind line ends, count the same. */
static void training_counts_what_comes_in_pieces(void **state)
{
    (void)state;
    struct error err = {0};
    size_t bad, got;
    struct bpe_training *t = bpe_training_new("gpt2", &err),
                        *whole = bpe_training_new("gpt2", &err);
    assert_int_equal(bpe_training_add(t, TEXT("low lower\n"), &bad, &err), 0);
    assert_int_equal(bpe_training_add(t, TEXT("lowest low"), &bad, &err), 0);
    assert_int_equal(bpe_training_add(whole, TEXT("low lower\nlowest low"), &bad, &err), 0);
    json_t *one = bpe_training_end(t, 300, &got, &err),
           *other = bpe_training_end(whole, 300, &got, &err);
    assert_int_equal(got, 260); /* lo, low, " low" */
    assert_true(json_equal(one, other));
    json_decref(one);
    json_decref(other);
    bpe_training_free(t);
    bpe_training_free(whole);
    assert_null(bpe_training_new("odd", &err));
    assert_int_equal(err.status, STATUS_USAGE);
}

/* --- what is said of files */

#define MODEL \
    "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"

/* Loading fails with a sentence that ends so behind "PATH:". */
static void expect_no_file(const char *text, const char *wants)
{
    struct error err = {0};
    char path[64];
    int fd = memfd_create("tokenizer", 0);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (tokenizer_load(path, &err))
        fail_msg("%s is loaded", text);
    assert_int_equal(err.status, STATUS_INPUT);
    if (strncmp(err.text, path, strlen(path)) != 0 || !strstr(err.text, wants) ||
        strchr(err.text, '\n'))
        fail_msg("%s: '%s' does not hold '%s'", text, err.text, wants);
    close(fd);
}

static void expect_no_part(const char *part, const char *wants)
{
    char text[8192];
    snprintf(text, sizeof text, "{%s," MODEL "}", part);
    expect_no_file(text, wants);
}

static void expect_no_model(const char *model, const char *wants)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"model\":{%s}}", model);
    expect_no_file(text, wants);
}

static void expect_no_regex(const char *regex, const char *wants)
{
    char text[4096];
    snprintf(text, sizeof text,
             "\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"%s\"},"
             "\"behavior\":\"Isolated\"}",
             regex);
    expect_no_part(text, wants);
}

static void files_that_are_none_are_told(void **state)
{
    (void)state;
    struct error err = {0};
    assert_null(tokenizer_load("/nonexistent/tokenizer.json", &err));
    assert_int_equal(err.status, STATUS_INPUT);
    expect_no_file("", ":1: this is no JSON: '[' or '{' expected");
    expect_no_file("{\n\n\"a\": x}", ":3: this is no JSON");
    expect_no_file("\xff", "this is no JSON");
    expect_no_part("\"added_tokens\":[{\"id\":3,\"content\":\"\\u0000\"}]",
                   ":1: a text in it holds a NUL");
    expect_no_file("[]", "this is no tokenizer.json: there is no 'model'");
    expect_no_file("{}", "there is no 'model'");
    expect_no_file("{\"model\":[]}", "there is no 'model'");
}

static void kinds_that_are_not_known_are_named(void **state)
{
    (void)state;
    expect_no_part("\"normalizer\":{\"type\":\"NFKC\"}",
                   "normalizer: NFKC is no kind that is known here: NFC,");
    expect_no_part("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmt\"}]}",
                   "normalizer: Nmt is no kind");
    expect_no_part("\"pre_tokenizer\":{\"type\":\"Whitespace\"}",
                   "pre_tokenizer: Whitespace is no kind");
    expect_no_part("\"post_processor\":{\"type\":\"BertProcessing\"}",
                   "post_processor: BertProcessing is no kind");
    expect_no_part("\"decoder\":{\"type\":\"WordPiece\"}", "decoder: WordPiece is no kind");
    expect_no_part("\"decoder\":{\"type\":\"a\\u0007b\"}", "decoder: a?b is no kind");
    expect_no_part("\"decoder\":{}", "decoder: its kind, 'type', is missing");
    expect_no_part("\"decoder\":7", "decoder: its kind");
    expect_no_part("\"normalizer\":{\"type\":\"Sequence\"}",
                   "normalizer: Sequence: 'normalizers' is no list");
    expect_no_model("\"type\":\"Unigram\",\"vocab\":[]",
                    "model: Unigram is no kind that is known here: BPE");
    expect_no_model("\"type\":7", "model: ? is no kind");
}

static void models_with_faults_are_told(void **state)
{
    (void)state;
    expect_no_model("\"merges\":[]", "'vocab' is no object");
    expect_no_model("\"vocab\":{},\"merges\":[]", "'vocab' is no object");
    expect_no_model("\"vocab\":{\"a\":-1},\"merges\":[]", "the piece 'a' has no number of 0 ..");
    expect_no_model("\"vocab\":{\"a\":16777216},\"merges\":[]", "the piece 'a' has no number");
    expect_no_model("\"vocab\":{\"a\":\"0\"},\"merges\":[]", "the piece 'a' has no number");
    expect_no_model("\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]",
                    "the piece 'b' and another one have the number 0");
    expect_no_model("\"vocab\":{\"a\":0}", "'merges' is no list");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[\"a\"]", "merge 0 is no pair of pieces");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[\"a a a\"]", "merge 0 is no pair");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]", "merge 0 is no pair");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[7]", "merge 0 is no pair");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[\"a a\"]",
                    "merge 0, 'a a' and what follows, has pieces");
    expect_no_model("\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a b\"]", "not in 'vocab'");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"u\"",
                    "unk_token 'u' is not in 'vocab'");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1",
                    "BPE: dropout is not known here");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[],\"end_of_word_suffix\":\"</w>\"",
                    "BPE: end_of_word_suffix is not known here");
    expect_no_model("\"vocab\":{\"a\":0},\"merges\":[],\"fuse_unk\":1",
                    "'fuse_unk' is neither true nor false");
}

static void parts_with_faults_are_told(void **state)
{
    (void)state;
    expect_no_part("\"added_tokens\":{}", "added_tokens: it is no list");
    expect_no_part("\"added_tokens\":[7]", "'content' is no text");
    expect_no_part("\"added_tokens\":[{\"id\":7,\"content\":\"x\"}]", "'x' must have the number 3");
    expect_no_part("\"added_tokens\":[{\"id\":0,\"content\":\"ab\"}]",
                   "'ab' must have the number 2");
    expect_no_part("\"added_tokens\":[{\"id\":3,\"content\":\"\"}]", "has 0 bytes");
    expect_no_part("\"added_tokens\":[{\"id\":3,\"content\":\"x\",\"special\":\"no\"}]",
                   "'special' is neither");
    expect_no_part("\"normalizer\":{\"type\":\"Prepend\"}", "'prepend' is no text");
    expect_no_part(
        "\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}",
        "the text that is searched for is empty");
    expect_no_part("\"normalizer\":{\"type\":\"Replace\",\"content\":\"\"}",
                   "'pattern' has neither a Regex nor a String");
    expect_no_part("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},"
                   "\"behavior\":\"Odd\"}",
                   "Split: 'Odd' is no behavior");
    expect_no_part(
        "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"x\"}",
        "Metaspace: 'x' is no prepend_scheme");
    expect_no_part("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\","
                   "\"prepend_scheme\":\"first\",\"add_prefix_space\":false}",
                   "add_prefix_space and prepend_scheme clash");
    expect_no_part("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"__\"}",
                   "pre_tokenizer: 'replacement' is not one character");
    expect_no_part("\"decoder\":{\"type\":\"Strip\",\"content\":\" \",\"start\":-1,\"stop\":0}",
                   "Strip: 'start' and 'stop'");
    expect_no_part("\"decoder\":{\"type\":\"Strip\",\"content\":\"ab\",\"start\":1,\"stop\":0}",
                   "decoder: 'content' is not one character");
    expect_no_part("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}",
                   "'single' does not have the text once");
    expect_no_part("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":"
                   "[{\"SpecialToken\":{\"id\":\"x\"}}],\"special_tokens\":{\"x\":{\"ids\":[9]}}}",
                   "'x' has a number that no token has");
    expect_no_part("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":"
                   "[{\"SpecialToken\":{\"id\":\"x\"}}]}",
                   "'special_tokens' does not say what 'x' is");
}

static void patterns_that_mean_something_else_are_refused(void **state)
{
    (void)state;
    expect_no_regex("a(", "the regular expression 'a(': missing closing parenthesis");
    expect_no_regex("[a[b]]", "has a set in a set, which is not known here");
    expect_no_regex("[a&&b]", "has &&,");
    expect_no_regex("[[:alpha:]]", "has [:...:],");
    expect_no_regex("[a", "has a [ without its ]");
    expect_no_regex("a{1,2}+", "has {n,m}+,");
    expect_no_regex("(?<a>b)\\\\k<a>", "has \\k,");
    expect_no_regex("\\\\xff", "has a \\x or \\u that is no character");
    expect_no_regex("\\\\pL", "has a \\p without {NAME}");
    expect_no_regex("\\\\p{Nothing}", "unknown property");
    expect_no_regex("(*UTF)a", "has (*,");
    expect_no_regex("(?P<a>b)", "has a (? of a rare kind");
    expect_no_regex("a(?i)b|c", "has a (? of a rare kind");
    expect_no_regex("a\\\\", "has a \\ at its end");
}

static void what_has_no_token_is_told(void **state)
{
    (void)state;
    struct error err = {0};
    json_t *json = json_loads("{\"kind\":\"tokenizer.json\",\"document\":{" MODEL "}}", 0, NULL);
    struct tokenizer *t = tokenizer_of_json(json, "kept", &err);
    assert_non_null(t);
    expect_refusal(t, TEXT("abc"),
                   "text:1: the tokenizer has no number for the character U+0063, and");
    expect_refusal(t, TEXT("a\xc4\x86"),
                   "the character U+0106, which may stand for the byte 06, and");
    expect_refusal(t, TEXT("a\nb\xff"), "text:2: this line is no UTF-8 text");
    expect_numbers(t, TEXT("abab"), NUMBERS(2, 2));
    size_t size;
    assert_null(tokenizer_decode(t, (uint32_t[]){3}, 1, 1, &size, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    tokenizer_free(t);
    json_decref(json);
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
        cmocka_unit_test(files_do_what_the_library_does),
        cmocka_unit_test(patterns_find_what_onigurumas_do),
        cmocka_unit_test(pieces_are_what_stands_within_a_text),
        cmocka_unit_test(a_long_word_takes_no_long_time),
        cmocka_unit_test(many_marks_take_no_long_time),
        cmocka_unit_test(threads_share_it),
        cmocka_unit_test(training_makes_the_librarys_documents),
        cmocka_unit_test(training_counts_what_comes_in_pieces),
        cmocka_unit_test(files_that_are_none_are_told),
        cmocka_unit_test(kinds_that_are_not_known_are_named),
        cmocka_unit_test(models_with_faults_are_told),
        cmocka_unit_test(parts_with_faults_are_told),
        cmocka_unit_test(patterns_that_mean_something_else_are_refused),
        cmocka_unit_test(what_has_no_token_is_told),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
