/* SPDX-License-Identifier: MIT */
/*
 * crc32c: the checksum of Castagnoli's polynomial, 0x1EDC6F41, as iSCSI (RFC 3720, B.4) and ext4
 * have it. Processors of x86 with SSE 4.2 have an instruction for it; others take tables.
 */
#ifndef UTIL_CRC32C_H
#define UTIL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what `crc` is the sum of, followed by these bytes; 0 is the sum of nothing. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

/* The same by tables alone, for tests. */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t size);

#endif
