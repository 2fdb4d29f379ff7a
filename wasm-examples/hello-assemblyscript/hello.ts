// A phasm plugin in AssemblyScript: it greets the caller by the name in the
// query. sdk/ABI.md describes the functions it imports and exports.

// What the host offers. Texts are a pointer and a length, buffers a pointer
// and a capacity; the result is a length, or a negative error.
@external("phasm", "config_get")
declare function config_get(key: usize, keyLength: i32, buffer: usize, capacity: i32): i32;
@external("phasm", "query_get")
declare function query_get(name: usize, nameLength: i32, index: i32, buffer: usize, capacity: i32): i32;
@external("phasm", "response_header_set")
declare function response_header_set(name: usize, nameLength: i32, value: usize, valueLength: i32): i32;
@external("phasm", "response_write")
declare function response_write(bytes: usize, length: i32): i32;

// Actions: what a phase function answers.
const CONTINUE = 0;
const FINAL = 1;

// Strings are UTF-16 here and UTF-8 there.
function utf8(s: string): ArrayBuffer {
  return String.UTF8.encode(s);
}

function config(key: string): string | null {
  const k = utf8(key);
  const length = config_get(changetype<usize>(k), k.byteLength, 0, 0);
  if (length < 0) return null;
  const buffer = new ArrayBuffer(length);
  config_get(changetype<usize>(k), k.byteLength, changetype<usize>(buffer), length);
  return String.UTF8.decode(buffer);
}

function query(name: string): string | null {
  const n = utf8(name);
  const length = query_get(changetype<usize>(n), n.byteLength, 0, 0, 0);
  if (length < 0) return null;
  const buffer = new ArrayBuffer(length);
  query_get(changetype<usize>(n), n.byteLength, 0, changetype<usize>(buffer), length);
  return String.UTF8.decode(buffer);
}

function setHeader(name: string, value: string): void {
  const n = utf8(name), v = utf8(value);
  response_header_set(changetype<usize>(n), n.byteLength, changetype<usize>(v), v.byteLength);
}

function write(text: string): void {
  const t = utf8(text);
  response_write(changetype<usize>(t), t.byteLength);
}

let greeting = "Hello";

// Runs before the instance's first request. What it writes into memory stays.
export function on_init(): i32 {
  const configured = config("greeting");
  if (configured !== null) greeting = configured;
  return CONTINUE;
}

export function on_content(): i32 {
  const name = query("name");
  setHeader("Content-Type", "text/plain; charset=utf-8");
  write(greeting + ", " + (name === null ? "world" : name) + "!\n");
  return FINAL;
}
