//! Where kernels' calls arrive: the state that their code reads, and what they exchange.

use super::fault::{self, Cause};
use super::kernel;
use super::memory::POISON;
use super::races::Races;
use super::state::{READ, Range, SIMD_BARRIER, State};
use super::wait::Wait;
use corosensei::Yielder;
use corosensei::trap::CoroutineTrapHandler;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The most that a lane gives to an exchange: two matrices on four lanes.
const EXCHANGE_BYTES: usize = 256;

/// `mem_threadgroup` of Metal's `mem_flags`.
const ORDERS_WORKGROUP_MEMORY: u32 = 2;

/// What of the machine a kernel's code reaches. The code gets at it through a pointer, also while the scheduler waits for it
/// to return, so nobody holds a reference to it across a switch.
pub struct Desk {
    pub state: State,
    pub lanes: u32,
    pub entry: Option<extern "C" fn()>,
    places: Vec<Place>,
    pub yielders: Vec<*const Yielder<(), Wait>>,
    pub races: Option<Races>,
    pub cause: Option<Cause>,
    /// How each thread is ended from outside.
    pub traps: *const CoroutineTrapHandler<()>,
    /// Of each SIMD group two exchanges: one is read while lanes that are ahead write the next.
    slots: Vec<u8>,
    /// Which of the two comes next, by thread.
    parity: Vec<bool>,
}

/// Where in its workgroup a thread is.
#[derive(Clone, Copy)]
struct Place {
    local: [u32; 3],
    lane: u32,
    simdgroup: u32,
}

static DESK: AtomicPtr<Desk> = AtomicPtr::new(ptr::null_mut());

/// The desk of the dispatch that runs.
pub fn desk() -> *mut Desk {
    DESK.load(Ordering::Relaxed)
}

pub fn set_desk(desk: *mut Desk) {
    DESK.store(desk, Ordering::Relaxed);
}

impl Desk {
    pub fn new(
        lanes: u32,
        threads: [u32; 3],
        groups: [u32; 3],
        matrix: [u32; 64],
        races: Option<Races>,
    ) -> Desk {
        let count = threads.iter().product::<u32>();
        let simdgroups = count.div_ceil(lanes);
        let none = Range { begin: 0, end: 0 };
        let state = State {
            stack: none,
            group: [0; 3],
            groups,
            local: [0; 3],
            local_size: threads,
            thread: 0,
            lane: 0,
            simdgroup: 0,
            simdgroups,
            matrix,
            ranges: ptr::null(),
            shared_ranges: 0,
            all_ranges: 0,
            buffers: ptr::null(),
            shared: ptr::null(),
            barrier,
            exchange,
            outside,
            touch: races.is_some().then_some(touch as extern "C" fn(usize, u32, u32, usize)),
            disagree,
        };
        let [x, y, _] = threads;
        let place = |thread: u32| Place {
            local: [thread % x, thread / x % y, thread / (x * y)],
            lane: thread % lanes,
            simdgroup: thread / lanes,
        };
        Desk {
            state,
            places: (0..count).map(place).collect(),
            lanes,
            entry: None,
            yielders: vec![ptr::null(); count as usize],
            races,
            cause: None,
            traps: ptr::null(),
            slots: vec![POISON; (2 * simdgroups * lanes) as usize * EXCHANGE_BYTES],
            parity: vec![false; count as usize],
        }
    }

    /// This thread runs next.
    pub fn enter(&mut self, thread: u32, stack: Range) {
        let place = self.places[thread as usize];
        self.state.stack = stack;
        self.state.thread = thread;
        self.state.local = place.local;
        self.state.lane = place.lane;
        self.state.simdgroup = place.simdgroup;
    }

    pub fn passed_barrier(&mut self, flags: u32) {
        if let Some(races) = &mut self.races
            && flags & ORDERS_WORKGROUP_MEMORY != 0
        {
            races.barrier();
        }
    }

    pub fn passed_exchange(&mut self, simdgroup: usize, what: u32) {
        if let Some(races) = &mut self.races
            && what == SIMD_BARRIER
        {
            races.simd_barrier(simdgroup);
        }
    }

    /// Where the exchange of this thread's SIMD group stands, and the next one will not.
    fn slots(&mut self) -> *mut u8 {
        let parity = &mut self.parity[self.state.thread as usize];
        *parity = !*parity;
        let index = self.state.simdgroup as usize * 2 + usize::from(*parity);
        &raw mut self.slots[index * self.lanes as usize * EXCHANGE_BYTES]
    }

