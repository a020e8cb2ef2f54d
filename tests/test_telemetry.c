/* SPDX-License-Identifier: MIT */
/* telemetry: a stand-in of NVML and folders that stand in for the system's: absent, partly
 * unsupported, hanging, wrong. A clock that the test moves on. */
#include "telemetry/telemetry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "telemetry/machine.h"
#include "telemetry/sysfs.h"
#include "util/file.h"

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
static atomic_long later; /* s, ahead of the real clock */
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
    int failed = __real_clock_gettime(clock, t);
    t->tv_sec += atomic_load(&later);
    return failed;
}

static char folder[] = "/tmp/test-telemetry-XXXXXX";
static struct error err;

/* A file below the folder, with the folders that lead to it. */
static void put(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    *strrchr(path, '/') = 0;
    assert_int_equal(file_mkdir(path, &err), 0);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_write(path, text, strlen(text), &err), 0);
}

static void put_link(const char *name, const char *to)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(symlink(to, path), 0);
}

static const struct device_info gpu = {
    .card = {.has_address = 1, .bus = 0x41, .has_uuid = 1, .uuid = {0x12, 0x34, [15] = 0xab}}};

static const char full[] = "address 00000000:41:00.0\nname A Card\ndriver 555.42\ncuda 12050\n"
                           "memory_total 12884901888\nmemory_used 5368709120\n"
                           "memory_process 4294967296\ntemperature 62\npower 210500\n"
                           "enforced 300000\nlimit 300000\nleast 100000\nmost 350000\nfan 41\n"
                           "utilisation 97\nmemory_utilisation 40\nclock 1980\n"
                           "memory_clock 9501\nstate 2\nreasons 0x24\ncompute_mode 3\n"
                           "persistence 1\n";

static struct telemetry *open_with(const char *nvml, double limit)
{
    put("nvml", nvml);
    struct telemetry *t =
        telemetry_open(&gpu, &(struct telemetry_options){.root = folder, .power_limit = limit});
    assert_non_null(t);
    return t;
}

/* The first reading where the library tells this; waits for it for half a minute at most. */
static struct telemetry_reading read_with(const char *nvml)
{
    struct telemetry_reading r;
    struct telemetry *t = open_with(nvml, 0);
    double age = INFINITY;
    for (int i = 0; i < 3000 && !isfinite(age = telemetry_last(t, &r)); i++)
        usleep(10000);
    assert_true(age >= 0 && age < 60);
    assert_int_equal(telemetry_close(t), 0);
    return r;
}

/* Everything is told. */
static void all_of_it(void **state)
{
    (void)state;
    struct telemetry_reading r = read_with(full);
    char text[320];
    assert_string_equal(r.source, "nvml");
    assert_string_equal(r.card, "A Card");
    assert_string_equal(r.driver, "555.42");
    assert_string_equal(r.cuda, "12.5");
    sensed_text(&r, text, sizeof text);
    assert_string_equal(text, "memory 5.0 of 12.0 GiB, 4.0 GiB of this process, 62 C, 210 W of "
                              "300 W, fan 41%, 97% busy, 1980 MHz, state P2, throttled: "
                              "power_cap,sw_thermal, compute mode exclusive_process, "
                              "persistence on");
    r.host_load = 1.256;
    json_t *json = sensed_json(&r), *fixed = sensed_json_fixed(&r);
    json_t *wanted =
        json_pack("{s:I, s:I, s:f, s:f, s:f, s:i, s:n, s:i, s:i, s:i, s:i, s:n, s:f, s:n, s:s, "
                  "s:s}",
                  "memory_used", (json_int_t)5368709120, "memory_process", (json_int_t)4294967296,
                  "temperature", 62.0, "power", 210.5, "power_limit", 300.0, "fan", 41, "fan_rpm",
                  "utilisation", 97, "memory_utilisation", 40, "clock", 1980, "memory_clock", 9501,
                  "host_memory_used", "host_load", 1.26, "host_temperature", "performance_state",
                  "P2", "throttling", "power_cap,sw_thermal");
    assert_non_null(wanted);
    assert_true(json_equal(json, wanted));
    assert_string_equal(json_string_value(json_object_get(fixed, "card")), "A Card");
    assert_string_equal(json_string_value(json_object_get(fixed, "compute_mode")),
                        "exclusive_process");
    assert_string_equal(json_string_value(json_object_get(fixed, "persistence")), "on");
    assert_int_equal(json_integer_value(json_object_get(fixed, "memory_total")), 12884901888);
    json_decref(wanted);
    json_decref(json);
    json_decref(fixed);
}

