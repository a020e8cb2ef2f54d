/* SPDX-License-Identifier: MIT */
/*
 * Images as Pillow and the image processors of transformers have them (tests/image/, by
 * tests/peer/make_image_golden.py), byte by byte and bit by bit; files that are cut off or damaged;
 * what is refused; several threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/processor.h"
#include "image/read.h"
#include "image/resample.h"
#include "tensor/safetensors.h"
#include "util/file.h"

#include "ok.h"

static struct safetensors *golden;
static char folder[] = "/tmp/seqtrain-image-XXXXXX";

/* A file of tests/image/, or one of the test's own folder. */
static const char *path_of(const char *name, int ours)
{
    static _Thread_local char path[2][600];
    const char *srcdir = getenv("srcdir");
    if (ours)
        snprintf(path[1], sizeof path[1], "%s/%s", folder, name);
    else
        snprintf(path[0], sizeof path[0], "%s/tests/image/%s", srcdir ? srcdir : ".", name);
    return path[ours];
}

static int setup(void **state)
{
    (void)state;
    golden = safetensors_read(path_of("golden.safetensors", 0), &err);
    if (!golden)
        print_error("%s\n", err.text);
    return golden && mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"a", "config.json", "preprocessor_config.json",
                                        "processor_config.json"};
    (void)state;
    safetensors_free(golden);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(path_of(names[i], 1));
    return rmdir(folder);
}

static struct image read_golden(const char *file)
{
    struct image image;
    OK(image_read(&image, path_of(file, 0), &err));
    return image;
}

/* Calls `judge` with all tensors of a kind, behind "KIND."; how many there are. */
static size_t each(const char *kind, void (*judge)(const char *rest, const struct safetensor *t))
{
    size_t count = 0;
    for (size_t i = 0; i < golden->count; i++) {
        const char *name = golden->tensor[i].name;
        if (strncmp(name, kind, strlen(kind)) || name[strlen(kind)] != '.')
            continue;
        judge(name + strlen(kind) + 1, &golden->tensor[i]);
        count++;
    }
    return count;
}

static void same_image(const struct image *image, const struct safetensor *t)
{
    assert_int_equal(t->rank, 3);
    if (image->height != t->shape[0] || image->width != t->shape[1])
        fail_msg("%s: %zu x %zu", t->name, image->width, image->height);
    for (size_t i = 0; i < t->bytes; i++)
        if (image->rgb[i] != ((const unsigned char *)t->data)[i])
            fail_msg("%s: byte %zu is %d, not %d", t->name, i, image->rgb[i],
                     ((const unsigned char *)t->data)[i]);
}

/* --- files */

static void judge_read(const char *file, const struct safetensor *t)
{
    struct image image = read_golden(file);
    same_image(&image, t);
    image_fini(&image);
}

static void files(void **state)
{
    (void)state;
    assert_int_equal(each("read", judge_read), 67);
}

/* A file cut off anywhere is an error that names it, and leaves no image. */
static void judge_cut(const char *file, const struct safetensor *t)
{
    struct image image;
    size_t size;
    char *bytes = file_read(path_of(file, 0), 1 << 20, &size, &err);
    (void)t;
    assert_non_null(bytes);
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut + 1); /* an exact end, for sanitizers */
        assert_non_null(part);
        memcpy(part, bytes, cut);
        assert_int_equal(image_decode(&image, part, cut, "N", &err), -1);
        assert_null(image.rgb);
        assert_int_equal(err.status, STATUS_INPUT);
        assert_memory_equal(err.text, "N: ", 3);
        free(part);
    }
    free(bytes);
}

static void cut(void **state)
{
    (void)state;
    each("read", judge_cut);
}

/* A byte that is another: an image or an error of one line. */
static void judge_damage(const char *file, const struct safetensor *t)
{
    struct image image;
    size_t size;
    char *bytes = file_read(path_of(file, 0), 1 << 20, &size, &err);
    (void)t;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        const char was = bytes[i];
        bytes[i] = (char)(was ^ (1 << i % 8));
        if (image_decode(&image, bytes, size, "N", &err)) {
            assert_int_equal(err.status, STATUS_INPUT);
            assert_true(!strncmp(err.text, "N: ", 3) && !strchr(err.text, '\n'));
        }
        image_fini(&image);
        bytes[i] = was;
    }
    free(bytes);
}

static void damage(void **state)
{
    (void)state;
    each("read", judge_damage);
}

