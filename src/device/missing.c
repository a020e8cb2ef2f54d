/* SPDX-License-Identifier: MIT */
/*
 * Why there is no device: looked into only where none was found. The loader of OpenCL keeps to
 * itself which drivers it could not load, so each is loaded again for its reason; a driver that
 * finds no device says nothing either.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/opencl.h"
#include "util/file.h"

#define VENDORS "/etc/OpenCL/vendors"

/* One sentence that grows clause by clause; what does not fit is left out whole. */
struct sentence {
    char text[1800];
    size_t used;
};

static void add(struct sentence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct sentence *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(s->text + s->used, sizeof s->text - s->used, format, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof s->text - s->used)
        s->used += (size_t)n;
    s->text[s->used] = 0;
}

/* --- drivers */

/* Whether a driver's library can be loaded; `from` is the .icd file that names it. */
static void look_at_library(struct sentence *s, const char *from, const char *library,
                            int platforms)
{
    void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
        add(s, "; %s: its library cannot be loaded: %.200s", from, dlerror());
    else if (!platforms)
        add(s, "; %s: its library %s can be loaded, but offers no platform", from, library);
    if (handle)
        dlclose(handle);
}

/* An .icd file, whose first line names a library. */
static void look_at_icd(struct sentence *s, const char *path, int platforms)
{
    struct error err;
    char *text = file_read(path, 4096, NULL, &err);
    if (!text) {
        add(s, "; %.200s", err.text);
        return;
    }
    text[strcspn(text, "\r\n")] = 0;
    if (*text)
        look_at_library(s, path, text, platforms);
    else
        add(s, "; %s names no library", path);
    free(text);
}

static int is_icd(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 4 && !strcmp(entry->d_name + n - 4, ".icd");
}

static void look_at_folder(struct sentence *s, const char *folder, int platforms)
{
    struct dirent **entry;
    int count = scandir(folder, &entry, is_icd, alphasort);
    if (count < 0)
        add(s, "; %s: %s", folder, strerror(errno));
    else if (!count)
        add(s, "; %s holds no .icd file, so no driver is installed there", folder);
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entry[i]->d_name);
        if (path)
            look_at_icd(s, path, platforms);
        free(path);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
}

/* A folder of .icd files, one of them, or a library. */
static void look_at(struct sentence *s, const char *name, int platforms)
{
    struct stat st;
    size_t n = strlen(name);
    int there = !stat(name, &st);
    if (n > 4 && !strcmp(name + n - 4, ".icd"))
        look_at_icd(s, name, platforms);
    else if ((there && S_ISDIR(st.st_mode)) || (!there && strchr(name, '/')))
        look_at_folder(s, name, platforms);
    else
        look_at_library(s, "OCL_ICD_VENDORS", name, platforms);
}

static void look_at_drivers(struct sentence *s, int platforms)
{
    const char *vendors = getenv("OCL_ICD_VENDORS"), *files = getenv("OCL_ICD_FILENAMES");
    look_at(s, vendors && *vendors ? vendors : VENDORS, platforms);
    char *list = files ? strdup(files) : NULL, *rest = list;
    for (char *file; list && (file = strsep(&rest, ":"));)
        if (*file)
            look_at(s, file, platforms);
    free(list);
}

/* --- platforms */

/* Whether a folder is there to be written to, made as PoCL makes it. */
static int can_be_written(const char *folder)
{
    struct error ignored;
    return !file_mkdir(folder, &ignored) && !access(folder, W_OK | X_OK);
}

/* PoCL's cache, without which it has no device. */
static void look_at_pocl(struct sentence *s)
{
    static const char *const keys[] = {"POCL_CACHE_DIR", "XDG_CACHE_HOME", "HOME"};
    static const char *const below[] = {"", "/pocl/kcache", "/.cache/pocl/kcache"};
    const char *devices = getenv("POCL_DEVICES");
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(keys[i]);
        char folder[1024];
        if (!value || !*value)
            continue;
        snprintf(folder, sizeof folder, "%s%s", value, below[i]);
        if (!can_be_written(folder))
            add(s,
                ": its cache %.200s cannot be written, and POCL_CACHE_DIR=FOLDER names another one",
                folder);
        break;
    }
    if (devices)
        add(s, ": POCL_DEVICES is '%.60s'", devices);
}

static void look_at_platform(struct sentence *s, cl_platform_id platform)
{
    char name[256] = "";
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name, name, NULL);
    name[sizeof name - 1] = 0;
    add(s, "; platform '%.100s' has no device", name);
    if (strstr(name, "Portable Computing Language"))
        look_at_pocl(s);
    else if (!strcasecmp(name, "rusticl"))
        add(s,
            ": RUSTICL_ENABLE names the drivers that it takes (llvmpipe, radeonsi, iris), now '%s'",
            getenv("RUSTICL_ENABLE") ? getenv("RUSTICL_ENABLE") : "");
    else if (getenv("CUDA_VISIBLE_DEVICES") && strstr(name, "NVIDIA"))
        add(s, ": CUDA_VISIBLE_DEVICES is '%.60s'", getenv("CUDA_VISIBLE_DEVICES"));
    else
        add(s, ": is there one, and may this user open it (groups render and video)?");
}

int device_error_none(const cl_platform_id *platform, cl_uint count, struct error *err)
{
    struct sentence s = {.text = ""};
    add(&s, "no OpenCL %s found", count ? "device" : "platform");
    for (cl_uint i = 0; i < count; i++)
        look_at_platform(&s, platform[i]);
    look_at_drivers(&s, count > 0);
    if (!count)
        add(&s, "; a driver for the device is needed, or pocl-opencl-icd for the CPU, and "
                "OCL_ICD_VENDORS names a folder of .icd files other than " VENDORS);
    s.text[strcspn(s.text, ";")] = ':'; /* what was found stands behind the first one */
    return error_set(err, STATUS_DEVICE, "%s", s.text);
}
