/* SPDX-License-Identifier: MIT */
/*
 * Captions and their clips as samples: what tables hold, how tokens lie, which part a clip is in.
 */
#include "data_fakes.h"

#include <sys/stat.h>

#include "data/captioned.h"
#include "text/tokenizer.h"

enum { WINDOW = 20 };

static struct config config;
static char *sources[4], *others[4];
static char file[4][64];

static int setup(void **state)
{
    (void)state;
    config = (struct config){0};
    config.model.type = MODEL_CAPTIONER;
    config.model.vocabulary = -1;
    config.encoder.rows = 2;
    config.encoder.columns = 3;
    config.data.frames = 4;
    config.data.window = WINDOW;
    config.data.tokenizer = "bytes";
    config.data.prompt = "It:";
    config.data.end_of_text = "auto";
    config.data.column = "caption";
    config.data.file_column = "file";
    config.data.encoding = "auto";
    config.data.skip_lines = -1;
    config.data.source.item = sources;
    config.data.validation_source.item = others;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        if (*file[i])
            unlink(file[i]);
    memset(file, 0, sizeof file);
    return 0;
}

/* Writes the table number i. */
static char *named_table(size_t i, const char *text, const char *end)
{
    strcpy(file[i], fake_file(text, strlen(text), end));
    return file[i];
}

static char *table(size_t i, const char *text)
{
    return named_table(i, text, ".csv");
}

static void one_named_table(const char *text, const char *end)
{
    teardown(NULL);
    sources[0] = named_table(0, text, end);
    config.data.source.count = 1;
}

static void one_table(const char *text)
{
    one_named_table(text, ".csv");
}

static void one_list(const char *text)
{
    one_named_table(text, ".jsonl");
}

static const uint32_t *sample(const struct dataset *data, size_t i)
{
    return data->token + i * (WINDOW + 1);
}

/* --- */

static void test_tokens(void **state)
{
    (void)state;
    one_table("file,caption\na.png,red\n\"b/b.png\",\"a, \"\"b\"\"\"\na.png,two\nc.png,\n");
    struct dataset *data = fake_load(&config);
    const struct captioned *c = data->captioned;
    assert_int_equal(c->captions.count, 3);
    assert_int_equal(c->captions.clips, 2);
    assert_string_equal(c->captions.clip[0].path, "a.png");
    assert_string_equal(c->captions.clip[1].path, "b/b.png");
    assert_int_equal(c->captions.passed_over, 1);
    assert_non_null(strstr(fake_said, "3 captions of 2 clips, 3 training, 0 validation, 0 test"));
    assert_non_null(strstr(fake_said, "1 rows have no caption"));
    assert_int_equal(c->rows, 8);
    assert_int_equal(c->columns, 3);
    assert_int_equal(dataset_clip(data), 24);
    static const size_t clip[] = {0, 1, 0};
    static const char *const text[] = {"red", "a, \"b\"", "two"};
    assert_int_equal(data->rows, 3 * (WINDOW + 1));
    for (size_t i = 0; i < 3; i++) {
        const uint32_t *t = sample(data, i);
        const size_t n = strlen(text[i]);
        assert_int_equal(captioned_clip(data, i * (WINDOW + 1)), clip[i]);
        assert_int_equal(data->start[PART_TRAIN][i], i * (WINDOW + 1));
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(t[k], (uint32_t) "It:"[k] | DATASET_BORDER);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(t[3 + k], text[i][k]);
        assert_int_equal(t[3 + n], '\n');
        for (size_t k = 4 + n; k <= WINDOW; k++)
            assert_int_equal(t[k], DATASET_BORDER);
    }
    dataset_free(data);
}

/* What a tokenizer puts in front of a text is in front of the prompt; what it puts behind one is
 * not in front of the caption. */
