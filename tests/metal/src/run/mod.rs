//! Kernels on the processor: one dispatch at a time, one thread of the host.

mod desk;
mod fault;
mod floats;
mod kernel;
mod machine;
mod memory;
mod races;
mod state;
mod trap;
mod wait;

pub use fault::Fault;
pub use kernel::{Description, Kernel};
pub use memory::Memory;
pub use state::Range;

use crate::options::Options;
use desk::{Desk, set_desk};
use fastrand::Rng;
use floats::Floats;
use machine::Machine;
use memory::Workgroup;
use races::Races;
use std::sync::{Mutex, PoisonError};

/// Buffers that a kernel may have: Metal's 31.
pub const BUFFERS: usize = 31;

/// A kernel with all that it is called with.
pub struct Dispatch<'a> {
    pub kernel: &'a Kernel,
    pub groups: [u32; 3],
    /// By Metal's slots; those that are not bound are empty.
    pub buffers: [Range; BUFFERS],
}

/// Runs it to its end.
///
/// # Errors
/// A fault of the kernel.
pub fn run(dispatch: &Dispatch<'_>, options: &Options) -> Result<(), Fault> {
    // Kernels' objects have one pointer to the state of the machine each, so one dispatch runs at a time.
    static MACHINE: Mutex<Machine> = Mutex::new(Machine::new());
    let mut machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let kernel = dispatch.kernel;
    let [gx, gy, gz] = dispatch.groups.map(|count| count as usize);
    let threads = kernel.about.threads.iter().product::<u32>();
    let mut random = Rng::with_seed(options.seed);
    let broken = |message: String| Fault::of_host(kernel, message);
    machine.prepare(threads as usize, &mut random).map_err(broken)?;
    trap::install();
    let mut shared =
        Workgroup::new(&kernel.about.shared).ok_or_else(|| broken("no memory".to_owned()))?;
    let races = options.races.then(|| {
        Races::new(&shared.ranges, options.lanes, threads.div_ceil(options.lanes) as usize)
    });
    let mut matrix: [u32; 64] = std::array::from_fn(|element| element as u32);
    random.shuffle(&mut matrix);
    let mut ranges = shared.ranges.clone();
    ranges.extend(dispatch.buffers);
    let pointers = dispatch.buffers.map(|range| range.begin as *mut u8);
    let mut desk = Desk::new(options.lanes, kernel.about.threads, dispatch.groups, matrix, races);
    desk.state.ranges = ranges.as_ptr();
    desk.state.shared_ranges = shared.ranges.len() as u32;
    desk.state.all_ranges = ranges.len() as u32;
    desk.state.buffers = pointers.as_ptr();
    desk.state.shared = shared.pointers.as_ptr();
    desk.entry = Some(kernel.entry);
    desk.traps = machine.traps();
    let desk = &raw mut desk;
    set_desk(desk);
    // SAFETY: the pointer is the kernel's own, and the desk stands until the dispatch ends.
    unsafe { *kernel.state = &raw const (*desk).state };
    let floats = Floats::set(options.fast_math);
    let mut result = Ok(());
    let order = order(gx * gy * gz, &mut random);
    for index in order {
        let group = [index % gx, index / gx % gy, index / (gx * gy)].map(|place| place as u32);
        shared.poison();
        // SAFETY: no fibre runs now.
        unsafe {
            (*desk).state.group = group;
            (*desk).passed_barrier(u32::MAX);
        }
        if let Err(cause) = machine.workgroup(desk, &mut random) {
            result = Err(Fault::new(kernel, group, &cause));
            break;
        }
    }
    drop(floats);
    set_desk(std::ptr::null_mut());
    result
}

/// All of them, each once, in an order from the seed: by a step without a common divisor with their number.
fn order(count: usize, random: &mut Rng) -> impl Iterator<Item = usize> + use<> {
    let common = |mut a: usize, mut b: usize| {
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let mut step = random.usize(..count.max(1)).max(1);
    while common(step, count) > 1 {
        step += 1;
    }
    let first = random.usize(..count.max(1));
    (0..count).map(move |index| (first + index * step) % count)
}