/* Every member of a reading of which nothing is told is null. */
static void nothing_of_it(const struct telemetry_reading *r)
{
    char text[320];
    const char *key;
    json_t *value, *json = sensed_json(r);
    assert_int_equal(json_object_size(json), 16);
    json_object_foreach(json, key, value) if (!json_is_null(value)) fail_msg("%s is told", key);
    json_decref(json);
    sensed_text(r, text, sizeof text);
    assert_string_equal(text, "");
}

/* The card has another address; it is found by its UUID. No card, or no library that works: nothing
 * is told. */
static void matched(void **state)
{
    (void)state;
    struct telemetry_reading r = read_with("temperature 62\naddress 00000000:42:00.0\n");
    nothing_of_it(&r);
    assert_string_equal(r.source, "");
    r = read_with("temperature 62\nuuid GPU-12340000-0000-0000-0000-0000000000ab\n");
    assert_true(r.temperature == 62);
    r = read_with("init 9\ntemperature 62\naddress 00000000:41:00.0\n");
    nothing_of_it(&r);
}

/* Each value is told without all others. */
static void one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *line, *member;
        double value;
    } one[] = {{"temperature 40", "temperature", 40},
               {"power 1500", "power", 1.5},
               {"limit 250000", "power_limit", 250},
               {"fan 0", "fan", 0},
               {"state 0", "performance_state", NAN},
               {"reasons 0", "throttling", NAN},
               {"clock 10", "clock", 10}};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        char text[128];
        const char *key;
        json_t *value;
        snprintf(text, sizeof text, "address 00000000:41:00.0\n%s\n", one[i].line);
        struct telemetry_reading r = read_with(text);
        json_t *json = sensed_json(&r);
        json_object_foreach(json, key, value)
        {
            if (!strcmp(key, one[i].member) ? json_is_null(value) : !json_is_null(value))
                fail_msg("%s: %s", one[i].line, key);
            if (!json_is_null(value) && isfinite(one[i].value))
                assert_true(json_number_value(value) == one[i].value);
        }
        json_decref(json);
    }
    /* an enforced limit without one that could be set is a fiction */
    struct telemetry_reading r = read_with("address 00000000:41:00.0\nenforced 250000\n");
    nothing_of_it(&r);
}

/* What cannot be is not told. */
static void wrong_values(void **state)
{
    (void)state;
    struct telemetry_reading r = read_with(
        "address 00000000:41:00.0\ntemperature 4000000000\npower 4294967295\nlimit 0\n"
        "enforced 4294967295\nfan 4294967295\nutilisation 250\nmemory_utilisation 101\n"
        "clock 4294967295\nmemory_clock 4294967295\nstate 32\ncompute_mode 7\npersistence 9\n"
        "memory_total 0\nmemory_used 18446744073709551615\nmemory_process 18446744073709551615\n"
        "cuda 5\nname \xff\x80 card\n"
        "driver 1234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789\n");
    nothing_of_it(&r);
    assert_string_equal(r.source, "nvml");
    assert_string_equal(r.card, "");
    assert_string_equal(r.driver, "");
    assert_string_equal(r.cuda, "");
    assert_string_equal(r.compute_mode, "");
    assert_string_equal(r.persistence, "");
    assert_true(isnan(r.memory_total));
}

/* For half a minute at most. */
static void wait_for_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (int i = 0; i < 3000 && access(path, F_OK); i++)
        usleep(10000);
    assert_int_equal(access(path, F_OK), 0);
}

/* A library that hangs later: the last value stays with its age, until it is too old. */
static void it_hangs_later(void **state)
{
    (void)state;
    struct telemetry_reading r;
    char hung[sizeof full + 32];
    struct telemetry *t = open_with(full, 0);
    snprintf(hung, sizeof hung, "temperature hang\n%s", full);
    for (int i = 0; i < 3000 && !isfinite(telemetry_last(t, &r)); i++)
        usleep(10000);
    assert_true(r.temperature == 62);
    put("nvml", hung);
    wait_for_file("nvml.hung");
    atomic_fetch_add(&later, 5);
    assert_true(telemetry_last(t, &r) >= 5 && r.temperature == 62);
    atomic_fetch_add(&later, 6);
    assert_true(isinf(telemetry_last(t, &r)));
    nothing_of_it(&r);
    assert_int_equal(telemetry_close(t), 0);
    put("nvml", full); /* the thread goes on, and ends */
}

/* It hangs from the start, also with a power limit to set: nobody waits for it. */
static void it_hangs_at_once(void **state)
{
    (void)state;
    struct telemetry_reading r;
    char cause[96];
    struct telemetry *t = open_with("init hang\n", 250);
    assert_true(isinf(telemetry_last(t, &r)));
    nothing_of_it(&r);
    assert_int_equal(telemetry_limited(t, cause, sizeof cause), -1);
    assert_string_equal(cause, "its driver does not answer");
    assert_int_equal(telemetry_close(t), 0);
}

