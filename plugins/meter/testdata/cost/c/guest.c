// The guest by which metering's cost is measured in C: each export is one kind
// of work, at the size of a busy request, and answers a checksum. main.go
// beside it does the same in Go.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name)))

static const char line[] =
    "location /api/v1 { proxy_pass http://upstream; proxy_set_header Host $host; }\n";

static char page[256 << 10];
static char out[64 << 10];
static uint32_t numbers[2048], sorted[2048];

// Fills the memory before the first call.
__attribute__((constructor)) static void fill(void) {
  for (size_t i = 0; i < sizeof page; i++) page[i] = line[i % (sizeof line - 1)];
  uint32_t x = 1;
  for (size_t i = 0; i < 2048; i++) numbers[i] = x = x * 1664525 + 1013904223;
}

EXPORT(hash) uint32_t hash(void) {
  uint64_t h = 14695981039346656037u;
  for (uint64_t i = 0; i < 400000; i++) h = (h ^ (i & 0xff)) * 1099511628211u;
  return h;
}

EXPORT(scan) uint32_t scan(void) {
  uint32_t lines = 0;
  for (size_t i = 0; i < sizeof page; i++)
    if (page[i] == '\n') lines++;
  return lines;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

EXPORT(sort) uint32_t sort(void) {
  memcpy(sorted, numbers, sizeof sorted);
  qsort(sorted, 2048, sizeof *sorted, ascending);
  return sorted[2048 / 3];
}

EXPORT(replace) uint32_t replace(void) {
  static const char from[] = "upstream", to[] = "server";
  const char *in = page, *end = page + sizeof out;
  char *o = out;
  for (const char *hit; (hit = memmem(in, end - in, from, sizeof from - 1));) {
    memcpy(o, in, hit - in);
    o += hit - in;
    memcpy(o, to, sizeof to - 1);
    o += sizeof to - 1;
    in = hit + sizeof from - 1;
  }
  memcpy(o, in, end - in);
  return o + (end - in) - out;
}

static char *put_text(char *o, const char *s) {
  *o++ = '"';
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') *o++ = '\\';
    *o++ = *s;
  }
  *o++ = '"';
  return o;
}

static char *put_number(char *o, uint32_t n) {
  char digits[10];
  int i = 0;
  do digits[i++] = '0' + n % 10;
  while (n /= 10);
  while (i) *o++ = digits[--i];
  return o;
}

static char *put(char *o, const char *s) {
  size_t n = strlen(s);
  memcpy(o, s, n);
  return o + n;
}

EXPORT(json_encode) uint32_t json_encode(void) {
  char *o = out;
  *o++ = '[';
  for (uint32_t i = 0; i < 600; i++) {
    if (i) *o++ = ',';
    o = put_number(put(o, "{\"id\":"), 1000 + i);
    o = put_text(put(o, ",\"name\":"), "A \"quoted\" name");
    o = put(put(o, ",\"paid\":"), i % 2 ? "false" : "true");
    o = put_text(put(o, ",\"labels\":["), "new");
    o = put(put_text(put(o, ","), "express"), "]}");
  }
  *o++ = ']';
  uint32_t sum = 0;
  for (const char *c = out; c < o; c++) sum = sum * 31 + *c;
  return sum;
}

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void block(uint32_t h[8], const uint8_t *p) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++, p += 4)
    w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
  for (int i = 16; i < 64; i++) {
    uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ x >> 3) + w[i - 7] +
           (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
  }
  uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], z = h[7];
  for (int i = 0; i < 64; i++) {
    uint32_t t = z + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
    uint32_t u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    z = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + u;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += z;
}

EXPORT(sha256) uint32_t sha256(void) {
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (int i = 0; i < 32 << 10; i += 64) block(h, (const uint8_t *)page + i);
  uint8_t last[64] = {0x80, [61] = 0x04}; // the length: 32 KiB are 0x40000 bits
  block(h, last);
  return h[0];
}
