/* SPDX-License-Identifier: MIT */
/* Hugging Face folders: config.json in old and new spellings, what is refused of it; weights in one
 * file and in several; numbers of 16 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hf/config.h"
#include "hf/folder.h"
#include "hf/index.h"
#include "util/file.h"

static char folder[] = "/tmp/seqtrain-hf-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static const char *path_of(const char *name)
{
    static char path[sizeof folder + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int empty_folder(void **state)
{
    static const char *const names[] = {"config.json",   "model.safetensors", HF_INDEX_NAME,
                                        "a.safetensors", "sub/b.safetensors", "sub"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(path_of(names[i]));
    return 0;
}

static int remove_folder(void **state)
{
    empty_folder(state);
    return rmdir(folder);
}

static void put(const char *name, const char *text)
{
    struct error err;
    if (file_write(path_of(name), text, strlen(text), &err))
        fail_msg("%s", err.text);
}

/* --- config.json */

static struct hf_config good(const char *text)
{
    struct hf_config c;
    struct error err;
    if (hf_config_parse(&c, text, strlen(text), "C", &err))
        fail_msg("%s: %s", text, err.text);
    return c;
}

static void bad(const char *text, const char *expected)
{
    struct hf_config c;
    struct error err;
    assert_int_equal(hf_config_parse(&c, text, strlen(text), "C", &err), -1);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.status, STATUS_INPUT);
}

#define QWEN3                                                                              \
    "\"model_type\": \"qwen3\", \"hidden_size\": 4096, \"intermediate_size\": 12288, "     \
    "\"num_hidden_layers\": 36, \"num_attention_heads\": 32, \"num_key_value_heads\": 8, " \
    "\"vocab_size\": 151936, \"max_position_embeddings\": 40960, \"head_dim\": 128"
#define LLAMA                                                                        \
    "\"model_type\": \"llama\", \"hidden_size\": 576, \"intermediate_size\": 1536, " \
    "\"num_hidden_layers\": 30, \"num_attention_heads\": 9, \"vocab_size\": 49152"

static void spellings(void **state)
{
    (void)state;
    struct hf_config c = good("{" QWEN3 ", \"rope_theta\": 1000000, \"rope_scaling\": null, "
                              "\"torch_dtype\": \"bfloat16\", \"tie_word_embeddings\": false, "
                              "\"sliding_window\": null, \"use_sliding_window\": false, "
                              "\"hidden_act\": \"silu\", \"attention_bias\": false}");
    assert_int_equal(c.shape, HF_QWEN3);
    assert_int_equal(c.width, 4096);
    assert_int_equal(c.feedforward, 12288);
    assert_int_equal(c.layers, 36);
    assert_int_equal(c.heads, 32);
    assert_int_equal(c.key_heads, 8);
    assert_int_equal(c.head_width, 128);
    assert_int_equal(c.vocabulary, 151936);
    assert_int_equal(c.positions, 40960);
    assert_int_equal(c.activation, HF_SILU);
    assert_true(c.rotary_base == 1e6 && c.norm_eps == 1e-6 && !c.tied);
    assert_int_equal(c.scaling.kind, HF_SCALING_NONE);
    c = good("{" QWEN3 ", \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5e5}, "
             "\"dtype\": \"bfloat16\", \"tie_word_embeddings\": true, \"rms_norm_eps\": 1e-5, "
             "\"layer_types\": [\"full_attention\", \"full_attention\"]}");
    assert_true(c.rotary_base == 5e5 && c.norm_eps == 1e-5 && c.tied);
    c = good("{" LLAMA "}"); /* the least: heads as wide as they share the width */
    assert_int_equal(c.shape, HF_LLAMA);
    assert_int_equal(c.key_heads, 9);
    assert_int_equal(c.head_width, 64);
    assert_int_equal(c.positions, 2048);
    assert_true(c.rotary_base == 1e4 && c.norm_eps == 1e-6 && !c.tied);
}

