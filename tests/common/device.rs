//! Devices that the tests of a program share.

pub use super::open::Open;
use nearfield::{Gpu, GpuBuilder};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The device of this name, opened by the first test that asks. Kernels belong to a device and some drivers compile one
/// for a second, so a device for each test would have each kernel compiled many times. What a test measures of a device,
/// such as its memory, it measures on one of its own.
///
/// # Errors
/// Why it did not open, in words.
pub fn shared(name: &str, builder: impl FnOnce() -> GpuBuilder) -> Result<Gpu, String> {
    static OPEN: Mutex<Option<HashMap<String, Result<Gpu, String>>>> = Mutex::new(None);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_default();
    let build = || {
        #[cfg(target_os = "linux")]
        if super::dx12::wanted() {
            return super::dx12::open(builder());
        }
        builder().open().map_err(|e| e.to_string())
    };
    open.entry(name.to_owned()).or_insert_with(build).clone()
}

/// Whether this driver runs the whole product of variants and shapes.
pub fn full() -> bool {
    std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "full")
}

/// Whether it runs a covering subset, being slow or looked at for what differs from another.
pub fn subset() -> bool {
    std::env::var("NEARFIELD_TEST_SET").is_ok_and(|set| set == "pairwise")
}

/// Whether the device computes with what fast math allows, as Metal does by default.
pub fn fast_math() -> bool {
    std::env::var("NEARFIELD_TEST_METAL").is_ok_and(|mode| mode == "fast")
}

/// Which share of the subset runs here, of how many: two stages on one driver, where it is slow, have half each, and attacks that
/// other drivers are under, too, are half as many. `NEARFIELD_TEST_PART=0/2` is the first of two.
pub fn share() -> (usize, usize) {
    let share = std::env::var("NEARFIELD_TEST_PART").unwrap_or_else(|_| "0/1".into());
    let numbers = share.split_once('/').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    numbers.expect("NEARFIELD_TEST_PART is 0/2 or the like")
}
