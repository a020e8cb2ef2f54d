/* SPDX-License-Identifier: MIT */
#include "image/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* behind stdio.h, of which it needs FILE */
#include <jpeglib.h>
/* behind jpeglib.h: numbers of errors depend on its JPEG_LIB_VERSION */
#include <jerror.h>

#include "image/orientation.h"
#include "image/pixels.h"
#include "util/shown.h"

#define JPEG_SCANS 500 /* most of a progressive image, each of which takes time */

/* What the functions that libjpeg calls share; they find it by client_data. It lies with the caller
 * of the function that calls setjmp(), so that longjmp() leaves its values alone. */
struct source {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr bytes;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    const char *name;
    struct error *err;
    struct image *image;
    unsigned char *row; /* [width, 4] of CMYK */
};

static void jpeg_failed(j_common_ptr jpeg)
{
    struct source *source = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY)
        error_set(source->err, STATUS_FAILED, "%s: libjpeg: out of memory", source->name);
    else
        error_damaged(source->err, "%s: libjpeg: %s", source->name, show_name(message).text);
    longjmp(source->back, 1);
}

static void jpeg_warned(j_common_ptr jpeg, int level)
{
    (void)jpeg;
    (void)level;
}

static void jpeg_tell_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void jpeg_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* All bytes are there from the beginning. */
static boolean jpeg_ended(j_decompress_ptr jpeg)
{
    struct source *source = jpeg->client_data;
    error_damaged(source->err, "%s: the file ends before its image does", source->name);
    longjmp(source->back, 1);
}

static void jpeg_skip(j_decompress_ptr jpeg, long count)
{
    struct jpeg_source_mgr *bytes = jpeg->src;
    if (count <= 0)
        return;
    if ((size_t)count > bytes->bytes_in_buffer)
        jpeg_ended(jpeg);
    bytes->next_input_byte += count;
    bytes->bytes_in_buffer -= (size_t)count;
}

static void jpeg_watch(j_common_ptr jpeg)
{
    struct source *source = jpeg->client_data;
    if (source->jpeg.input_scan_number <= JPEG_SCANS)
        return;
    error_set(source->err, STATUS_INPUT, "%s: the image has more than %d scans", source->name,
              JPEG_SCANS);
    longjmp(source->back, 1);
}

/* The last XMP packet counts, and the first Exif data. */
static int jpeg_orientation(const struct jpeg_decompress_struct *jpeg)
{
    static const char exif[] = "Exif\0", xmp[] = "http://ns.adobe.com/xap/1.0/";
    int by_exif = 0, by_xmp = 0, seen = 0;
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next) {
        if (m->data_length >= sizeof exif && !memcmp(m->data, exif, sizeof exif) && !seen++)
            by_exif = orientation_of_exif(m->data, m->data_length);
        if (m->data_length >= sizeof xmp && !memcmp(m->data, xmp, sizeof xmp))
            by_xmp = orientation_of_xmp((const char *)m->data, m->data_length);
    }
    return by_exif ? by_exif : by_xmp;
}

static void jpeg_rows(struct source *source)
{
    struct jpeg_decompress_struct *jpeg = &source->jpeg;
    const struct image *to = source->image;
    const int cmyk = jpeg->out_color_space == JCS_CMYK;
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *at = to->rgb + 3 * to->width * jpeg->output_scanline;
        JSAMPROW row = cmyk ? source->row : at;
        jpeg_read_scanlines(jpeg, &row, 1);
        if (cmyk)
            pixels_of_cmyk(at, row, to->width);
    }
}

/* What follows the setjmp(); libjpeg's errors leave it by longjmp(). -1 where a cause other than
 * libjpeg's is set. */
static int jpeg_decode_from(struct source *source, int *orientation)
{
    struct jpeg_decompress_struct *jpeg = &source->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->src = &source->bytes;
    jpeg->progress = &source->progress;
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    const int channels = jpeg->num_components;
    if (channels != 1 && channels != 3 && channels != 4)
        return error_set(source->err, STATUS_INPUT,
                         "%s: the image has %d channels: 1, 3 and 4 are read", source->name,
                         channels);
    *orientation = jpeg_orientation(jpeg);
    if (image_init(source->image, jpeg->image_width, jpeg->image_height, source->name, source->err))
        return -1;
    source->row = channels == 4 ? malloc(4 * source->image->width) : NULL;
    if (channels == 4 && !source->row)
        return error_set(source->err, STATUS_FAILED, "%s: out of memory", source->name);
    jpeg->out_color_space = channels == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(jpeg);
    jpeg_rows(source);
    jpeg_finish_decompress(jpeg);
    return 0;
}

/* Nothing that lives in this function changes behind setjmp(). */
static int jpeg_guarded(struct source *source, int *orientation)
{
    if (setjmp(source->back))
        return -1;
    return jpeg_decode_from(source, orientation);
}

int jpeg_decode(struct image *to, const void *bytes, size_t size, const char *name,
                int *orientation, struct error *err)
{
    struct source source = {.name = name,
                            .err = err,
                            .image = to,
                            .progress = {.progress_monitor = jpeg_watch},
                            .bytes = {.next_input_byte = bytes,
                                      .bytes_in_buffer = size,
                                      .init_source = jpeg_nothing,
                                      .fill_input_buffer = jpeg_ended,
                                      .skip_input_data = jpeg_skip,
                                      .resync_to_restart = jpeg_resync_to_restart,
                                      .term_source = jpeg_nothing}};
    source.jpeg.err = jpeg_std_error(&source.errors);
    source.jpeg.client_data = &source;
    source.errors.error_exit = jpeg_failed;
    source.errors.emit_message = jpeg_warned;
    source.errors.output_message = jpeg_tell_nothing;
    const int failed = jpeg_guarded(&source, orientation);
    free(source.row);
    jpeg_destroy_decompress(&source.jpeg);
    return failed;
}