static void architectures(void **state)
{
    (void)state;
    struct hf_config c = good("{\"architectures\": [\"GPT2LMHeadModel\"]}"); /* GPT-2 itself */
    assert_int_equal(c.shape, HF_GPT2);
    assert_int_equal(c.width, 768);
    assert_int_equal(c.feedforward, 3072);
    assert_int_equal(c.head_width, 64);
    assert_int_equal(c.vocabulary, 50257);
    assert_int_equal(c.positions, 1024);
    assert_int_equal(c.activation, HF_GELU_TANH);
    assert_true(c.norm_eps == 1e-5 && c.tied && c.rotary_base == 0);
    c = good("{\"model_type\": \"gpt2\", \"n_embd\": 12, \"n_head\": 3, \"n_layer\": 2, "
             "\"n_inner\": 20, \"n_positions\": 7, \"vocab_size\": 11, "
             "\"activation_function\": \"relu\", \"layer_norm_epsilon\": 0.001, "
             "\"tie_word_embeddings\": false}");
    assert_int_equal(c.width, 12);
    assert_int_equal(c.heads, 3);
    assert_int_equal(c.layers, 2);
    assert_int_equal(c.feedforward, 20);
    assert_int_equal(c.positions, 7);
    assert_int_equal(c.activation, HF_RELU);
    assert_true(c.norm_eps == 0.001 && !c.tied);
}

static void scaling(void **state)
{
    (void)state;
    struct hf_config c = good("{" LLAMA ", \"rope_theta\": 500000.0, \"rope_scaling\": {"
                              "\"type\": \"linear\", \"factor\": 2.0}}");
    assert_int_equal(c.scaling.kind, HF_SCALING_LINEAR);
    assert_true(c.scaling.factor == 2 && c.rotary_base == 5e5);
    c = good("{" LLAMA ", \"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 5e5, "
             "\"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "
             "\"original_max_position_embeddings\": 8192}}");
    assert_int_equal(c.scaling.kind, HF_SCALING_LLAMA3);
    assert_true(c.scaling.factor == 8 && c.scaling.low == 1 && c.scaling.high == 4);
    assert_true(c.scaling.positions == 8192 && c.rotary_base == 5e5);
}

static void quantised(void **state)
{
    (void)state;
#define BITS "{" LLAMA ", \"quantization_config\": {\"quant_method\": \"bitsandbytes\", "
    assert_int_equal(good("{" LLAMA "}").packed, HF_PLAIN);
    assert_int_equal(good(BITS "\"load_in_8bit\": true}}").packed, HF_INT8);
    assert_int_equal(good(BITS "\"load_in_4bit\": true, \"bnb_4bit_quant_type\": \"nf4\", "
                               "\"load_in_8bit\": false}}")
                         .packed,
                     HF_NF4);
    assert_int_equal(good(BITS "\"load_in_4bit\": true, \"bnb_4bit_quant_type\": \"nf4\", "
                               "\"bnb_4bit_use_double_quant\": true}}")
                         .packed,
                     HF_NF4_NESTED);
}

static void refused(void **state)
{
    (void)state;
    bad("{" QWEN3 ", \"use_sliding_window\": true}",
        "C: 'use_sliding_window' asks for sliding windows, which are not computed");
    bad("{" QWEN3 ", \"layer_types\": [\"full_attention\", \"sliding_attention\"]}",
        "C: 'layer_types' has layers that are not full_attention");
    bad("{" LLAMA ", \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}}",
        "C: 'rope_type' is 'yarn': rotary positions of the kinds default, linear and llama3 are "
        "computed");
    bad("{" LLAMA ", \"partial_rotary_factor\": 0.5}",
        "C: 'partial_rotary_factor' is not 1: positions turn whole heads here");
    bad("{" LLAMA ", \"rope_parameters\": {\"partial_rotary_factor\": 0.5}}",
        "C: 'partial_rotary_factor' is not 1: positions turn whole heads here");
    bad("{" LLAMA ", \"rope_scaling\": {\"type\": \"linear\"}}", "C: 'factor' is missing");
    bad("{" LLAMA ", \"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8, "
        "\"low_freq_factor\": 4, \"high_freq_factor\": 4}}",
        "C: 'high_freq_factor' is not above low_freq_factor");
    bad("{" LLAMA ", \"rope_scaling\": 2}", "C: 'rope_scaling' is no object");
    bad("{" LLAMA ", \"attention_bias\": true}",
        "C: 'attention_bias' is true: models of this type are computed without biases");
    bad("{" LLAMA ", \"mlp_bias\": true}",
        "C: 'mlp_bias' is true: models of this type are computed without biases");
    bad("{" LLAMA ", \"num_local_experts\": 8}",
        "C: 'num_local_experts' asks for experts, which are not computed");
    bad("{" LLAMA ", \"hidden_act\": \"gelu\"}",
        "C: 'hidden_act' is 'gelu': this type of model is computed with silu");
    bad("{" LLAMA ", \"quantization_config\": {\"quant_method\": \"gptq\"}}",
        "C: 'quant_method' is not bitsandbytes, whose nf4 and int8 are read");
    bad("{" LLAMA ", \"quantization_config\": {\"quant_method\": \"bitsandbytes\", "
        "\"load_in_4bit\": true, \"bnb_4bit_quant_type\": \"fp4\"}}",
        "C: 'quantization_config' is neither nf4 nor int8 of bitsandbytes");
    bad("{\"model_type\": \"gpt2\", \"activation_function\": \"silu\"}",
        "C: 'activation_function' is 'silu': this type of model is computed with gelu, gelu_new, "
        "gelu_pytorch_tanh or relu");
    bad("{\"model_type\": \"gpt2\", \"scale_attn_weights\": false}",
        "C: 'scale_attn_weights' is false, which is not computed");
    bad("{\"model_type\": \"gpt2\", \"scale_attn_by_inverse_layer_idx\": true}",
        "C: 'scale_attn_by_inverse_layer_idx' is true, which is not computed");
    bad("{\"model_type\": \"qwen3_moe\"}",
        "C: 'model_type' is 'qwen3_moe': models of the types gpt2, llama and qwen3 are read");
    bad("{\"architectures\": [\"a\\nb\"]}",
        "C: 'architectures' is 'a?b': models of the types gpt2, llama and qwen3 are read");
}