/* What was set, a line each; "" for nothing. */
static void was_set(const char *wanted)
{
    char path[512];
    snprintf(path, sizeof path, "%s/nvml.set", folder);
    char *text = access(path, F_OK) ? strdup("") : file_read(path, 4096, NULL, &err);
    assert_string_equal(text, wanted);
    free(text);
    unlink(path);
}

/* The limit of a power limit: 1 set. It is back when the telemetry is closed. */
static void limited(const char *more, double watts, int wanted, const char *why, const char *set)
{
    char text[sizeof full + 64], cause[96];
    struct telemetry_reading r;
    snprintf(text, sizeof text, "%s%s", more, full);
    struct telemetry *t = open_with(text, watts);
    for (int i = 0; i < 3000 && !isfinite(telemetry_last(t, &r)); i++)
        usleep(10000);
    assert_int_equal(telemetry_limited(t, cause, sizeof cause), wanted);
    assert_string_equal(cause, why);
    assert_int_equal(telemetry_close(t), 0);
    was_set(set);
}

static void power_limits(void **state)
{
    (void)state;
    limited("", 0, 0, "", "");
    limited("", 250, 1, "", "250000\n300000\n");
    limited("forbidden 1\n", 250, -1, "this user may not set it", "");
    limited("", 99, -1, "the card takes 100 to 350 W", "");
    limited("", 351, -1, "the card takes 100 to 350 W", "");
    put("nvml", "address 00000000:41:00.0\n");
    struct telemetry *t = open_with("address 00000000:41:00.0\nenforced 9000\n", 250);
    char cause[96];
    assert_int_equal(telemetry_limited(t, cause, sizeof cause), -1);
    assert_string_equal(cause, "the card has no limit that can be set");
    assert_int_equal(telemetry_close(t), 0);
    was_set("");
}

/* --- folders */

#define CARD "sys/bus/pci/devices/0000:41:00.0/"

static struct telemetry_reading read_card(struct sysfs_energy *energy)
{
    struct telemetry_reading r;
    sensed_clear(&r);
    sysfs_read(folder, "0000:41:00.0", energy, &r);
    sensed_bound(&r);
    return r;
}

static void amd(void **state)
{
    (void)state;
    struct sysfs_energy energy = {0, 0};
    struct telemetry_reading r = read_card(&energy);
    nothing_of_it(&r);
    put(CARD "mem_info_vram_total", "17163091968\n");
    put_link(CARD "driver", "../../../../bus/pci/drivers/amdgpu");
    put(CARD "mem_info_vram_used", "1048576\n");
    put(CARD "gpu_busy_percent", "83\n");
    put(CARD "hwmon/hwmon4/temp1_input", "61000\n");
    put(CARD "hwmon/hwmon4/power1_average", "143000000\n");
    put(CARD "hwmon/hwmon4/power1_cap", "203000000\n");
    put(CARD "hwmon/hwmon4/fan1_input", "1450\n");
    put(CARD "hwmon/hwmon4/pwm1", "51\n");
    put(CARD "pp_dpm_sclk", "0: 500Mhz\n1: 2300Mhz *\n2: 2575Mhz\n");
    put(CARD "pp_dpm_mclk", "0: 96Mhz\n1: 1000Mhz\n");
    put(CARD "power_dpm_force_performance_level", "auto\n");
    r = read_card(&energy);
    assert_string_equal(r.source, "amdgpu");
    assert_true(r.memory_total == 17163091968 && r.memory_used == 1048576);
    assert_true(r.utilisation == 83 && isnan(r.memory_utilisation));
    assert_true(fabs(r.temperature - 61) < 1e-9 && fabs(r.power - 143) < 1e-9);
    assert_true(fabs(r.power_limit - 203) < 1e-9);
    assert_true(r.fan_rpm == 1450 && fabs(r.fan - 20) < 1e-9);
    assert_true(r.clock == 2300 && isnan(r.memory_clock));
    assert_string_equal(r.performance_state, "auto");
    assert_string_equal(r.throttling, "");
    /* wrong values, and a sensor that is asleep */
    put(CARD "gpu_busy_percent", "nonsense\n");
    put(CARD "hwmon/hwmon4/temp1_input", "-999000\n");
    put(CARD "mem_info_vram_used", "");
    put(CARD "pp_dpm_sclk", "*");
    put(CARD "hwmon/hwmon4/pwm1_max", "0\n");
    r = read_card(&energy);
    assert_true(isnan(r.utilisation) && isnan(r.temperature) && isnan(r.memory_used));
    assert_true(isnan(r.clock) && isnan(r.fan) && r.fan_rpm == 1450);
}

static void other_driver(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/" CARD "driver", folder);
    assert_int_equal(unlink(path), 0);
    put_link(CARD "driver", name);
}

