// The plugin of those workloads of the benchmark that are also measured in C.
// It does what bench/plugin does, by the same value of its configuration.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("phasm"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

enum { CONTINUE = 0, FINAL = 1 };

IMPORT(config_get) int32_t config_get(const char *key, size_t key_len, char *buf, size_t cap);
IMPORT(ctx_get) int32_t ctx_get(const char *key, size_t key_len, char *buf, size_t cap);
IMPORT(ctx_set) int32_t ctx_set(const char *key, size_t key_len, const char *value, size_t value_len);
IMPORT(exit) int32_t exit_request(int32_t status);
IMPORT(response_header_set) int32_t response_header_set(const char *name, size_t name_len, const char *value, size_t value_len);
IMPORT(response_write) int32_t response_write(const char *bytes, size_t len);
IMPORT(zone_open) int32_t zone_open(const char *name, size_t name_len);
IMPORT(zone_incr) int32_t zone_incr(int32_t zone, const char *key, size_t key_len, const char *delta, size_t delta_len,
                                    const char *init, size_t init_len, int64_t ttl, char *buf, size_t cap);

#define TEXT(literal) literal, sizeof literal - 1

static char work[16];
static int32_t zone;
static uint8_t data[4096];

static int is(const char *name) { return strcmp(work, name) == 0; }

EXPORT(on_init) int32_t on_init(void) {
  int32_t n = config_get(TEXT("do"), work, sizeof work - 1);
  if (n < 0 || n >= (int32_t)sizeof work) abort();
  if ((zone = zone_open(TEXT("bench"))) < 0) abort();
  for (size_t i = 0; i < sizeof data; i++) data[i] = "0123456789abcdef"[i % 16];
  return CONTINUE;
}

static int32_t answer(const char *body, size_t len) {
  response_header_set(TEXT("Content-Type"), TEXT("text/plain"));
  response_write(body, len);
  return FINAL;
}

// count adds 1 to a number in the zone: a value is a byte for its kind, here an
// integer, and eight bytes.
static int32_t count(const char *key, size_t len) {
  static const char one[9] = {2, 1}, none[9] = {2};
  char sum[9];
  return zone_incr(zone, key, len, one, sizeof one, none, sizeof none, 0, sum, sizeof sum);
}

// The chain: a number goes through five phases in the exchange's context.

EXPORT(on_rewrite) int32_t on_rewrite(void) {
  ctx_set(TEXT("number"), TEXT("76"));
  return CONTINUE;
}

EXPORT(on_access) int32_t on_access(void) {
  char text[12];
  int32_t len = ctx_get(TEXT("number"), text, sizeof text);
  if (len <= 0 || len > (int32_t)sizeof text) return exit_request(500);
  int number = 0;
  for (int32_t i = 0; i < len; i++) number = number * 10 + (text[i] - '0');
  char *at = text + sizeof text;
  for (number += 3; number > 0; number /= 10) *--at = '0' + number % 10;
  ctx_set(TEXT("number"), at, text + sizeof text - at);
  count(TEXT("begun"));
  return CONTINUE;
}

static int32_t answer_number(void) {
  char text[16];
  int32_t len = ctx_get(TEXT("number"), text, sizeof text - 1);
  if (len <= 0 || len >= (int32_t)sizeof text) return exit_request(500);
  text[len] = '\n';
  return answer(text, len + 1);
}

EXPORT(on_header_filter) int32_t on_header_filter(void) {
  response_header_set(TEXT("X-Chain"), TEXT("five"));
  return CONTINUE;
}

EXPORT(on_log) int32_t on_log(void) {
  count(TEXT("served"));
  return CONTINUE;
}

// SHA-256 (FIPS 180-4).

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

// ROUND leaves in d and h what the standard calls e and a of the next round. So
// nothing moves from one round to the next but the names.
#define ROUND(a, b, c, d, e, f, g, h, i)                                                 \
  h += (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + (g ^ (e & (f ^ g))) + k[i] + w[i];         \
  d += h;                                                                                 \
  h += (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) | (c & (a | b)));

static void block(uint32_t state[8], const uint8_t *p) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++) {
    memcpy(&w[i], p + 4 * i, 4);
    w[i] = __builtin_bswap32(w[i]);
  }
  for (int i = 16; i < 64; i++) {
    uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (ror(x, 7) ^ ror(x, 18) ^ x >> 3) + w[i - 7] + (ror(y, 17) ^ ror(y, 19) ^ y >> 10);
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i += 8) {
    ROUND(a, b, c, d, e, f, g, h, i)
    ROUND(h, a, b, c, d, e, f, g, i + 1)
    ROUND(g, h, a, b, c, d, e, f, i + 2)
    ROUND(f, g, h, a, b, c, d, e, i + 3)
    ROUND(e, f, g, h, a, b, c, d, i + 4)
    ROUND(d, e, f, g, h, a, b, c, i + 5)
    ROUND(c, d, e, f, g, h, a, b, i + 6)
    ROUND(b, c, d, e, f, g, h, a, i + 7)
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static int32_t answer_digest(void) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (size_t i = 0; i < sizeof data; i += 64) block(state, data + i);
  uint8_t last[64] = {0x80};
  uint64_t bits = sizeof data * 8;
  for (int i = 0; i < 8; i++) last[63 - i] = bits >> 8 * i;
  block(state, last);
  char hex[64];
  for (int i = 0; i < 64; i++) hex[i] = "0123456789abcdef"[state[i / 8] >> (28 - i % 8 * 4) & 15];
  return answer(hex, sizeof hex);
}

EXPORT(on_content) int32_t on_content(void) {
  if (is("hello")) return answer(TEXT("hello, world\n"));
  if (is("chain")) return answer_number();
  if (is("sha256")) return answer_digest();
  return exit_request(500);
}