static void broken(void **state)
{
    (void)state;
    bad("", "C:1: '[' or '{' expected near end of file");
    bad("[]", "C: not an object of names and values");
    bad("{}", "C: 'model_type' is missing");
    bad("{\"model_type\": 3}", "C: 'model_type' is no text");
    bad("{\"model_type\": \"llama\"}", "C: 'hidden_size' is missing");
    bad("{\"model_type\": \"gpt2\", \"n_embd\": \"x\"}", "C: 'n_embd' is no number");
    bad("{\"model_type\": \"gpt2\", \"n_embd\": 0}", "C: 'n_embd' is not between 1 and 1e+09");
    bad("{\"model_type\": \"gpt2\", \"n_embd\": 1e300}", "C: 'n_embd' is not between 1 and 1e+09");
    bad("{\"model_type\": \"gpt2\", \"n_embd\": 12.5}", "C: 'n_embd' is no whole number");
    bad("{\"model_type\": \"gpt2\", \"n_embd\": 100}",
        "C: 'n_embd' cannot be shared by n_head equally");
    bad("{\"model_type\": \"gpt2\", \"tie_word_embeddings\": 1}",
        "C: 'tie_word_embeddings' is neither true nor false");
    bad("{" LLAMA ", \"num_key_value_heads\": 2}",
        "C: 'num_attention_heads' cannot share num_key_value_heads equally");
    bad("{" LLAMA ", \"head_dim\": 3}",
        "C: 'head_dim' makes heads of an odd width, whose halves cannot be turned");
}

static void from_a_folder(void **state)
{
    (void)state;
    struct hf_config c;
    struct error err;
    char expected[200];
    snprintf(expected, sizeof expected, "%s/config.json: No such file or directory", folder);
    assert_int_equal(hf_config_read(&c, folder, &err), -1);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.status, STATUS_INPUT);
    put("config.json", "{" LLAMA "}");
    assert_int_equal(hf_config_read(&c, folder, &err), 0);
    assert_int_equal(c.width, 576);
}

/* --- the index */

static void bad_index(const char *text, const char *expected)
{
    struct hf_index index;
    struct error err;
    assert_int_equal(hf_index_parse(&index, text, strlen(text), "I", &err), -1);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.status, STATUS_INPUT);
    hf_index_fini(&index);
}