static void refused(const char *bytes, size_t size, const char *expected)
{
    struct image image;
    assert_int_equal(image_decode(&image, bytes, size, "N", &err), -1);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.status, STATUS_INPUT);
}

#define REFUSED(bytes, expected) refused(bytes, sizeof(bytes) - 1, expected)
#define READ "; PNG and JPEG are read"

static void kinds(void **state)
{
    struct image image;
    (void)state;
    REFUSED("", "N: the file is empty" READ);
    REFUSED("hello", "N: this is no image that is known here" READ);
    REFUSED("GIF89a", "N: this is a GIF image" READ);
    REFUSED("RIFF\1\2\3\4WEBPVP8 ", "N: this is a WebP image" READ);
    REFUSED("RIFF\1\2\3\4AVI LIST", "N: this is a video" READ);
    REFUSED("\0\0\0\x20"
            "ftypavif",
            "N: this is an AVIF image" READ);
    REFUSED("\0\0\0\x20"
            "ftypheic",
            "N: this is a HEIF image" READ);
    REFUSED("\0\0\0\x20"
            "ftypisom",
            "N: this is a video" READ);
    REFUSED("<?xml", "N: this is a text such as SVG or HTML" READ);
    assert_int_equal(image_read(&image, path_of("none.png", 0), &err), -1);
    assert_non_null(strstr(err.text, "tests/image/none.png: No such file"));
    assert_null(image.rgb);
}

/* The heads of images that nobody has: nothing is allocated for them. */
static void limits(void **state)
{
    static const unsigned char png[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xdc\0\0\xff\xdc\x8\2\0\0"
        "\0\x1c\x35\x81\x4c\0\0\0\0IDAT\x35\xaf\6\x1e\0\0\0\0IEND\xae\x42\x60\x82";
    unsigned char jpeg[600];
    struct image image;
    size_t size = 0;
    (void)state;
    assert_int_equal(image_decode(&image, png, sizeof png - 1, "N", &err), -1);
    assert_string_equal(err.text, "N: 65500 x 65500 pixels are too many: images have at most "
                                  "268435456, and 65500 in a row or column");
    char *bytes = file_read(path_of("grey.jpg", 0), sizeof jpeg, &size, &err);
    assert_non_null(bytes);
    memcpy(jpeg, bytes, size);
    free(bytes);
    for (size_t i = 0; i + 9 < size; i++)
        if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0)
            memcpy(jpeg + i + 5, "\xff\0\xff", 4);
    assert_int_equal(image_decode(&image, jpeg, size, "N", &err), -1);
    assert_non_null(strstr(err.text, "N: 65280 x 65280 pixels are too many"));
}

static void names(void **state)
{
    (void)state;
    assert_true(image_is_named("a.png") && image_is_named("x/a.JPG") && image_is_named("a.b.Jpeg"));
    assert_false(image_is_named("a.gif") || image_is_named("png") || image_is_named("a.png/b"));
}

/* --- sizes */

static void judge_resize(const char *rest, const struct safetensor *t)
{
    struct image from, to;
    char file[64];
    unsigned width, height, filter;
    const char *end = strchr(strchr(rest, '.') + 1, '.');
    snprintf(file, sizeof file, "%.*s", (int)(end - rest), rest);
    assert_int_equal(sscanf(end, ".%u.%u.%u", &width, &height, &filter), 3);
    from = read_golden(file);
    OK(resample(&to, &from, width, height, (enum resample)filter, "N", &err));
    same_image(&to, t);
    image_fini(&from);
    image_fini(&to);
}

static void resized(void **state)
{
    struct image from, to;
    (void)state;
    assert_true(each("resize", judge_resize) > 150);
    from = read_golden("dot.png");
    assert_int_equal(resample(&to, &from, 65501, 1, RESAMPLE_BOX, "N", &err), -1);
    assert_non_null(strstr(err.text, "N: 65501 x 1 pixels are too many"));
    image_fini(&from);
    assert_string_equal(resample_name(RESAMPLE_HAMMING), "hamming");
    assert_null(resample_name(RESAMPLES));
}

/* --- processors */

