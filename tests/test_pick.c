/* SPDX-License-Identifier: MIT */
/* Which of several GPUs is taken. PoCL shows its CPU twice, of which OpenCL then says that they are
 * GPUs, and what memory they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "device/opencl.h"

enum { GPUS = 2 };
static struct {
    cl_ulong bytes;
    cl_bool unified;
} gpu[GPUS];
static cl_device_id ids[GPUS];

cl_int __real_clGetDeviceInfo(cl_device_id id, cl_device_info key, size_t size, void *to,
                              size_t *told);
cl_int __wrap_clGetDeviceInfo(cl_device_id id, cl_device_info key, size_t size, void *to,
                              size_t *told);
cl_int __wrap_clGetDeviceInfo(cl_device_id id, cl_device_info key, size_t size, void *to,
                              size_t *told)
{
    const cl_int code = __real_clGetDeviceInfo(id, key, size, to, told);
    for (int i = 0; i < GPUS && code == CL_SUCCESS; i++) {
        if (ids[i] != id)
            continue;
        if (key == CL_DEVICE_TYPE)
            *(cl_device_type *)to = CL_DEVICE_TYPE_GPU;
        else if (key == CL_DEVICE_GLOBAL_MEM_SIZE)
            *(cl_ulong *)to = gpu[i].bytes;
        else if (key == CL_DEVICE_HOST_UNIFIED_MEMORY)
            *(cl_bool *)to = gpu[i].unified;
    }
    return code;
}

/* Where no platform shows two devices the tests are skipped. */
static int open_two(void **state)
{
    cl_platform_id platform[16];
    cl_uint platforms = 0, count = 0;
    (void)state;
    setenv("POCL_DEVICES", "pthread pthread", 1);
    if (clGetPlatformIDs(16, platform, &platforms) != CL_SUCCESS)
        platforms = 0;
    for (cl_uint i = 0; i < platforms && i < 16 && count < GPUS; i++)
        if (clGetDeviceIDs(platform[i], CL_DEVICE_TYPE_ALL, GPUS, ids, &count) != CL_SUCCESS)
            count = 0;
    if (count < GPUS)
        ids[0] = ids[1] = NULL;
    return 0;
}

static void needs_two(void)
{
    if (!ids[0]) {
        print_message("no platform with two devices\n");
        skip();
    }
}

static cl_device_id taken(const char *select)
{
    struct error err;
    struct device_found found;
    struct device_part part;
    if (device_find(select, &found, &part, &err))
        fail_msg("%s", err.text);
    return found.id;
}

/* A processor's graphics say that they have nearly all memory of the host. */
static void test_own_memory(void **state)
{
    struct error err;
    unsigned *index;
    size_t count;
    (void)state;
    needs_two();
    for (int guest = 0; guest < GPUS; guest++) {
        gpu[guest].bytes = UINT64_C(60) << 30;
        gpu[guest].unified = CL_TRUE;
        gpu[!guest].bytes = UINT64_C(12) << 30;
        gpu[!guest].unified = CL_FALSE;
        assert_ptr_equal(taken("auto"), ids[!guest]);
        assert_ptr_equal(taken("gpu"), ids[!guest]);
        assert_int_equal(device_each(&index, &count, &err), 0);
        assert_int_equal(count, 1);
        free(index);
    }
}

/* Of GPUs that are alike in this the one with more memory, and runs side by side on both. */
static void test_more_memory(void **state)
{
    struct error err;
    unsigned *index;
    size_t count;
    (void)state;
    needs_two();
    for (int unified = 0; unified < 2; unified++)
        for (int more = 0; more < GPUS; more++) {
            gpu[more].bytes = UINT64_C(24) << 30;
            gpu[!more].bytes = UINT64_C(12) << 30;
            gpu[0].unified = gpu[1].unified = (cl_bool)unified;
            assert_ptr_equal(taken("auto"), ids[more]);
            assert_ptr_equal(taken("gpu"), ids[more]);
            assert_int_equal(device_each(&index, &count, &err), 0);
            assert_int_equal(count, GPUS);
            free(index);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_memory),
        cmocka_unit_test(test_more_memory),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("pick", tests, open_two, NULL);
}
