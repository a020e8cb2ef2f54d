/* SPDX-License-Identifier: MIT */
/* spec.json of OpenDPD data sets: both spellings, numbers in strings, what is missing, where rows
 * are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/spec.h"

static char path[] = "/tmp/seqtrain-spec-XXXXXX";

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

static int read_text(const char *text, struct spec *spec, struct error *err)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
    return spec_read(spec, path, err);
}

static struct spec good(const char *text)
{
    struct spec spec;
    struct error err;
    if (read_text(text, &spec, &err))
        fail_msg("%s: %s", text, err.text);
    return spec;
}

/* The error, behind the path. */
static void bad(const char *text, const char *expected)
{
    struct spec spec;
    struct error err;
    char all[sizeof err.text];
    assert_int_equal(read_text(text, &spec, &err), -1);
    snprintf(all, sizeof all, "%s%s", path, expected);
    assert_string_equal(err.text, all);
    assert_int_equal(err.status, STATUS_INPUT);
}

static void spellings(void **state)
{
    (void)state;
    struct spec s = good("{\"input_signal_fs\": 800e6, \"bw_main_ch\": 200e6, \"bw_sub_ch\": 20e6, "
                         "\"n_sub_ch\": 10, \"nperseg\": 2560, \"standard\": \"LTE\"}");
    assert_true(s.sample_rate == 800e6 && s.bandwidth == 200e6);
    assert_true(s.sub_channels == 10 && s.segment == 2560);
    s = good("{\"input_signal_fs\": \"400e6\", \"input_signal_bw\": \"100e6\", "
             "\"input_signal_sub_ch_bw\": \"20e6\", \"nperseg\": \"2560\"}");
    assert_true(s.sample_rate == 400e6 && s.bandwidth == 100e6);
    assert_true(s.sub_channels == 5 && s.segment == 2560);
    s = good("{\"input_signal_bw\": 1, \"bw_main_ch\": 2, \"bw_sub_ch\": null}");
    assert_true(s.bandwidth == 2 && s.sub_channels == 0 && s.sample_rate == 0 && s.segment == 0);
}

static void errors(void **state)
{
    (void)state;
    bad("[1]", ": not an object of names and values");
    bad("{\"nperseg\": \"many\"}", ": nperseg has to be a number above 0");
    bad("{\"nperseg\": 0}", ": nperseg has to be a number above 0");
    bad("{\"bw_main_ch\": -1}", ": bw_main_ch has to be a number above 0");
    bad("{\"n_sub_ch\": true}", ": n_sub_ch has to be a number above 0");
    bad("{\"split_ratios\": {\"train\": 0.9}}", ": split_ratios: train 0.9 and val 0.2 come to "
                                                "more than 1 (they are 0.6 and 0.2 if the file "
                                                "does not say otherwise)");
    bad("{\"split_indices\": {\"train_end\": 10}}",
        ": split_indices needs train_end and val_end, in this order");
    bad("{\"split_indices\": {\"train_end\": 10, \"val_end\": 5}}",
        ": split_indices needs train_end and val_end, in this order");
}

static void cut_at(const char *text, size_t rows, size_t train_end, size_t validation_end)
{
    struct spec spec = good(text);
    size_t a, b;
    assert_int_equal(spec_cut(&spec, rows, &a, &b), 0);
    assert_int_equal(a, train_end);
    assert_int_equal(b, validation_end);
}

/* int(n * 0.6) and so on, as OpenDPD's data collector has it. */
static void cuts(void **state)
{
    (void)state;
    cut_at("{}", 102400, 61440, 81920);
    cut_at("{}", 99, 59, 78);
    cut_at("{\"split_ratios\": {\"train\": \"0.5\", \"val\": 0.25, \"test\": 0.25}}", 7, 3, 4);
    cut_at("{\"split_ratios\": {\"train\": 0.5, \"val\": 0.25}, "
           "\"split_indices\": {\"train_end\": 5, \"val_end\": 6}}",
           6, 5, 6);
    struct spec spec = good("{\"split_indices\": {\"train_end\": 5, \"val_end\": 7}}");
    size_t a, b;
    assert_int_equal(spec_cut(&spec, 6, &a, &b), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings),
        cmocka_unit_test(errors),
        cmocka_unit_test(cuts),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