static void judge_process(const char *rest, const struct safetensor *t)
{
    struct processor p;
    char config[64];
    size_t size;
    const char *file = strchr(rest, '.') + 1;
    snprintf(config, sizeof config, "%.*s.json", (int)(file - rest - 1), rest);
    char *text = file_read(path_of(config, 0), 4096, &size, &err);
    assert_non_null(text);
    OK(processor_parse(&p, text, size, config, PROCESSOR_SIGLIP, 0, &err));
    free(text);
    struct image image = read_golden(file);
    if (!p.crops && (t->shape[1] != p.height || t->shape[2] != p.width))
        fail_msg("%s: %zu x %zu", t->name, p.width, p.height);
    float *to = malloc(t->bytes);
    assert_non_null(to);
    OK(processor_apply(&p, &image, file, to, &err));
    if (memcmp(to, t->data, t->bytes))
        fail_msg("%s: other numbers", t->name);
    free(to);
    image_fini(&image);
}

static void processed(void **state)
{
    (void)state;
    assert_int_equal(each("process", judge_process), 45);
}

static struct processor parse(const char *text)
{
    struct processor p;
    OK(processor_parse(&p, text, strlen(text), "P", PROCESSOR_VIT, 32, &err));
    return p;
}

static void texts(void **state)
{
    char text[PROCESSOR_TEXT];
    struct processor p = parse("{}");
    (void)state;
    assert_string_equal(processor_text(&p, text),
                        "RGB, 224x224 bilinear, must be 224x224, times 0.0039215686274509803, mean "
                        "0.5 0.5 0.5, deviation 0.5 0.5 0.5");
    p = parse("{\"size\": {\"shortest_edge\": 9}, \"do_center_crop\": true, \"crop_size\": [3, 4], "
              "\"do_normalize\": false, \"do_rescale\": null, \"rescale_factor\": null, "
              "\"image_processor_type\": \"SiglipImageProcessor\", \"auto_map\": {}}");
    assert_string_equal(processor_text(&p, text),
                        "RGB, shorter edge 9 bicubic, cut to 4x3, times 1");
    assert_int_equal(p.kind, PROCESSOR_SIGLIP);
    p = parse("{\"do_resize\": false}");
    assert_int_equal(p.height, 32);
    assert_non_null(strstr(processor_text(&p, text), "RGB, as it is, must be 32x32, times 0.0"));
    processor_default(&p, PROCESSOR_SIGLIP, 384);
    assert_non_null(strstr(processor_text(&p, text), "RGB, 384x384 bicubic, must be 384x384, "));
}

static void bad(const char *text, const char *expected)
{
    struct processor p;
    assert_int_equal(processor_parse(&p, text, strlen(text), "P", PROCESSOR_VIT, 0, &err), -1);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.status, STATUS_INPUT);
}

static void faults(void **state)
{
    static const char no_size[] =
        "P: 'size' is none of a number, height and width, or shortest_edge";
    static const char no_side[] = "P: 'size' is not made of whole numbers from 1 to 8192";
    (void)state;
    bad("[]", "P: not an object of names and values");
    bad("{\"image_processor\": 1}", "P: 'image_processor' is no object");
    bad("{\"image_processor_type\": \"CLIPImageProcessor\"}",
        "P: 'image_processor_type' is 'CLIPImageProcessor': SiglipImageProcessor and "
        "ViTImageProcessor are computed");
    bad("{\"image_processor_type\": \"Siglip2ImageProcessorFast\"}",
        "P: 'image_processor_type' is 'Siglip2ImageProcessorFast': SiglipImageProcessor and "
        "ViTImageProcessor are computed, but no images of several sizes (NaFlex)");
    bad("{\"image_processor_type\": 1}", "P: 'image_processor_type' is no text");
    bad("{\"size\": {\"longest_edge\": 3}}", no_size);
    bad("{\"size\": {\"shortest_edge\": 3, \"longest_edge\": 9}}", no_size);
    bad("{\"size\": {\"height\": 3}}", no_size);
    bad("{\"size\": [3]}", no_size);
    bad("{\"size\": 0}", no_side);
    bad("{\"size\": 8193}", no_side);
    bad("{\"size\": [3, 4.5]}", no_side);
    bad("{\"size\": null}", "P: 'size' is null, where do_resize takes it");
    bad("{\"resample\": 6}", "P: 'resample' is no number from 0 to 5");
    bad("{\"resample\": 1.5}", "P: 'resample' is no whole number");
    bad("{\"resample\": null}", "P: 'resample' is null, where do_resize takes it");
    bad("{\"do_resize\": 1}", "P: 'do_resize' is neither true nor false");
    bad("{\"do_resize\": false}",
        "P: 'do_resize' is false, and no size of images from 1 to 8192 is known");
    bad("{\"do_center_crop\": true}",
        "P: 'crop_size' has no height and width, which do_center_crop asks for");
    bad("{\"do_center_crop\": true, \"crop_size\": {\"shortest_edge\": 3}}",
        "P: 'crop_size' has no height and width, which do_center_crop asks for");
    bad("{\"do_pad\": true}", "P: 'do_pad' is true: images are not padded here");
    bad("{\"rescale_factor\": 0}", "P: 'rescale_factor' is no number from 1e-09 to 1e+09");
    bad("{\"image_std\": [1, 1, 0]}",
        "P: 'image_std' is not one number, or three, from 1e-06 to 1e+06");
    bad("{\"image_mean\": [1, 1]}",
        "P: 'image_mean' is not one number, or three, from -1e+06 to 1e+06");
    bad("{\"image_mean\": null}", "P: 'image_mean' is null, where do_normalize takes it");
}

