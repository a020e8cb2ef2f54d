/* SPDX-License-Identifier: MIT */
/*
 * Draws scenes and writes captions for them, into a folder that is there:
 *
 *     make_synthetic_scenes synthetic_scenes
 *
 * A scene is a picture of 64 x 64 with two groups, one above the other or left of it, of one to
 * three circles, squares or triangles of one colour. No two scenes have the same groups in the same
 * places, so that a caption is never one that was seen in training. A clip is a folder of pictures
 * in which one object moves. Each has a caption in english.csv and korean.csv, or, of clips, in
 * clips_english.csv and clips_korean.csv (file,caption).
 *
 *     make_synthetic_scenes synthetic_looks looks
 *
 * draws each of these scenes anew, as a folder of pictures: what a camera sees that a hand holds.
 * It shakes, the light flickers, and dust is in the air.
 *
 *     make_synthetic_scenes FOLDER COUNT SEED [looks]
 *
 * draws COUNT others, with `looks` one look of each: scenes with groups and places that none of the
 * first has, and pictures with one group alone. The shipped models have learned from such.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "synthetic.h"

#define SIDE 64
#define SCENES 600
#define LOOKS 8 /* pictures of a scene that is looked at, */
#define SHAKE 2 /* moved by so many pixels, each way, */
#define DUST 12 /* with so many grains */
#define CLIPS 24
#define FRAMES 4
#define COLOURS 4
#define SHAPES 3
#define MOST 3                               /* objects in a group */
#define KINDS (COLOURS * SHAPES)             /* of objects */
#define GROUPS (KINDS * MOST)                /* of one kind each */
#define PAIRS (2 * GROUPS * (GROUPS - MOST)) /* of different kinds, in two places */
#define RAW (SIDE * (3 * SIDE + 1))          /* bytes of a picture, with a filter for each row */

enum shape { CIRCLE, SQUARE, TRIANGLE };
enum language { ENGLISH, KOREAN, LANGUAGES };

static const char *const language_name[LANGUAGES] = {"english", "korean"};
static const uint8_t colour_rgb[COLOURS][3] = {
    {220, 40, 40}, {40, 180, 60}, {60, 90, 230}, {230, 210, 50}};
static const char *const colour_name[LANGUAGES][COLOURS] = {{"red", "green", "blue", "yellow"},
                                                            {"빨간", "초록", "파란", "노란"}};
static const char *const shape_name[LANGUAGES][SHAPES] = {{"circle", "square", "triangle"},
                                                          {"원", "사각형", "삼각형"}};
static const char *const count_name[LANGUAGES][MOST] = {{"a", "two", "three"},
                                                        {"한 개", "두 개", "세 개"}};
static const char *const way_name[LANGUAGES][4] = {
    {"left to right", "right to left", "down", "up"},
    {"왼쪽에서 오른쪽으로", "오른쪽에서 왼쪽으로", "아래로", "위로"}};

struct group {
    int kind, count;
};

struct scene {
    struct group first, second; /* second.count is 0 where there is none */
    int beside;                 /* the first is left of the second, not above it */
};

struct picture {
    uint8_t raw[RAW]; /* rows of a filter's number and RGB */
};

/* --- PNG */

struct bits {
    uint8_t data[2 * RAW];
    size_t size;
    uint32_t held;
    int count;
};

/* The lowest first. */
static void put_bits(struct bits *b, uint32_t value, int count)
{
    b->held |= value << b->count;
    for (b->count += count; b->count >= 8; b->count -= 8, b->held >>= 8)
        b->data[b->size++] = (uint8_t)b->held;
}

/* A code of Huffman's: the highest first. */
static void put_code(struct bits *b, uint32_t code, int count)
{
    while (count--)
        put_bits(b, code >> count & 1, 1);
}