static void test_framed(void **state)
{
    (void)state;
    static const char tokenizer[] =
        "{\"added_tokens\":[{\"id\":0,\"content\":\"<s>\",\"special\":true},"
        "{\"id\":1,\"content\":\"</s>\",\"special\":true}],"
        "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["
        "{\"SpecialToken\":{\"id\":\"<s>\"}},{\"Sequence\":{\"id\":\"A\"}},"
        "{\"SpecialToken\":{\"id\":\"</s>\"}}],\"special_tokens\":{"
        "\"<s>\":{\"id\":\"<s>\",\"ids\":[0]},\"</s>\":{\"id\":\"</s>\",\"ids\":[1]}}},"
        "\"model\":{\"type\":\"BPE\",\"vocab\":{\"<s>\":0,\"</s>\":1,\":\":2,\"x\":3,"
        "\"y\":4},\"merges\":[]}}";
    one_table("file,caption\na.png,yx\n");
    config.data.tokenizer = named_table(1, tokenizer, ".json");
    config.data.prompt = "x:";
    config.data.end_of_text = "</s>";
    struct dataset *data = fake_load(&config);
    static const uint32_t front[] = {0, 3, 2}, caption[] = {4, 3, 1};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sample(data, 0)[i], front[i] | DATASET_BORDER);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sample(data, 0)[3 + i], caption[i]);
    dataset_free(data);
}

static void test_characters(void **state)
{
    (void)state;
    config.data.tokenizer = "characters";
    one_table("file,caption\na.png,\xeb\xb9\xa8\xea\xb0\x95\nb.png,b\n");
    struct dataset *data = fake_load(&config);
    /* the line feed, ':', 'I', 'b', 't' and two of Korean */
    assert_int_equal(tokenizer_count(data->tokenizer), 7);
    assert_int_equal(sample(data, 0)[5], data->captioned->ending);
    assert_int_equal(data->captioned->ending, 0);
    dataset_free(data);
}

/* A caption fills the window and the token behind it, and no more. */
static void test_long(void **state)
{
    (void)state;
    one_table("file,caption\na.png,01234567890123456\n");
    struct dataset *data = fake_load(&config);
    assert_int_equal(sample(data, 0)[WINDOW], '\n');
    dataset_free(data);
    one_table("file,caption\nb.png,x\na.png,012345678901234567\n");
    fake_expect_fault(&config, STATUS_INPUT, ".csv:3: prompt and caption are 22 tokens");
    fake_expect_fault(&config, STATUS_INPUT, "data.window = 21 helps");
}

static void test_faults(void **state)
{
    (void)state;
    one_table("file,text\na.png,x\n");
    fake_expect_fault(&config, STATUS_INPUT, "caption");
    one_table("image,caption\na.png,x\n");
    fake_expect_fault(&config, STATUS_INPUT, "file");
    one_table("file,caption\na.png,x\n,y\n");
    fake_expect_fault(&config, STATUS_INPUT, ".csv:3: this row names no file");
    one_table("file,caption\na.png,x\n\"b\nc.png\",y\n");
    fake_expect_fault(&config, STATUS_INPUT, ".csv:3: a control character stands in the name");
    one_table("file,caption\n\033[2Ja.png,x\n");
    fake_expect_fault(&config, STATUS_INPUT, ".csv:2: a control character stands in the name");
    one_table("file,caption\na.png,x\nb.png,\xc3(\n");
    config.data.encoding = "latin1"; /* as it is it is refused before */
    struct dataset *data = fake_load(&config);
    dataset_free(data);
    config.data.encoding = "auto";
    fake_expect_fault(&config, STATUS_INPUT, ".csv");
    one_table("file,caption\na.png,\nb.png,\n");
    fake_expect_fault(&config, STATUS_INPUT, "there is no caption");
    one_table("file,caption\na.png,\"two\nlines\"\n");
    fake_expect_fault(&config, STATUS_INPUT, "the token that ends captions stands within");
    one_table("file,caption\na.png,x\n");
    config.data.prompt = "";
    fake_expect_fault(&config, STATUS_USAGE, "[data] prompt");
    config.data.prompt = "It:";
    config.data.end_of_text = "<end>";
    fake_expect_fault(&config, STATUS_USAGE, "no token '<end>'");
    config.data.end_of_text = "auto";
    config.model.vocabulary = 255;
    fake_expect_fault(&config, STATUS_USAGE, "[model] vocabulary");
}