static void intel(void **state)
{
    (void)state;
    struct sysfs_energy energy = {0, 0};
    other_driver("../i915");
    put(CARD "hwmon/hwmon4/temp1_input", "45000\n");
    put(CARD "hwmon/hwmon4/energy1_input", "1000000000\n");
    put(CARD "hwmon/hwmon4/power1_max", "190000000\n");
    put(CARD "drm/card1/gt_act_freq_mhz", "1100\n");
    struct telemetry_reading r = read_card(&energy);
    assert_string_equal(r.source, "i915");
    assert_true(isnan(r.power) && r.power_limit == 190 && r.temperature == 45 && r.clock == 1100);
    assert_string_equal(r.throttling, "");
    put(CARD "drm/card1/gt/gt0/throttle_reason_pl1", "1\n");
    put(CARD "drm/card1/gt/gt0/throttle_reason_thermal", "1\n");
    put(CARD "hwmon/hwmon4/energy1_input", "13000000000\n");
    atomic_fetch_add(&later, 100);
    r = read_card(&energy);
    assert_true(r.power > 60 && r.power <= 120); /* 12000 J in 100 s and what the test took */
    assert_string_equal(r.throttling, "pl1,thermal");
    put(CARD "hwmon/hwmon4/energy1_input", "5\n"); /* the counter began anew */
    r = read_card(&energy);
    assert_true(isnan(r.power));
    other_driver("../xe");
    put(CARD "hwmon/hwmon4/temp2_input", "52000\n");
    put(CARD "tile0/gt0/freq0/act_freq", "2400\n");
    put(CARD "tile0/gt0/freq0/throttle/reason_pl1", "0\n");
    r = read_card(&energy);
    assert_string_equal(r.source, "xe");
    assert_true(r.temperature == 52 && r.clock == 2400);
    assert_string_equal(r.throttling, "none");
    other_driver("../nouveau");
    r = read_card(&energy);
    nothing_of_it(&r);
    assert_string_equal(r.source, "");
}

/* A CPU device has what the host tells. */
static void the_host(void **state)
{
    (void)state;
    struct machine_times times = {0, 0};
    struct telemetry_reading r;
    sensed_clear(&r);
    machine_read_device(folder, &times, &r);
    sensed_bound(&r);
    nothing_of_it(&r);
    put("proc/meminfo", "MemTotal:       16000 kB\nMemFree:  10 kB\nMemAvailable:    6000 kB\n");
    put("proc/loadavg", "1.50 1.20 0.90 2/345 6789\n");
    put("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n");
    put("proc/cpuinfo", "processor\t: 0\nmodel name\t: A Processor\n");
    put("sys/class/hwmon/hwmon0/name", "nvme\n");
    put("sys/class/hwmon/hwmon0/temp1_input", "30000\n");
    put("sys/class/thermal/thermal_zone0/type", "iwlwifi\n");
    put("sys/class/thermal/thermal_zone0/temp", "31000\n");
    put("sys/class/thermal/thermal_zone1/type", "x86_pkg_temp\n");
    put("sys/class/thermal/thermal_zone1/temp", "71500\n");
    put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3400000\n");
    sensed_clear(&r);
    machine_read_device(folder, &times, &r);
    assert_string_equal(r.source, "host");
    assert_string_equal(r.card, "A Processor");
    assert_true(r.memory_total == 16384000 && r.memory_used == 10240000);
    assert_true(r.host_memory_used == 10240000 && r.host_load == 1.5);
    assert_true(r.temperature == 71.5 && r.host_temperature == 71.5);
    assert_true(r.clock == 3400 && isnan(r.utilisation));
    put("proc/stat", "cpu  160 0 120 710 110 0 0 0 0 0\n");
    put("sys/class/hwmon/hwmon1/name", "k10temp\n");
    put("sys/class/hwmon/hwmon1/temp1_input", "66000\n");
    sensed_clear(&r);
    machine_read_device(folder, &times, &r);
    assert_true(r.utilisation == 80 && r.temperature == 66);
}

static int make_folder(void **state)
{
    char path[512];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/nvml", folder);
    return setenv("STAND_IN_NVML", path, 1);
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it),
        cmocka_unit_test(matched),
        cmocka_unit_test(one_by_one),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(it_hangs_later),
        cmocka_unit_test(power_limits),
        cmocka_unit_test(amd),
        cmocka_unit_test(intel),
        cmocka_unit_test(the_host),
        cmocka_unit_test(it_hangs_at_once),
    };
    (void)argc;
    if (!getenv("STAND_IN_NVML")) { /* once more, with the library where it is looked for */
        setenv("STAND_IN_NVML", "", 1);
        setenv("LD_LIBRARY_PATH", "tests/stand_in", 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