static void indexes(void **state)
{
    (void)state;
    static const char text[] = "{\"metadata\": {\"total_size\": 4}, \"weight_map\": "
                               "{\"b\": \"y\", \"a\": \"sub/x..\", \"c\": \"y\"}}";
    struct hf_index index;
    struct error err;
    assert_int_equal(hf_index_parse(&index, text, strlen(text), "I", &err), 0);
    assert_int_equal(index.files, 2);
    assert_int_equal(index.count, 3);
    assert_string_equal(index.tensor[0].name, "a");
    assert_string_equal(index.file[hf_index_find(&index, "a")->file], "sub/x..");
    assert_string_equal(index.file[hf_index_find(&index, "c")->file], "y");
    assert_null(hf_index_find(&index, "d"));
    hf_index_fini(&index);
    static const char *const outside[] = {"/etc/x", "../x", "a/../x", "..", ".",
                                          "",       "a/",   "a//b",   "./x"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        char map[100], expected[100];
        snprintf(map, sizeof map, "{\"weight_map\": {\"a\": \"%s\"}}", outside[i]);
        snprintf(expected, sizeof expected, "I: weight_map names '%s': no file inside the folder",
                 outside[i]);
        bad_index(map, expected);
    }
    bad_index("{\"weight_map\": {}}", "I: it has no weight_map");
    bad_index("{\"weight_map\": [\"a\"]}", "I: it has no weight_map");
    bad_index("{\"weight_map\": {\"a\": 1}}", "I: the file of tensor 'a' is no text");
    bad_index("{\"weight_map\": {\"a\": \"x\", \"a\": \"y\"}}",
              "I:1: duplicate object key near '\"a\"'");
}

static void too_many_files(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    fputs("{\"weight_map\": {\"x\": \"0\"", out);
    for (int i = 1; i <= HF_INDEX_FILES; i++)
        fprintf(out, ", \"t%d\": \"%d\"", i, i);
    fputs("}}", out);
    fclose(out);
    bad_index(text, "I: weight_map names more than 1000 files");
    free(text);
}

/* --- weights */

/* A file of one tensor [n] of 16-bit numbers. */
static void put_halves(const char *file, const char *name, enum dtype dtype, const uint16_t *bits,
                       uint64_t n)
{
    struct safetensors *st = safetensors_new();
    struct error err;
    assert_non_null(st);
    if (safetensors_add(st, name, dtype, 1, &n, bits, &err) ||
        safetensors_write(st, path_of(file), &err))
        fail_msg("%s", err.text);
    safetensors_free(st);
}

static const uint16_t bfloats[] = {0x3f80, 0xc020, 0x0000, 0x8000, 0x7f80, 0x0001};
static const uint16_t halves[] = {0x3c00, 0xc100, 0x0001, 0x83ff, 0x7bff, 0xfc00, 0x7e00, 0x8000};

static struct hf_folder *open_good(void)
{
    struct error err;
    struct hf_folder *opened = hf_folder_open(folder, &err);
    if (!opened)
        fail_msg("%s", err.text);
    return opened;
}

static void open_bad(const char *expected)
{
    struct error err;
    char all[400];
    snprintf(all, sizeof all, "%s%s", folder, expected);
    assert_null(hf_folder_open(folder, &err));
    assert_string_equal(err.text, all);
    assert_int_equal(err.status, STATUS_INPUT);
}

static void one_file(void **state)
{
    (void)state;
    float x[8];
    uint16_t raw[2];
    struct error err;
    put_halves("model.safetensors", "w", DTYPE_BF16, bfloats, 6);
    struct hf_folder *opened = open_good();
    const struct safetensor *w = hf_folder_find(opened, "w");
    assert_int_equal(opened->count, 1);
    assert_non_null(w);
    assert_null(hf_folder_find(opened, "v"));
    assert_int_equal(w->dtype, DTYPE_BF16);
    assert_int_equal(w->shape[0], 6);
    assert_int_equal(hf_folder_floats(opened, w, 0, 6, x, &err), 0);
    assert_true(x[0] == 1 && x[1] == -2.5f && x[2] == 0 && !signbit(x[2]) && signbit(x[3]));
    assert_true(isinf(x[4]) && x[5] == 0x1p-133f);
    assert_int_equal(hf_folder_floats(opened, w, 1, 2, x, &err), 0);
    assert_true(x[0] == -2.5f && x[1] == 0);
    assert_int_equal(hf_folder_raw(w, 2, 4, raw, &err), 0);
    assert_memory_equal(raw, bfloats + 1, 4);
    hf_folder_close(opened);
}