/* A literal, an end (256) or a length in the fixed code (RFC 1951, 3.2.6). */
static void put_symbol(struct bits *b, uint32_t symbol)
{
    if (symbol < 144)
        put_code(b, 0x30 + symbol, 8);
    else if (symbol < 256)
        put_code(b, 0x190 + symbol - 144, 9);
    else if (symbol < 280)
        put_code(b, symbol - 256, 7);
    else
        put_code(b, 0xc0 + symbol - 280, 8);
}

/* The code whose values begin at or below `value`: `each` codes for each number of extra bits. */
static uint32_t put_class(uint32_t value, uint32_t each, uint32_t *rest, int *extra)
{
    uint32_t code = 0, base = 0;
    for (*extra = 0;; code++) {
        uint32_t span = UINT32_C(1) << *extra;
        if (value < base + span)
            break;
        base += span;
        if (code >= 2 * each - 1 && code % each == each - 1)
            ++*extra;
    }
    *rest = value - base;
    return code;
}

/* 3 to 257 bytes as they stood `distance` before. */
static void put_match(struct bits *b, uint32_t length, uint32_t distance)
{
    uint32_t rest;
    int extra;
    put_symbol(b, 257 + put_class(length - 3, 4, &rest, &extra));
    put_bits(b, rest, extra);
    put_code(b, put_class(distance - 1, 2, &rest, &extra), 5);
    put_bits(b, rest, extra);
}

/* The longest match of what stands at `at`, at most 257 bytes; the nearest of these. */
static uint32_t longest(const uint8_t *raw, uint32_t at, uint32_t *distance)
{
    uint32_t best = 0, most = RAW - at < 257 ? RAW - at : 257;
    for (uint32_t d = 1; d <= at && best < most; d++) {
        uint32_t n = 0;
        if (raw[at + best] != raw[at + best - d]) /* no longer than what was found */
            continue;
        while (n < most && raw[at + n] == raw[at + n - d])
            n++;
        if (n > best) {
            best = n;
            *distance = d;
        }
    }
    return best;
}

