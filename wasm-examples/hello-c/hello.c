// A phasm plugin in C with a C library: it greets the caller by the name in
// the query. sdk/ABI.md describes the functions it imports and exports.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("phasm"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

// Actions: what a phase function answers.
enum { CONTINUE = 0, FINAL = 1 };

// Texts are a pointer and a length, buffers a pointer and a capacity.
IMPORT(config_get) int32_t config_get(const char *key, size_t key_len, char *buf, size_t cap);
IMPORT(query_get) int32_t query_get(const char *name, size_t name_len, int32_t index, char *buf, size_t cap);
IMPORT(response_header_set) int32_t response_header_set(const char *name, size_t name_len, const char *value, size_t value_len);
IMPORT(response_write) int32_t response_write(const char *bytes, size_t len);

static char *greeting = "Hello";

// Runs before the instance's first request. What it writes into memory stays.
EXPORT(on_init) int32_t on_init(void) {
  int32_t n = config_get("greeting", 8, NULL, 0); // how long it is, or an error
  if (n > 0) {
    greeting = malloc(n + 1);
    config_get("greeting", 8, greeting, n);
    greeting[n] = '\0';
  }
  return CONTINUE;
}

EXPORT(on_content) int32_t on_content(void) {
  char name[64];
  int32_t n = query_get("name", 4, 0, name, sizeof name);
  if (n < 0 || n > (int32_t)sizeof name) { // there is none, or it is too long
    strcpy(name, "world");
    n = 5;
  }
  static const char type[] = "text/plain; charset=utf-8";
  response_header_set("Content-Type", 12, type, sizeof type - 1);

  char answer[1024];
  int length = snprintf(answer, sizeof answer, "%s, %.*s!\n", greeting, (int)n, name);
  if (length >= (int)sizeof answer) length = sizeof answer - 1;
  response_write(answer, length);
  return FINAL;
}