/* Lines of JSON are what rows of columns are: the same tokens, clips and numbers of lines. */
static void test_lines(void **state)
{
    (void)state;
    one_list("\xef\xbb\xbf{\"file\": \"a.png\", \"caption\": \"red\", \"other\": [1, {}]}\n"
             "\n{\"caption\": \"a, \\\"b\\\"\", \"file\": \"b/b.png\"}\r\n"
             "{\"file\": \"a.png\", \"caption\": \"\\ube68\\uac15\"}\n"
             "{\"file\": \"c.png\", \"caption\": \"\"}\n{\"file\": \"c.png\", \"caption\": null}");
    struct dataset *data = fake_load(&config);
    const struct caption_table *c = &data->captioned->captions;
    assert_int_equal(c->count, 3);
    assert_int_equal(c->clips, 2);
    assert_int_equal(c->passed_over, 2);
    assert_string_equal(c->clip[1].path, "b/b.png");
    assert_string_equal(c->item[1].text, "a, \"b\"");
    assert_string_equal(c->item[2].text, "\xeb\xb9\xa8\xea\xb0\x95");
    assert_int_equal(c->item[1].line, 3);
    assert_int_equal(c->item[2].clip, 0);
    assert_int_equal(sample(data, 0)[3], 'r');
    dataset_free(data);
    config.data.file_column = "image";
    config.data.column = "text";
    one_list("{\"image\": \"a.png\", \"text\": \"red\"}\n");
    data = fake_load(&config);
    assert_int_equal(data->captioned->captions.count, 1);
    dataset_free(data);
}

static void test_bad_lines(void **state)
{
    static const struct {
        const char *line, *cause;
    } bad[] = {
        {"{\"file\": \"a\"", "this line is no JSON: "},
        {"[\"a\", \"b\"]", "this line is no object"},
        {"{\"caption\": \"a\"}", "no text 'file', which names a file: data.file_column"},
        {"{\"file\": 3, \"caption\": \"a\"}", "no text 'file'"},
        {"{\"file\": \"a\"}", "no text 'caption', which is the caption: data.column"},
        {"{\"file\": \"a\", \"caption\": [\"a\"]}", "no text 'caption'"},
        {"{\"file\": \"\", \"caption\": \"a\"}", "this row names no file"},
        {"{\"file\": \"a\", \"caption\": \"a\\u0000b\"}", "a NUL byte stands in this row"},
        {"{\"file\": \"a\", \"file\": \"b\", \"caption\": \"a\"}", "duplicate object key"},
        {"{\"file\": \"a\", \"caption\": \"0123456789012345678\"}", "prompt and caption are 23"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256], where[300];
        snprintf(text, sizeof text, "{\"file\": \"x\", \"caption\": \"y\"}\n%s\n", bad[i].line);
        one_list(text);
        fake_expect_fault(&config, STATUS_INPUT, bad[i].cause);
        snprintf(where, sizeof where, "%s:2: ", file[0]);
        fake_expect_fault(&config, STATUS_INPUT, where);
    }
}

/* A folder stands for the tables in it, not for texts. */
static void test_folder(void **state)
{
    static const char *const name[] = {"a.csv", "b.jsonl", "c.txt"};
    static const char *const text[] = {"file,caption\na.png,x\n",
                                       "{\"file\": \"b.png\", \"caption\": \"y\"}", "z"};
    (void)state;
    assert_int_equal(mkdir("captioned.d", 0700), 0);
    for (size_t i = 0; i < 3; i++) {
        sprintf(file[i], "captioned.d/%s", name[i]);
        FILE *out = fopen(file[i], "w");
        fputs(text[i], out);
        fclose(out);
    }
    sources[0] = "captioned.d";
    config.data.source.count = 1;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->captioned->captions.count, 2);
    assert_string_equal(data->captioned->captions.clip[1].path, "captioned.d/b.png");
    dataset_free(data);
    unlink(file[0]);
    unlink(file[1]);
    fake_expect_fault(&config, STATUS_INPUT, "no file that ends in .csv or .jsonl is in");
    unlink(file[2]);
    rmdir("captioned.d");
}

