/* SPDX-License-Identifier: MIT */
#include "data/text.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "util/file.h"

#ifdef HAVE_LIBARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif

#define PIECE (1 << 16)
#define SNIFFED (1 << 16) /* bytes that tell what a file is */

/* --- temporary files */

static int temporary(struct error *err)
{
    const char *folder = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/seqtrain-XXXXXX", folder && *folder ? folder : "/tmp") < 0)
        return error_set(err, STATUS_FAILED, "out of memory");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        error_errno(err, STATUS_FAILED, path);
    else
        unlink(path);
    free(path);
    return fd;
}

static int write_all(int fd, const char *bytes, size_t count, struct error *err)
{
    while (count) {
        ssize_t done = write(fd, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_errno(err, STATUS_FAILED, "temporary file");
        bytes += done;
        count -= (size_t)done;
    }
    return 0;
}

/* From the start of a temporary file; the other descriptor is closed. */
static int instead(int fd, int spooled, int failed)
{
    close(fd);
    if (!failed && lseek(spooled, 0, SEEK_SET) == 0)
        return spooled;
    close(spooled);
    return -1;
}

/* What can only be read once. */
static int spool(const char *path, int fd, struct error *err)
{
    char bytes[PIECE];
    int to = temporary(err), failed = to < 0;
    for (ssize_t got = 1; !failed && got;) {
        got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        failed =
            got < 0 ? error_errno(err, STATUS_INPUT, path) : write_all(to, bytes, (size_t)got, err);
    }
    if (to < 0) {
        close(fd);
        return -1;
    }
    return instead(fd, to, failed);
}

/* --- kinds of file */

struct kind {
    const char *magic;
    size_t length;
    const char *name, *remedy;
    int packed; /* libarchive reads it */
};

static const struct kind kinds[] = {
    {"PK\3\4", 4, "a zip archive", "unpack it", 1},
    {"BZh", 3, "bzip2 data", "unpack it (bunzip2)", 1},
    {"\xfd"
     "7zXZ",
     6, "xz data", "unpack it (unxz)", 1},
    {"\x28\xb5\x2f\xfd", 4, "zstd data", "unpack it (unzstd)", 1},
    {"7z\xbc\xaf\x27\x1c", 6, "a 7-Zip archive", "unpack it", 0},
    {"Rar!", 4, "a RAR archive", "unpack it", 0},
    {"PAR1", 4, "a Parquet file", "write it as CSV (pandas: read_parquet(...).to_csv(...))", 0},
    {"ARROW1", 6, "a Feather file", "write it as CSV (pandas: read_feather(...).to_csv(...))", 0},
    {"\x89HDF", 4, "an HDF5 file", "write it as CSV (pandas: read_hdf(...).to_csv(...))", 0},
    {"SQLite format 3", 15, "an SQLite database", "write the table as CSV (sqlite3 -header -csv)",
     0},
    {"\xd0\xcf\x11\xe0", 4, "an Excel workbook (xls)", "save it as CSV UTF-8", 0},
    {"%PDF", 4, "a PDF document", "write its table as CSV", 0},
    {"\x93NUMPY", 6, "a NumPy array", "write it as CSV (numpy.savetxt with delimiter=',')", 0},
};

static int refuse(const char *path, const char *name, const char *remedy, struct error *err)
{
    return error_set(err, STATUS_INPUT, "%s: this is %s, not CSV: %s", path, name, remedy);
}

/* Pages and documents that begin with a word. */
static int refuse_words(const char *path, const char *head, size_t length, struct error *err)
{
    size_t at = strspn(head, " \t\r\n");
    const char *p = head + at;
    if (length >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
        p += 3;
    if (!strncasecmp(p, "<!doctype html", 14) || !strncasecmp(p, "<html", 5))
        return refuse(path, "an HTML page", "a download may have failed; fetch the file itself",
                      err);
    if (!strncasecmp(p, "<?xml", 5))
        return refuse(path, "an XML document", "write it as CSV", err);
    if ((*p == '[' && p[1] && strchr("[{\"", p[1 + strspn(p + 1, " \t\r\n")])) ||
        (*p == '{' && p[1] && strchr("\"}", p[1 + strspn(p + 1, " \t\r\n")])))
        return refuse(path, "JSON", "write it as CSV (pandas: read_json(...).to_csv(...))", err);
    return 0;
}

static const struct kind *kind_of(const char *head, size_t length)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (length >= kinds[i].length && !memcmp(head, kinds[i].magic, kinds[i].length))
            return &kinds[i];
    return NULL;
}

/* --- compressions */

#ifdef HAVE_LIBARCHIVE

static int broken(const char *path, const struct kind *kind, struct archive *archive,
                  struct error *err)
{
    const char *why = archive_error_string(archive);
    return error_set(err, STATUS_INPUT, "%s: the data is broken (%s%s%.200s)", path, kind->name,
                     why ? ": " : "", why ? why : "");
}

static int copy_member(const char *path, const struct kind *kind, struct archive *archive, int to,
                       struct error *err)
{
    char bytes[PIECE];
    la_ssize_t got;
    while ((got = archive_read_data(archive, bytes, sizeof bytes)) > 0)
        if (write_all(to, bytes, (size_t)got, err))
            return -1;
    return got < 0 ? broken(path, kind, archive, err) : 0;
}

/* The only member of an archive, or what is compressed. */
static int copy_members(const char *path, const struct kind *kind, struct archive *archive, int to,
                        FILE *told, struct error *err)
{
    struct archive_entry *entry;
    int members = 0, code;
    while ((code = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);
        if (name && (!strcmp(name, "[Content_Types].xml") || !strncmp(name, "xl/", 3)))
            return refuse(path, "an Excel workbook (xlsx)", "save it as CSV UTF-8", err);
        if (archive_entry_filetype(entry) == AE_IFDIR)
            continue;
        if (members++)
            return refuse(path, "a zip archive of several files",
                          "unpack it; data.source takes a folder", err);
        if (copy_member(path, kind, archive, to, err))
            return -1;
    }
    if (code != ARCHIVE_EOF)
        return broken(path, kind, archive, err);
    if (!members)
        return refuse(path, "an archive without a file", "there is nothing to read", err);
    fprintf(told, "unpacked: %s\n", kind->name);
    return 0;
}

static int unpack(const char *path, int fd, const struct kind *kind, FILE *told, struct error *err)
{
    struct archive *archive = archive_read_new();
    int to = temporary(err), failed = to < 0;
    if (!archive)
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (!failed) {
        archive_read_support_filter_bzip2(archive);
        archive_read_support_filter_xz(archive);
        archive_read_support_filter_zstd(archive);
        archive_read_support_format_zip(archive);
        archive_read_support_format_raw(archive);
        failed =
            lseek(fd, 0, SEEK_SET) != 0 || archive_read_open_fd(archive, fd, PIECE) != ARCHIVE_OK
                ? broken(path, kind, archive, err)
                : copy_members(path, kind, archive, to, told, err);
    }
    archive_read_free(archive);
    if (to < 0) {
        close(fd);
        return -1;
    }
    return instead(fd, to, failed);
}

#else

static int unpack(const char *path, int fd, const struct kind *kind, FILE *told, struct error *err)
{
    (void)told;
    close(fd);
    return error_set(err, STATUS_INPUT,
                     "%s: this is %s, and seqtrain was built without libarchive: %s", path,
                     kind->name, kind->remedy);
}

#endif

/* --- text, plain or gzip data */

/* Up to so many bytes of text; -1 where the data is broken or cut off. */
static int read_text(gzFile in, char *bytes, size_t room)
{
    int got = gzread(in, bytes, (unsigned)room), code = Z_OK;
    gzerror(in, &code);
    return code == Z_OK ? got : -1;
}

/* The first bytes of the text, a zero behind them; 0 where they cannot be unpacked, which is left
 * to who reads on; -1 with errno where they cannot be read. */
static ssize_t sniff_text(int fd, char head[SNIFFED + 1])
{
    int other = lseek(fd, 0, SEEK_SET) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    gzFile in = other < 0 ? NULL : gzdopen(other, "rb");
    int length = in ? gzread(in, head, SNIFFED) : -1, number = errno, code = Z_OK;
    if (in)
        gzerror(in, &code);
    int broken = length < 0 && in && code != Z_ERRNO;
    if (in)
        gzclose_r(in);
    else if (other >= 0)
        close(other);
    if (lseek(fd, 0, SEEK_SET) != 0)
        length = -1;
    else
        errno = number;
    head[length > 0 ? length : 0] = 0;
    return broken ? 0 : length;
}

/* --- encodings */

int text_is_utf8(const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + length;
    while (p < end) {
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : (*p & 0xf0) == 0xe0 ? 2 : 3;
        if (more == 3 && (*p < 0xf0 || *p > 0xf4))
            return 0;
        uint32_t code = more ? *p & (0x3fu >> more) : *p;
        for (p++; more; more--, p++) {
            if (p == end || (*p & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (*p & 0x3fu);
            if (more == 1 && code < least[1])
                return 0;
        }
        if ((code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
            return 0;
    }
    return 1;
}

/* The name that iconv has for what the first bytes show; NULL: it is a kind of ASCII. */
static const char *wide(const char *head, size_t length)
{
    if (length >= 2 && !memcmp(head, "\xff\xfe", 2))
        return "UTF-16LE";
    if (length >= 2 && !memcmp(head, "\xfe\xff", 2))
        return "UTF-16BE";
    if (length >= 4 && head[0] && !head[1] && head[2] && !head[3])
        return "UTF-16LE";
    return length >= 4 && !head[0] && head[1] && !head[2] && head[3] ? "UTF-16BE" : NULL;
}

struct conversion {
    const char *path, *encoding;
    iconv_t iconv;
    int to;
    uint64_t lines;
    struct error *err;
};

/* Converts in[count]; *left bytes at its end are the beginning of a character. */
static int convert_piece(struct conversion *c, char *in, size_t count, size_t *left)
{
    char bytes[PIECE];
    while (count) {
        char *out = bytes;
        size_t room = sizeof bytes;
        size_t code = iconv(c->iconv, &in, &count, &out, &room);
        int why = errno;
        for (const char *p = bytes; p < out; p++)
            c->lines += *p == '\n';
        if (write_all(c->to, bytes, (size_t)(out - bytes), c->err))
            return -1;
        if (code == (size_t)-1 && why == EINVAL)
            break;
        if (code == (size_t)-1 && why != E2BIG)
            return error_set(c->err, STATUS_INPUT,
                             "%s:%llu: this is not %s text; data.encoding names another encoding",
                             c->path, (unsigned long long)c->lines + 1, c->encoding);
    }
    *left = count;
    return 0;
}

static int convert_all(struct conversion *c, gzFile in)
{
    char bytes[PIECE];
    size_t left = 0;
    for (;;) {
        int got = read_text(in, bytes + left, sizeof bytes - left);
        size_t count = left + (size_t)(got > 0 ? got : 0);
        if (got < 0) {
            const int number = errno;
            int code;
            gzerror(in, &code);
            if (code == Z_MEM_ERROR)
                return error_set(c->err, STATUS_FAILED, "%s: out of memory", c->path);
            return error_set(c->err, STATUS_INPUT, "%s: %s", c->path,
                             code == Z_ERRNO ? strerror(number) : "the gzip data is broken");
        }
        if (!got)
            return left ? error_set(c->err, STATUS_INPUT,
                                    "%s: the file ends inside a character of %s", c->path,
                                    c->encoding)
                        : 0;
        char *from = bytes;
        if (convert_piece(c, from, count, &left))
            return -1;
        memmove(bytes, bytes + count - left, left);
    }
}

static int convert(const char *path, int fd, const char *encoding, FILE *told, struct error *err)
{
    struct conversion c = {.path = path, .encoding = encoding, .err = err};
    c.iconv = iconv_open("UTF-8", encoding);
    if (c.iconv == (iconv_t)-1) {
        const int number = errno; /* EINVAL: no such encoding */
        close(fd);
        if (number != EINVAL)
            return error_set(err, STATUS_FAILED, "%s: iconv_open: %s", path,
                             number == ENOMEM ? "out of memory" : strerror(number));
        return error_set(err, STATUS_USAGE,
                         "[data] encoding: iconv knows no encoding '%.60s' ('iconv -l' lists them)",
                         encoding);
    }
    c.to = temporary(err);
    int failed = c.to < 0 || lseek(fd, 0, SEEK_SET) != 0;
    gzFile in = failed ? NULL : gzdopen(fd, "rb");
    if (!failed && !in)
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (!failed)
        failed = convert_all(&c, in);
    iconv_close(c.iconv);
    if (!failed)
        fprintf(told, "encoding %s\n", encoding);
    if (in)
        gzclose_r(in);
    else
        close(fd);
    if (!failed && lseek(c.to, 0, SEEK_SET) == 0)
        return c.to;
    if (c.to >= 0)
        close(c.to);
    return -1;
}

/* Line ends of CR become LF. */
static int convert_ends(const char *path, int fd, FILE *told, struct error *err)
{
    char bytes[PIECE];
    int to = temporary(err), failed = to < 0;
    gzFile in = gzdopen(fd, "rb");
    if (!failed && !in)
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (int got = 1; !failed && got > 0;) {
        got = read_text(in, bytes, sizeof bytes);
        for (int i = 0; i < got; i++)
            bytes[i] = bytes[i] == '\r' ? '\n' : bytes[i];
        failed = got < 0 ? error_set(err, STATUS_INPUT, "%s: it cannot be read or is broken", path)
                         : write_all(to, bytes, (size_t)got, err);
    }
    if (!failed)
        fprintf(told, "lines end in CR alone\n");
    if (in)
        gzclose_r(in);
    else
        close(fd);
    if (!failed && lseek(to, 0, SEEK_SET) == 0)
        return to;
    if (to >= 0)
        close(to);
    return -1;
}

/* --- all of it */

static ssize_t sniff(int fd, char head[SNIFFED + 1])
{
    ssize_t length = pread(fd, head, SNIFFED, 0);
    head[length > 0 ? length : 0] = 0;
    return length;
}

/* A descriptor that can be read at any place. */
static int open_raw(const char *path, struct stat *state, struct error *err)
{
    int fd = strcmp(path, "-") ? file_open(path, state, err) : dup(STDIN_FILENO);
    if (!strcmp(path, "-") && (fd < 0 || fstat(fd, state))) {
        error_errno(err, STATUS_INPUT, "standard input");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (fd < 0)
        return -1;
    if (isatty(fd)) {
        close(fd);
        return error_set(err, STATUS_INPUT,
                         "%s: this is a terminal: the data comes from a file or through a pipe",
                         path);
    }
    return S_ISREG(state->st_mode) ? fd : spool(path, fd, err);
}

/* What the first bytes of a text say: its encoding is converted, its line ends are LF, and where it
 * shall hold columns it is no document of another kind. */
static int make_plain(const char *path, int fd, enum text_of of, const char *encoding, FILE *told,
                      struct error *err)
{
    char head[SNIFFED + 1];
    ssize_t length = sniff_text(fd, head);
    int given =
        strcmp(encoding, "auto") && strcasecmp(encoding, "utf-8") && strcasecmp(encoding, "utf8");
    if (length < 0) {
        if (errno == ENOMEM)
            error_set(err, STATUS_FAILED, "%s: out of memory", path);
        else
            error_errno(err, STATUS_INPUT, path);
        close(fd);
        return -1;
    }
    const char *found = given ? encoding : wide(head, (size_t)length);
    if (found) {
        fd = convert(path, fd, found, told, err);
        if (fd < 0)
            return -1;
        length = sniff_text(fd, head);
    }
    if (of == TEXT_OF_COLUMNS && length > 0 && refuse_words(path, head, (size_t)length, err)) {
        close(fd);
        return -1;
    }
    const char *cr = length > 0 ? memchr(head, '\r', (size_t)length) : NULL;
    if (cr && cr + 1 < head + length && !memchr(head, '\n', (size_t)length))
        return convert_ends(path, fd, told, err);
    return fd;
}

int text_open(const char *path, enum text_of of, const char *encoding, FILE *told,
              struct stat *state, struct error *err)
{
    char head[SNIFFED + 1];
    int raw = open_raw(path, state, err), fd = raw;
    if (fd < 0)
        return -1;
    /* what is written to a temporary file must not have changed meanwhile */
    int original = dup(raw);
    ssize_t length = sniff(fd, head);
    const struct kind *kind = length > 0 ? kind_of(head, (size_t)length) : NULL;
    if (kind && !kind->packed) {
        close(fd);
        fd = refuse(path, kind->name, kind->remedy, err);
    } else if (kind) {
        fd = unpack(path, fd, kind, told, err);
    }
    if (fd >= 0)
        fd = make_plain(path, fd, of, encoding, told, err);
    if (fd >= 0 && fd != raw && original >= 0 && S_ISREG(state->st_mode) &&
        file_unchanged(original, state, path, err)) {
        close(fd);
        fd = -1;
    }
    if (original >= 0)
        close(original);
    if (fd >= 0 && (fd != raw || !S_ISREG(state->st_mode)) && fstat(fd, state)) {
        error_errno(err, STATUS_FAILED, "temporary file");
        close(fd);
        fd = -1;
    }
    return fd;
}
