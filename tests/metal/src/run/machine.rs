//! Runs the threads of a workgroup: fibres that take turns, in an order from the seed.

use super::desk::{Desk, desk};
use super::fault::Cause;
use super::state::Range;
use super::wait::Wait;
use corosensei::stack::{DefaultStack, Stack as _};
use corosensei::trap::CoroutineTrapHandler;
use corosensei::{Coroutine, CoroutineResult};
use fastrand::Rng;

/// Kernels that are unrolled over hundreds of lines have large frames.
const STACK_BYTES: usize = 256 << 10;

/// Orders to choose from: drawing one for each turn would cost more than the turn.
const ORDERS: usize = 16;

/// A thread's stack, and the thread that runs on it: one workgroup's after the other.
struct Fibre {
    coroutine: Coroutine<(), Wait, (), DefaultStack>,
    stack: Range,
}

impl Fibre {
    fn new(thread: usize) -> Result<Fibre, String> {
        let stack = DefaultStack::new(STACK_BYTES).map_err(|e| format!("a stack: {e}"))?;
        let range = Range { begin: stack.limit().get(), end: stack.base().get() };
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            loop {
                // SAFETY: the machine's desk outlives its fibres, and one of them runs at a time.
                let entry = unsafe {
                    let desk = &mut *desk();
                    desk.yielders[thread] = yielder;
                    desk.entry
                };
                if let Some(entry) = entry {
                    entry();
                }
                yielder.suspend(Wait::Done);
            }
        });
        Ok(Fibre { coroutine, stack: range })
    }
}

pub struct Machine {
    fibres: Vec<Fibre>,
    traps: Vec<CoroutineTrapHandler<()>>,
    waits: Vec<Wait>,
    orders: Vec<Vec<u32>>,
}

// SAFETY: what fibres have on their stacks is this module's and the kernels', and belongs to no thread of the host.
unsafe impl Send for Machine {}

impl Machine {
    pub const fn new() -> Machine {
        Machine { fibres: Vec::new(), traps: Vec::new(), waits: Vec::new(), orders: Vec::new() }
    }

    /// Makes ready for workgroups of so many threads.
    pub fn prepare(&mut self, threads: usize, random: &mut Rng) -> Result<(), String> {
        while self.fibres.len() < threads {
            let fibre = Fibre::new(self.fibres.len())?;
            self.traps.push(fibre.coroutine.trap_handler());
            self.fibres.push(fibre);
        }
        let shuffled = |_| {
            let mut order: Vec<u32> = (0..threads as u32).collect();
            random.shuffle(&mut order);
            order
        };
        self.orders = (0..ORDERS).map(shuffled).collect();
        self.waits = vec![Wait::Ready; threads];
        Ok(())
    }

    /// Of each thread, until one has a fault.
    pub fn traps(&self) -> *const CoroutineTrapHandler<()> {
        self.traps.as_ptr()
    }

    /// One workgroup, to its end.
    pub fn workgroup(&mut self, desk: *mut Desk, random: &mut Rng) -> Result<(), Cause> {
        self.waits.fill(Wait::Ready);
        loop {
            let order = &self.orders[random.usize(..ORDERS)];
            for &thread in order {
                if self.waits[thread as usize] != Wait::Ready {
                    continue;
                }
                let fibre = &mut self.fibres[thread as usize];
                // SAFETY: no fibre runs now.
                unsafe { (*desk).enter(thread, fibre.stack) };
                let wait = match fibre.coroutine.resume(()) {
                    CoroutineResult::Yield(wait) => wait,
                    // It does so where the processor stopped it alone.
                    CoroutineResult::Return(()) => Wait::Fault,
                };
                self.waits[thread as usize] = wait;
                if wait == Wait::Fault {
                    self.abandon();
                    // SAFETY: as above.
                    let cause = unsafe { (*desk).cause.take() };
                    return Err(cause.unwrap_or(Cause::Stuck(Vec::new())));
                }
            }
            if self.waits.iter().all(|wait| *wait == Wait::Done) {
                return Ok(());
            }
            // SAFETY: as above.
            if !unsafe { self.release(&mut *desk) } {
                let waits = std::mem::take(&mut self.waits);
                self.abandon();
                return Err(Cause::Stuck(waits));
            }
        }
    }

    /// Lets those go on whose meeting is complete. Whether there were any.
    fn release(&mut self, desk: &mut Desk) -> bool {
        let first = self.waits[0];
        if let Wait::Barrier { flags, .. } = first
            && self.waits.iter().all(|wait| *wait == first)
        {
            desk.passed_barrier(flags);
            self.waits.fill(Wait::Ready);
            return true;
        }
        let mut any = false;
        for (simdgroup, lanes) in self.waits.chunks_mut(desk.lanes as usize).enumerate() {
            let first = lanes[0];
            if let Wait::Lanes { what, .. } = first
                && lanes.iter().all(|wait| *wait == first)
            {
                desk.passed_exchange(simdgroup, what);
                lanes.fill(Wait::Ready);
                any = true;
            }
        }
        any
    }

    /// Forgets threads that are in the middle of a kernel.
    fn abandon(&mut self) {
        for fibre in &mut self.fibres {
            // SAFETY: what is on the stack is the kernel's code, which owns nothing, and a loop above it.
            unsafe { fibre.coroutine.force_reset() };
        }
        self.fibres.clear();
        self.traps.clear();
    }
}