static uint32_t adler(const uint8_t *raw)
{
    uint32_t a = 1, b = 0;
    for (int i = 0; i < RAW; i++) {
        a = (a + raw[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void put_big(struct bits *b, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        b->data[b->size++] = (uint8_t)(value >> shift);
}

/* A zlib stream (RFC 1950) of one block in the fixed code: the same bytes whatever zlib there is.
 */
static void compress_raw(struct bits *b, const uint8_t *raw)
{
    *b = (struct bits){.data = {0x78, 0xda}, .size = 2};
    put_bits(b, 3, 3);
    for (uint32_t at = 0, length, distance = 0; at < RAW; at += length) {
        length = longest(raw, at, &distance);
        if (length > 3)
            put_match(b, length, distance);
        else
            put_symbol(b, raw[at + (length = 1) - 1]);
    }
    put_symbol(b, 256);
    put_bits(b, 0, 7);
    put_big(b, adler(raw));
}

static uint32_t crc(const uint8_t *data, size_t size)
{
    uint32_t c = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        c ^= data[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void write_chunk(FILE *out, const char *name, const uint8_t *data, size_t size)
{
    static struct bits b;
    b = (struct bits){.size = 0};
    put_big(&b, (uint32_t)size);
    memcpy(b.data + 4, name, 4);
    if (size)
        memcpy(b.data + 8, data, size);
    b.size = 8 + size;
    put_big(&b, crc(b.data + 4, size + 4));
    fwrite(b.data, 1, b.size, out);
}

static FILE *open_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    if (!out) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return out;
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) && errno != EEXIST) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void close_file(FILE *out)
{
    if (ferror(out) | fclose(out)) {
        perror("make_synthetic_scenes");
        exit(EXIT_FAILURE);
    }
}

static void write_picture(const struct picture *p, const char *folder, const char *name)
{
    static const uint8_t header[13] = {0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 2};
    static struct bits b;
    FILE *out = open_file(folder, name);
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, out);
    write_chunk(out, "IHDR", header, sizeof header);
    compress_raw(&b, p->raw);
    write_chunk(out, "IDAT", b.data, b.size);
    write_chunk(out, "IEND", NULL, 0);
    close_file(out);
}

/* --- drawing */

static void set_pixel(struct picture *p, int x, int y, const uint8_t *rgb)
{
    memcpy(p->raw + y * (3 * SIDE + 1) + 1 + 3 * x, rgb, 3);
}

static const uint8_t *pixel(const struct picture *p, int x, int y)
{
    return p->raw + y * (3 * SIDE + 1) + 1 + 3 * x;
}

/* The place of the picture that is nearest. */
static int within(int place)
{
    return place < 0 ? 0 : place >= SIDE ? SIDE - 1 : place;
}

/* Dark, with a tint. */
static void draw_ground(struct picture *p)
{
    uint8_t rgb[3];
    for (int i = 0; i < 3; i++)
        rgb[i] = (uint8_t)random_between(0, 50);
    memset(p->raw, 0, sizeof p->raw);
    for (int i = 0; i < SIDE * SIDE; i++)
        set_pixel(p, i % SIDE, i / SIDE, rgb);
}

/* Whether a pixel of a box of size x size is one of the shape's. */
static int inside(enum shape shape, int size, int x, int y)
{
    int dx = 2 * x + 1 - size, dy = 2 * y + 1 - size;
    switch (shape) {
    case CIRCLE:
        return dx * dx + dy * dy <= size * size;
    case SQUARE:
        return x > 0 && y > 0 && x < size - 1 && y < size - 1;
    case TRIANGLE:
        break;
    }
    return 2 * abs(dx) <= 2 * y + 2;
}

/* Colours differ a little from object to object. */
static void tint(uint8_t *rgb, int kind)
{
    for (int i = 0; i < 3; i++)
        rgb[i] = (uint8_t)(colour_rgb[kind / SHAPES][i] + random_between(-20, 20));
}

static void draw_object(struct picture *p, int kind, const uint8_t *rgb, int size, int left,
                        int top)
{
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            if (inside((enum shape)(kind % SHAPES), size, x, y))
                set_pixel(p, left + x, top + y, rgb);
}

/* A group in a box of the picture; its objects lie side by side, or, upright, above one another. */
static void draw_group(struct picture *p, struct group group, int left, int top, int width,
                       int height)
{
    int upright = height > width, size = random_between(14, 18);
    int length = upright ? height : width, across = upright ? width : height;
    int slot = length / (group.count > 1 ? group.count : 2); /* one alone: in the middle */
    for (int i = 0; i < group.count; i++) {
        int start = (length - slot * group.count) / 2 + i * slot;
        int along = start + random_between(1, slot - size - 1);
        int aside = random_between(2, across - size - 2);
        uint8_t rgb[3];
        tint(rgb, group.kind);
        draw_object(p, group.kind, rgb, size, left + (upright ? aside : along),
                    top + (upright ? along : aside));
    }
}

static void draw_scene(struct picture *p, const struct scene *s)
{
    draw_ground(p);
    if (!s->second.count) {
        draw_group(p, s->first, 0, 0, SIDE, SIDE);
        return;
    }
    int width = s->beside ? SIDE / 2 : SIDE, height = s->beside ? SIDE : SIDE / 2;
    draw_group(p, s->first, 0, 0, width, height);
    draw_group(p, s->second, SIDE - width, SIDE - height, width, height);
}

/* --- words */

static void write_group(FILE *out, enum language language, struct group group)
{
    const char *colour = colour_name[language][group.kind / SHAPES];
    const char *shape = shape_name[language][group.kind % SHAPES];
    const char *count = count_name[language][group.count - 1];
    if (language == KOREAN)
        fprintf(out, "%s %s %s", colour, shape, count);
    else
        fprintf(out, "%s %s %s%s", count, colour, shape, group.count > 1 ? "s" : "");
}

static void write_caption(FILE *out, enum language language, const struct scene *s)
{
    write_group(out, language, s->first);
    if (!s->second.count) {
        fputs(language == KOREAN ? "가 있다\n" : "\n", out);
        return;
    }
    if (language == KOREAN)
        fputs("가 ", out);
    else
        fputs(s->beside ? " left of " : " above ", out);
    write_group(out, language, s->second);
    if (language == KOREAN)
        fputs(s->beside ? " 왼쪽에 있다" : " 위에 있다", out);
    fputc('\n', out);
}

static void write_clip_caption(FILE *out, enum language language, int kind, int way)
{
    write_group(out, language, (struct group){kind, 1});
    fprintf(out, language == KOREAN ? "가 %s 움직인다\n" : " moves %s\n", way_name[language][way]);
}

/* --- sets */

static struct group group_of(int number)
{
    return (struct group){number / MOST, number % MOST + 1};
}

/* One of PAIRS. */
static struct scene scene_of(int number)
{
    struct scene s = {.beside = number % 2, .first = group_of(number / 2 % GROUPS)};
    int other =
        number / 2 / GROUPS; /* one of GROUPS - MOST: those of the first kind are left out */
    s.second = group_of(other + (other / MOST >= s.first.kind ? MOST : 0));
    return s;
}

static void shuffle(int *number, int count)
{
    for (int i = 0; i < count; i++)
        number[i] = i;
    for (int i = count - 1; i > 0; i--) {
        int j = random_between(0, i), kept = number[i];
        number[i] = number[j];
        number[j] = kept;
    }
}

static void open_tables(FILE **table, const char *folder, const char *prefix)
{
    for (int i = 0; i < LANGUAGES; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s.csv", prefix, language_name[i]);
        table[i] = open_file(folder, name);
        fputs("file,caption\n", table[i]);
    }
}

static void close_tables(FILE **table)
{
    for (int i = 0; i < LANGUAGES; i++)
        close_file(table[i]);
}

static void write_row(FILE **table, const struct scene *s, const char *name)
{
    for (int i = 0; i < LANGUAGES; i++) {
        fprintf(table[i], "%s,", name);
        write_caption(table[i], (enum language)i, s);
    }
}

/* A look at a picture: moved by some pixels, lighter or darker, with dust. */
static void write_look(const struct picture *p, const char *folder, const char *name)
{
    struct picture look = {{0}};
    int right = random_between(-SHAKE, SHAKE), down = random_between(-SHAKE, SHAKE);
    int light = random_between(-12, 12);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const uint8_t *from = pixel(p, within(x - right), within(y - down));
            uint8_t rgb[3];
            for (int i = 0; i < 3; i++)
                rgb[i] = (uint8_t)clamp(from[i] + light, 0, 255);
            set_pixel(&look, x, y, rgb);
        }
    for (int i = 0; i < DUST; i++) {
        uint8_t grey = (uint8_t)random_between(60, 160);
        int x = random_between(0, SIDE - 1), y = random_between(0, SIDE - 1);
        set_pixel(&look, x, y, (uint8_t[]){grey, grey, grey});
    }
    write_picture(&look, folder, name);
}

static void write_scene(FILE **table, const struct scene *s, const char *folder, int number,
                        int looks)
{
    struct picture p;
    char name[32];
    snprintf(name, sizeof name, "%04d.png", number);
    draw_scene(&p, s);
    if (looks)
        write_look(&p, folder, name);
    else
        write_picture(&p, folder, name);
    write_row(table, s, name);
}

static void draw_looks(const struct scene *s, const char *folder, const char *scene)
{
    struct picture p;
    char name[16], path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, scene);
    make_folder(path);
    draw_scene(&p, s);
    for (int i = 0; i < LOOKS; i++) {
        snprintf(name, sizeof name, "%d.png", i + 1);
        write_look(&p, path, name);
    }
}

static void write_looks(const int *pair, const char *folder)
{
    FILE *table[LANGUAGES];
    open_tables(table, folder, "");
    for (int i = 0; i < SCENES; i++) {
        struct scene s = scene_of(pair[i]);
        char name[16];
        snprintf(name, sizeof name, "%04d", i + 1);
        draw_looks(&s, folder, name);
        write_row(table, &s, name);
    }
    close_tables(table);
}

/* `pair` holds all in some order: its first are shipped. */
static void write_shipped(const int *pair, const char *folder)
{
    FILE *table[LANGUAGES];
    open_tables(table, folder, "");
    for (int i = 0; i < SCENES; i++) {
        struct scene s = scene_of(pair[i]);
        write_scene(table, &s, folder, i + 1, 0);
    }
    close_tables(table);
}

struct clip {
    int kind, way, size, aside;
    uint8_t rgb[3];
};

static void draw_frame(struct picture *p, const struct clip *c, int frame)
{
    int back = c->way % 2, steps = back ? FRAMES - 1 - frame : frame;
    int along = 2 + (SIDE - 4 - c->size) * steps / (FRAMES - 1);
    draw_object(p, c->kind, c->rgb, c->size, c->way < 2 ? along : c->aside,
                c->way < 2 ? c->aside : along);
}

static void draw_clip(const struct clip *c, const char *folder)
{
    struct picture ground, p;
    draw_ground(&ground);
    for (int frame = 0; frame < FRAMES; frame++) {
        char name[16];
        snprintf(name, sizeof name, "%d.png", frame + 1);
        p = ground;
        draw_frame(&p, c, frame);
        write_picture(&p, folder, name);
    }
}

static void write_clip(FILE **table, const char *folder, int number, int kind, int way)
{
    struct clip c = {.kind = kind, .way = way, .size = random_between(14, 18)};
    c.aside = random_between(2, SIDE - c.size - 2);
    tint(c.rgb, kind);
    char name[64], path[4096];
    snprintf(name, sizeof name, "clip_%02d", number);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    make_folder(path);
    draw_clip(&c, path);
    for (int i = 0; i < LANGUAGES; i++) {
        fprintf(table[i], "%s,", name);
        write_clip_caption(table[i], (enum language)i, kind, way);
    }
}

static void write_clips(const char *folder)
{
    int clip[4 * KINDS];
    FILE *table[LANGUAGES];
    shuffle(clip, 4 * KINDS);
    open_tables(table, folder, "clips_");
    for (int i = 0; i < CLIPS; i++)
        write_clip(table, folder, i + 1, clip[i] / 4, clip[i] % 4);
    close_tables(table);
}

static void write_others(const int *pair, const char *folder, int count, int looks)
{
    FILE *table[LANGUAGES];
    open_tables(table, folder, "");
    for (int i = 0; i < count; i++) {
        struct scene s = scene_of(pair[random_between(SCENES, PAIRS - 1)]);
        if (i % 4 == 3)
            s.second.count = 0;
        write_scene(table, &s, folder, i + 1, looks);
    }
    close_tables(table);
}

int main(int argc, char **argv)
{
    static int pair[PAIRS];
    int looks = argc > 2 && !strcmp(argv[argc - 1], "looks"), words = argc - looks;
    if (words != 2 && words != 4) {
        fprintf(stderr, "usage: make_synthetic_scenes FOLDER [COUNT SEED] [looks]\n");
        return EXIT_FAILURE;
    }
    draw = UINT64_C(14) << 32;
    shuffle(pair, PAIRS);
    if (words == 4) {
        draw = (uint64_t)atoi(argv[3]) << 40;
        write_others(pair, argv[1], atoi(argv[2]), looks);
    } else if (looks) {
        write_looks(pair, argv[1]);
    } else {
        write_shipped(pair, argv[1]);
        write_clips(argv[1]);
    }
    return EXIT_SUCCESS;
}