    fn place(&self, at: usize) -> fault::Place {
        // SAFETY: the dispatch set both, and they stand while it runs.
        let ranges = unsafe {
            std::slice::from_raw_parts(self.state.ranges, self.state.all_ranges as usize)
        };
        let shared = self.state.shared_ranges as usize;
        let nearest = ranges
            .iter()
            .enumerate()
            .filter(|(_, range)| range.begin < range.end)
            .map(|(index, range)| (index, at < range.begin, gap(range, at)))
            .min_by_key(|(.., bytes)| *bytes);
        match nearest {
            Some((index, before, bytes)) if bytes < 1 << 30 => fault::Place::Beside {
                variable: if index < shared { index } else { index - shared },
                shared: index < shared,
                before,
                bytes,
            },
            _ => fault::Place::Nowhere,
        }
    }
}

/// Bytes from a variable to an address outside of it.
fn gap(range: &Range, at: usize) -> usize {
    range.begin.saturating_sub(at) + at.saturating_sub(range.end)
}

/// The running thread waits.
///
/// # Safety
/// A fibre's call, with no reference to the desk alive.
unsafe fn suspend(wait: Wait) {
    // SAFETY: the desk stands while a dispatch runs, and the fibre that runs is the one whose yielder this is.
    unsafe {
        let thread = (*desk()).state.thread as usize;
        let yielder = (&(*desk()).yielders)[thread];
        (*yielder).suspend(wait);
    }
}

/// The running thread has come to its end.
///
/// # Safety
/// As [`suspend`].
unsafe fn fail(cause: Cause) {
    // SAFETY: as the caller says.
    unsafe {
        (*desk()).cause = Some(cause);
        suspend(Wait::Fault);
    }
}

extern "C" fn barrier(flags: u32, line: u32) {
    // SAFETY: called by the fibre that runs.
    unsafe { suspend(Wait::Barrier { flags, line }) };
}

extern "C" fn exchange(mine: *const u8, bytes: u32, what: u32, line: u32) -> *const u8 {
    let size = bytes as usize;
    assert!(size <= EXCHANGE_BYTES, "an exchange of {size} bytes");
    // SAFETY: called by the fibre that runs; the slots hold the bytes of all lanes, and stand until the dispatch ends.
    unsafe {
        let slots = {
            let desk = &mut *desk();
            let slots = desk.slots();
            let (lane, first) = (desk.state.lane as usize, desk.state.thread - desk.state.lane);
            let threads = desk.parity.len() as u32;
            // Lanes that the last SIMD group lacks.
            for lane in (threads - first).min(desk.lanes) as usize..desk.lanes as usize {
                slots.add(lane * size).write_bytes(POISON, size);
            }
            slots.add(lane * size).copy_from_nonoverlapping(mine, size);
            slots
        };
        suspend(Wait::Lanes { what, line });
        slots
    }
}

/// Where the shared object begins that an address lies in.
fn object_of(address: usize) -> Option<usize> {
    kernel::found(address).map(|found| found.dli_fbase as usize)
}

extern "C" fn outside(at: usize, bytes: u32, how: u32, code: usize) {
    // SAFETY: called by the fibre that runs.
    unsafe {
        // Tables of constants are in the kernel's object.
        let entry = (*desk()).entry.map(|entry| entry as usize);
        if how == READ && entry.is_some_and(|entry| object_of(entry) == object_of(at)) {
            return;
        }
        let place = (*desk()).place(at);
        fail(Cause::Outside { thread: (*desk()).state.thread, at: place, bytes, how, code });
    }
}

extern "C" fn touch(at: usize, bytes: u32, how: u32, code: usize) {
    // SAFETY: called by the fibre that runs.
    unsafe {
        let thread = (*desk()).state.thread;
        let race = {
            let races = &mut (*desk()).races;
            races.as_mut().and_then(|races| races.touch(at, bytes as usize, how, thread))
        };
        if let Some((other, variable, byte)) = race {
            fail(Cause::Race { threads: [thread, other], variable, byte, how, code });
        }
    }
}

extern "C" fn disagree(what: u32, line: u32) {
    // SAFETY: called by the fibre that runs.
    unsafe { fail(Cause::Disagree { thread: (*desk()).state.thread, what, line }) };
}
