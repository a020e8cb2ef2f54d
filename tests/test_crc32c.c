/* SPDX-License-Identifier: MIT */
/* CRC32C: values of RFC 3720 and of its definition, bit by bit; both ways to compute it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/crc32c.h"

typedef uint32_t sum(uint32_t crc, const void *bytes, size_t size);
static sum *const ways[] = {crc32c, crc32c_by_tables};

static void test_known_values(void **state)
{
    (void)state;
    unsigned char zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof ones);
    for (unsigned char i = 0; i < 32; i++) {
        up[i] = i;
        down[i] = 31 - i;
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ways[i](0, "", 0), 0);
        assert_int_equal(ways[i](0, "123456789", 9), 0xe3069283u);
        assert_int_equal(ways[i](0, zeros, 32), 0x8a9136aau);
        assert_int_equal(ways[i](0, ones, 32), 0x62a8ab43u);
        assert_int_equal(ways[i](0, up, 32), 0x46dd794eu);
        assert_int_equal(ways[i](0, down, 32), 0x113fdb5cu);
    }
}

/* The remainder of the division by the polynomial, its bits and those of the bytes reversed. */
static uint32_t by_definition(const unsigned char *bytes, size_t size)
{
    uint32_t r = ~UINT32_C(0);
    for (size_t i = 0; i < 8 * size; i++) {
        uint32_t bit = (r ^ (uint32_t)bytes[i / 8] >> i % 8) & 1;
        r = r >> 1 ^ (bit ? 0x82f63b78u : 0);
    }
    return ~r;
}

/* Every length from every alignment, in one piece and in two. */
static void test_lengths(void **state)
{
    (void)state;
    unsigned char bytes[96];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * i * 31 + 7);
    for (size_t from = 0; from < 8; from++)
        for (size_t size = 0; from + size <= sizeof bytes; size++)
            for (int i = 0; i < 2; i++) {
                const uint32_t want = by_definition(bytes + from, size);
                const size_t first = size * 3 / 7;
                const uint32_t before = ways[i](0, bytes + from, first);
                assert_int_equal(ways[i](0, bytes + from, size), want);
                assert_int_equal(ways[i](before, bytes + from + first, size - first), want);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_lengths),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
