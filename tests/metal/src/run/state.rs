//! What a kernel's code sees of the machine: the layout of `State` in include/runtime.h.

/// Memory that a dispatch may touch.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Range {
    pub begin: usize,
    pub end: usize,
}

/// How memory is touched.
pub const READ: u32 = 0;
pub const WRITE: u32 = 1;
pub const ATOMIC: u32 = 2;

/// What the lanes of a SIMD group do together; the order is that of `What` in include/runtime.h.
pub const TOGETHER: [&str; 7] = [
    "a barrier of a SIMD group",
    "a shuffle",
    "a reduction over a SIMD group",
    "a vote of a SIMD group",
    "a load of a matrix",
    "a store of a matrix",
    "a product of matrices",
];
pub const SIMD_BARRIER: u32 = 0;

#[repr(C)]
pub struct State {
    pub stack: Range,
    pub group: [u32; 3],
    pub groups: [u32; 3],
    pub local: [u32; 3],
    pub local_size: [u32; 3],
    pub thread: u32,
    pub lane: u32,
    pub simdgroup: u32,
    pub simdgroups: u32,
    pub matrix: [u32; 64],
    pub ranges: *const Range,
    pub shared_ranges: u32,
    pub all_ranges: u32,
    pub buffers: *const *mut u8,
    pub shared: *const *mut u8,
    pub barrier: extern "C" fn(flags: u32, line: u32),
    pub exchange: extern "C" fn(mine: *const u8, bytes: u32, what: u32, line: u32) -> *const u8,
    pub outside: extern "C" fn(at: usize, bytes: u32, how: u32, code: usize),
    pub touch: Option<extern "C" fn(at: usize, bytes: u32, how: u32, code: usize)>,
    pub disagree: extern "C" fn(what: u32, line: u32),
}