/* An image that the shorter edge alone does not make square. */
static void other_size(void **state)
{
    struct processor p = parse("{\"size\": {\"shortest_edge\": 8}}");
    struct image image = read_golden("scene.png");
    float to[3 * 8 * 8];
    (void)state;
    assert_int_equal(processor_apply(&p, &image, "N", to, &err), -1);
    assert_string_equal(err.text, "N: the processor makes an image of 11 x 8 pixels of it, where 8 "
                                  "x 8 are wanted");
    image_fini(&image);
}

/* --- folders */

static void put(const char *name, const char *text)
{
    if (text)
        OK(file_write(path_of(name, 1), text, strlen(text), &err));
    else
        remove(path_of(name, 1));
}

static void expect(const char *wanted)
{
    char text[PROCESSOR_TEXT];
    struct processor p;
    OK(processor_read(&p, folder, 48, &err));
    if (strncmp(processor_text(&p, text), wanted, strlen(wanted)))
        fail_msg("%s, not %s", text, wanted);
}

static void folders(void **state)
{
    struct processor p;
    (void)state;
    expect("RGB, 48x48 bicubic"); /* an empty folder */
    put("config.json", "{\"model_type\": \"vit\"}");
    expect("RGB, 48x48 bilinear");
    put("preprocessor_config.json", "{\"size\": 20}"); /* without a type: that of the model */
    expect("RGB, 20x20 bilinear");
    put("config.json", "{\"model_type\": \"siglip\"}");
    expect("RGB, shorter edge 20 bicubic");
    put("processor_config.json",
        "{\"processor_class\": \"SiglipProcessor\"}"); /* of transformers 4 */
    expect("RGB, shorter edge 20 bicubic");
    put("processor_config.json",
        "{\"image_processor\": {\"size\": [6, 7]}}"); /* of transformers 5 */
    expect("RGB, 7x6 bicubic");
    put("preprocessor_config.json", NULL);
    expect("RGB, 7x6 bicubic");
    put("processor_config.json", "{\"image_processor\": {\"size\": [6]}}");
    assert_int_equal(processor_read(&p, folder, 48, &err), -1);
    assert_non_null(strstr(err.text, "/processor_config.json: 'size' is none of"));
    put("processor_config.json", "{");
    assert_int_equal(processor_read(&p, folder, 48, &err), -1);
    assert_non_null(strstr(err.text, "/processor_config.json:1: "));
    put("processor_config.json", NULL);
    assert_int_equal(processor_read(&p, folder, 0, &err), -1);
}

/* --- threads */

static void *read_often(void *none)
{
    (void)none;
    for (int i = 0; i < 20; i++) {
        struct image image = read_golden(i % 2 ? "scene.jpg" : "scene.png");
        struct processor p;
        float to[3 * 16 * 16];
        struct error error;
        processor_default(&p, PROCESSOR_SIGLIP, 16);
        if (processor_apply(&p, &image, "N", to, &error))
            return NULL;
        image_fini(&image);
    }
    return golden;
}

static void threads(void **state)
{
    pthread_t thread[4];
    void *result;
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, read_often, NULL), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(thread[i], &result), 0);
        assert_non_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),   cmocka_unit_test(cut),        cmocka_unit_test(damage),
        cmocka_unit_test(kinds),   cmocka_unit_test(limits),     cmocka_unit_test(names),
        cmocka_unit_test(resized), cmocka_unit_test(processed),  cmocka_unit_test(texts),
        cmocka_unit_test(faults),  cmocka_unit_test(other_size), cmocka_unit_test(folders),
        cmocka_unit_test(threads),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
