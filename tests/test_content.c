/* SPDX-License-Identifier: MIT */
/*
 * content: hashes of bytes and files. The hashes were made by the package xxhash of Python:
 *
 *   h = lambda b: xxhash.xxh3_128_hexdigest(b); le = lambda n: struct.pack("<Q", n)
 *   big = bytes((i * 7 + i // 251) % 256 for i in range(600000))
 *   files = lambda f: h(le(len(f)) + b"".join(le(len(x)) + x for x in f))
 *   weights = lambda d: h(le(len(d)) + b"".join(le(len(n)) + n + le(len(d[n])) + d[n]
 *                                               for n in sorted(d)))
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/content.h"
#include "util/file.h"

enum { BIG = 600000 };

static char big[BIG];
static struct error err;

static int set_up(void **state)
{
    static char folder[] = "/tmp/seqtrain-content-XXXXXX";
    (void)state;
    for (int i = 0; i < BIG; i++)
        big[i] = (char)((i * 7 + i / 251) % 256);
    if (!mkdtemp(folder) || chdir(folder) || file_mkdir("weights", &err) ||
        file_mkdir("bare", &err))
        return -1;
    *state = folder;
    return file_write("empty", "", 0, &err) || file_write("abc", "abc", 3, &err) ||
           file_write("big", big, BIG, &err);
}

static int tear_down(void **state)
{
    static const char *const files[] = {"empty",
                                        "abc",
                                        "big",
                                        "weights/a.safetensors",
                                        "weights/B.safetensors",
                                        "weights/config.json",
                                        "weights/preprocessor_config.json",
                                        "weights/README.md",
                                        "bare/config.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    return rmdir("weights") || rmdir("bare") || rmdir(*state);
}

static void is_hash(struct content hash, const char *want)
{
    char text[CONTENT_TEXT];
    assert_string_equal(content_text(hash, text), want);
}

static void test_bytes(void **state)
{
    (void)state;
    is_hash(content_of("", 0), "99aa06d3014798d86001c324468d497f");
    is_hash(content_of("abc", 3), "06b05ab6733a618578af5f94892f3950");
    is_hash(content_of(big, BIG), "fccc64e2bdbec9e94a9a5c3128abc922");
    assert_true(content_same(content_of("abc", 3), content_of("abcd", 3)));
    assert_false(content_same(content_of("abc", 3), content_of("abd", 3)));
}

static void test_file(void **state)
{
    (void)state;
    struct content hash;
    assert_int_equal(content_of_file("empty", &hash, &err), 0);
    is_hash(hash, "99aa06d3014798d86001c324468d497f");
    assert_int_equal(content_of_file("big", &hash, &err), 0);
    is_hash(hash, "fccc64e2bdbec9e94a9a5c3128abc922");
    assert_int_equal(content_of_file("gone", &hash, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, "gone: No such file or directory");
    assert_int_equal(content_of_file("weights", &hash, &err), -1);
    assert_string_equal(err.text, "weights: not a regular file");
}

static void test_files(void **state)
{
    (void)state;
    char *const one[] = {"abc", "empty", "big"}, *const other[] = {"big", "empty", "abc"};
    char *const gone[] = {"abc", "gone", "big"};
    struct content hash;
    assert_int_equal(content_of_files(one, 3, &hash, &err), 0);
    is_hash(hash, "4a73dcac4d01d4104a796097172f2c63");
    assert_int_equal(content_of_files(other, 3, &hash, &err), 0);
    is_hash(hash, "38c5e9b9ec2254add168250e3ff3523c");
    assert_int_equal(content_of_files(NULL, 0, &hash, &err), 0);
    is_hash(hash, "2c0a8a99dc147d5445c3b49d035665b2");
    assert_int_equal(content_of_files(gone, 3, &hash, &err), -1);
    assert_string_equal(err.text, "gone: No such file or directory");
}

static void test_weights(void **state)
{
    (void)state;
    struct content hash;
    assert_int_equal(file_write("weights/config.json", "{}", 2, &err), 0);
    assert_int_equal(file_write("weights/preprocessor_config.json", "{\"size\": 3}", 11, &err), 0);
    assert_int_equal(file_write("weights/a.safetensors", "abc", 3, &err), 0);
    assert_int_equal(file_write("weights/B.safetensors", big, BIG, &err), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(content_of_weights("weights", &hash, &err), 0);
        is_hash(hash, "e42bd61a29a99b45336d50918167f63d");
        assert_int_equal(file_write("weights/README.md", "of no account", 13, &err), 0);
    }
    assert_int_equal(content_of_weights("abc", &hash, &err), 0);
    is_hash(hash, "06b05ab6733a618578af5f94892f3950");
    assert_int_equal(file_write("bare/config.json", "{}", 2, &err), 0);
    assert_int_equal(content_of_weights("bare", &hash, &err), -1);
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, "bare: no file *.safetensors in this folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_weights),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