static void several_files(void **state)
{
    (void)state;
    float x[8];
    struct error err;
    assert_int_equal(mkdir(path_of("sub"), 0777), 0);
    put_halves("a.safetensors", "w", DTYPE_BF16, bfloats, 6);
    put_halves("sub/b.safetensors", "h", DTYPE_F16, halves, 8);
    put(HF_INDEX_NAME,
        "{\"weight_map\": {\"w\": \"a.safetensors\", \"h\": \"sub/b.safetensors\"}}");
    struct hf_folder *opened = open_good();
    assert_int_equal(opened->count, 2);
    assert_string_equal(opened->tensor[0]->name, "h");
    const struct safetensor *h = hf_folder_find(opened, "h");
    assert_int_equal(hf_folder_floats(opened, h, 0, 8, x, &err), 0);
    assert_true(x[0] == 1 && x[1] == -2.5f && x[2] == 0x1p-24f && x[3] == -1023 * 0x1p-24f);
    assert_true(x[4] == 65504 && isinf(x[5]) && x[5] < 0 && isnan(x[6]) && signbit(x[7]));
    hf_folder_close(opened);
    put(HF_INDEX_NAME, "{\"weight_map\": {\"w\": \"sub/b.safetensors\"}}");
    open_bad("/" HF_INDEX_NAME ": tensor 'w' is not in 'sub/b.safetensors', where it is to be");
    put(HF_INDEX_NAME, "{\"weight_map\": {\"w\": \"c.safetensors\"}}");
    open_bad("/c.safetensors: No such file or directory");
}

/* A header of so many tensors without elements. */
static void put_many(const char *file, int count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *header = open_memstream(&text, &size);
    assert_non_null(header);
    for (int i = 0; i < count; i++)
        fprintf(header, "%s\"%x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                i ? "," : "{", (unsigned)i);
    fputc('}', header);
    fclose(header);
    const uint64_t length = size;
    FILE *out = fopen(path_of(file), "w");
    assert_non_null(out);
    assert_int_equal(fwrite(&length, 8, 1, out), 1);
    assert_int_equal(fwrite(text, size, 1, out), 1);
    assert_int_equal(fclose(out), 0);
    free(text);
}

static void too_many_tensors(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("sub"), 0777), 0);
    put_many("a.safetensors", HF_FOLDER_TENSORS / 2);
    put_many("sub/b.safetensors", HF_FOLDER_TENSORS / 2 + 1);
    put(HF_INDEX_NAME,
        "{\"weight_map\": {\"0\": \"a.safetensors\", \"1\": \"sub/b.safetensors\"}}");
    open_bad(": its files hold more than 200000 tensors");
    put_many("sub/b.safetensors", HF_FOLDER_TENSORS / 2);
    hf_folder_close(open_good());
}

static void no_weights(void **state)
{
    (void)state;
    open_bad(": no model.safetensors and no " HF_INDEX_NAME " is there");
    put("model.safetensors", "none");
    open_bad("/model.safetensors: not a safetensors file: shorter than 8 bytes");
}

static void other_types(void **state)
{
    (void)state;
    const uint64_t n = 2;
    const int32_t numbers[] = {1, 2};
    float x[2];
    char expected[200];
    struct error err;
    struct safetensors *st = safetensors_new();
    assert_int_equal(safetensors_add(st, "i", DTYPE_I32, 1, &n, numbers, &err), 0);
    assert_int_equal(safetensors_write(st, path_of("model.safetensors"), &err), 0);
    safetensors_free(st);
    struct hf_folder *opened = open_good();
    assert_int_equal(hf_folder_floats(opened, hf_folder_find(opened, "i"), 0, 2, x, &err), -1);
    snprintf(expected, sizeof expected, "%s: tensor 'i' is of type I32: F32, BF16 and F16 are read",
             folder);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.status, STATUS_INPUT);
    hf_folder_close(opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings),
        cmocka_unit_test(architectures),
        cmocka_unit_test(scaling),
        cmocka_unit_test(quantised),
        cmocka_unit_test(refused),
        cmocka_unit_test(broken),
        cmocka_unit_test_teardown(from_a_folder, empty_folder),
        cmocka_unit_test(indexes),
        cmocka_unit_test(too_many_files),
        cmocka_unit_test_teardown(one_file, empty_folder),
        cmocka_unit_test_teardown(several_files, empty_folder),
        cmocka_unit_test_teardown(too_many_tensors, empty_folder),
        cmocka_unit_test_teardown(no_weights, empty_folder),
        cmocka_unit_test_teardown(other_types, empty_folder),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
