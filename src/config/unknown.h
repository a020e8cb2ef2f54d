/* SPDX-License-Identifier: MIT */
/*
 * unknown: what is said of a section or a key that is none, with the one that may be meant.
 * Internal to src/config. The text is the caller's; NULL where memory runs out.
 */
#ifndef CONFIG_UNKNOWN_H
#define CONFIG_UNKNOWN_H

/* "there is no section 'tarin'; did you mean [train]?" */
char *unknown_section(const char *section);

/* "[train] has no key 'rl'; did you mean 'lr'?", of a section that there is. */
char *unknown_key(const char *section, const char *key);

/* Either of the two. */
char *unknown_name(const char *section, const char *key);

#endif