/* Counts of the captions in each part, and no clip in two. */
static void expect_apart(const struct dataset *data, size_t clips)
{
    int part_of[64];
    memset(part_of, -1, sizeof part_of);
    for (int part = 0; part < PARTS; part++)
        for (size_t i = 0; i < data->count[part]; i++) {
            const size_t clip = captioned_clip(data, data->start[part][i]);
            assert_true(clip < clips);
            assert_true(part_of[clip] < 0 || part_of[clip] == part);
            part_of[clip] = part;
            assert_true(!i || data->start[part][i] > data->start[part][i - 1]);
        }
    for (size_t i = 0; i < clips; i++)
        assert_true(part_of[i] >= 0);
}

static void test_parts(void **state)
{
    char text[2048] = "file,caption\n";
    (void)state;
    for (int i = 0; i < 60; i++) /* 20 clips, whose captions are not neighbours */
        sprintf(text + strlen(text), "%d.png,c%d\n", i % 20, i);
    one_table(text);
    config.data.validation = 0.2;
    config.data.test = 0.1;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->count[PART_TRAIN], 42);
    assert_int_equal(data->count[PART_VALIDATION], 12);
    assert_int_equal(data->count[PART_TEST], 6);
    expect_apart(data, 20);
    assert_int_equal(captioned_clip(data, data->start[PART_TEST][0]), 18); /* chronological */
    dataset_free(data);
    config.data.split = SPLIT_SHUFFLED;
    config.data.split_block = -1;
    config.run.seed = 7;
    data = fake_load(&config);
    assert_int_equal(data->count[PART_VALIDATION], 12);
    expect_apart(data, 20);
    assert_int_not_equal(captioned_clip(data, data->start[PART_TEST][0]) * 100 +
                             captioned_clip(data, data->start[PART_TEST][1]),
                         1819);
    dataset_free(data);
}

static void test_own_files(void **state)
{
    (void)state;
    one_table("file,caption\na.png,x\nb.png,y\n");
    others[0] = table(1, "file,caption\nc.png,z\n");
    config.data.validation_source.count = 1;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->count[PART_TRAIN], 2);
    assert_int_equal(data->count[PART_VALIDATION], 1);
    assert_int_equal(captioned_clip(data, data->start[PART_VALIDATION][0]), 2);
    dataset_free(data);
    unlink(file[1]);
    others[0] = table(1, "file,caption\nc.png,z\nb.png,z\n");
    fake_expect_fault(&config, STATUS_INPUT, ".csv:3: b.png is of another part already");
}

/* Paths are relative to the table; thousands of clips are told apart. */
static void test_paths(void **state)
{
    enum { CLIPS = 5000 };
    (void)state;
    char *text = malloc(CLIPS * 32 + 64), *at = text + sprintf(text, "file,caption\n");
    for (int i = 0; i < CLIPS; i++)
        at += sprintf(at, "%s%d.png,c\n", i % 2 ? "/abs/" : "", i / 2 * 2);
    assert_int_equal(mkdir("captioned.d", 0700), 0);
    FILE *out = fopen("captioned.d/t.csv", "w");
    fputs(text, out);
    fclose(out);
    free(text);
    sources[0] = "captioned.d/t.csv";
    config.data.source.count = 1;
    struct dataset *data = fake_load(&config);
    assert_int_equal(data->captioned->captions.clips, CLIPS);
    assert_string_equal(data->captioned->captions.clip[4].path, "captioned.d/4.png");
    assert_string_equal(data->captioned->captions.clip[5].path, "/abs/4.png");
    dataset_free(data);
    unlink("captioned.d/t.csv");
    rmdir("captioned.d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_framed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_characters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("captioned", tests, NULL, NULL);
}
