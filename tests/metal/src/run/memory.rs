//! Memory of buffers and workgroup variables.

use super::state::Range;
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

/// What memory holds before anything is written: NaN as a float, and larger than any index.
pub const POISON: u8 = 0xff;

/// Alignment of every allocation: Metal's for buffer offsets.
const ALIGNMENT: usize = 256;

/// Bytes between workgroup variables, so that an index that leaves one does not meet another.
const GAP: usize = 16 << 10;

/// Poisoned memory that threads share; who may touch it when is wgpu's business.
#[derive(Debug)]
pub struct Memory {
    pointer: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is a plain allocation; wgpu orders what touches it.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// `None` where there is no memory.
    pub fn new(bytes: usize) -> Option<Memory> {
        let layout = layout(bytes)?;
        // SAFETY: the layout is not empty.
        let pointer = NonNull::new(unsafe { alloc(layout) })?;
        // SAFETY: so many bytes were allocated.
        unsafe { pointer.write_bytes(POISON, layout.size()) };
        Some(Memory { pointer, bytes })
    }

    pub fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset <= self.bytes, "{offset} is beyond {} bytes", self.bytes);
        // SAFETY: it is inside.
        unsafe { self.pointer.as_ptr().add(offset) }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Some(layout) = layout(self.bytes) {
            // SAFETY: it was allocated so.
            unsafe { dealloc(self.pointer.as_ptr(), layout) }
        }
    }
}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.max(1), ALIGNMENT).ok()
}

/// The workgroup variables of a kernel.
pub struct Workgroup {
    memory: Memory,
    pub ranges: Vec<Range>,
    pub pointers: Vec<*mut u8>,
}

impl Workgroup {
    pub fn new(sizes: &[u32]) -> Option<Workgroup> {
        let places: Vec<usize> = sizes
            .iter()
            .scan(GAP, |next, size| {
                let place = *next;
                *next += (*size as usize).next_multiple_of(ALIGNMENT) + GAP;
                Some(place)
            })
            .collect();
        let total = sizes
            .iter()
            .map(|size| (*size as usize).next_multiple_of(ALIGNMENT) + GAP)
            .sum::<usize>();
        let memory = Memory::new(total + GAP)?;
        let range = |(place, size): (&usize, &u32)| {
            let begin = memory.at(*place) as usize;
            Range { begin, end: begin + *size as usize }
        };
        let ranges = places.iter().zip(sizes).map(range).collect();
        let pointers = places.iter().map(|place| memory.at(*place)).collect();
        Some(Workgroup { memory, ranges, pointers })
    }

    /// What the workgroup before has left is gone.
    pub fn poison(&mut self) {
        for range in &self.ranges {
            let offset = range.begin - self.memory.at(0) as usize;
            // SAFETY: the range is inside of the allocation.
            unsafe { self.memory.at(offset).write_bytes(POISON, range.end - range.begin) };
        }
    }
}
