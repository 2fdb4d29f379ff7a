// A phasm plugin in C without a library: some 300 bytes of module that add a
// header to every response.
#define IMPORT(name) __attribute__((import_module("phasm"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

typedef __SIZE_TYPE__ size;

IMPORT(response_header_set) int response_header_set(const char *name, size name_len, const char *value, size value_len);

EXPORT(on_header_filter) int on_header_filter(void) {
  static const char name[] = "X-Served-By", value[] = "a tiny plugin";
  response_header_set(name, sizeof name - 1, value, sizeof value - 1);
  return 0; // go on
}
