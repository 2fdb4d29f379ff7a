//! A phasm plugin in Rust: it greets the caller by the name in the query.
//! sdk/ABI.md describes the functions it imports and exports.

use std::sync::Mutex;

/// What the host offers. Texts are a pointer and a length, buffers a pointer
/// and a capacity; the result is a length, or a negative error.
mod phasm {
    #[link(wasm_import_module = "phasm")]
    extern "C" {
        pub fn config_get(key: *const u8, key_len: usize, buf: *mut u8, cap: usize) -> i32;
        pub fn query_get(name: *const u8, name_len: usize, index: i32, buf: *mut u8, cap: usize) -> i32;
        pub fn response_header_set(name: *const u8, name_len: usize, value: *const u8, value_len: usize) -> i32;
        pub fn response_write(bytes: *const u8, len: usize) -> i32;
    }
}

/// Actions: what a phase function answers.
const CONTINUE: i32 = 0;
const FINAL: i32 = 1;

/// Reads a text that a host function writes into a buffer. Where the buffer is
/// too small, the function says how large it has to be and is called again.
fn text(read: impl Fn(*mut u8, usize) -> i32) -> Option<String> {
    let mut buf = vec![0; 64];
    loop {
        let n = usize::try_from(read(buf.as_mut_ptr(), buf.len())).ok()?;
        let fits = n <= buf.len();
        buf.resize(n, 0);
        if fits {
            return Some(String::from_utf8_lossy(&buf).into_owned());
        }
    }
}

fn config(key: &str) -> Option<String> {
    text(|buf, cap| unsafe { phasm::config_get(key.as_ptr(), key.len(), buf, cap) })
}

fn query(name: &str) -> Option<String> {
    text(|buf, cap| unsafe { phasm::query_get(name.as_ptr(), name.len(), 0, buf, cap) })
}

fn set_header(name: &str, value: &str) {
    unsafe { phasm::response_header_set(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

fn write(text: &str) {
    unsafe { phasm::response_write(text.as_ptr(), text.len()) };
}

static GREETING: Mutex<String> = Mutex::new(String::new());

/// Runs before the instance's first request. What it writes into memory stays.
#[no_mangle]
pub extern "C" fn on_init() -> i32 {
    *GREETING.lock().unwrap() = config("greeting").unwrap_or_else(|| "Hello".to_string());
    CONTINUE
}

#[no_mangle]
pub extern "C" fn on_content() -> i32 {
    let name = query("name").unwrap_or_else(|| "world".to_string());
    set_header("Content-Type", "text/plain; charset=utf-8");
    write(&format!("{}, {}!\n", GREETING.lock().unwrap(), name));
    FINAL
}
