//! A kernel that the processor stops has a fault like any other: its stack overflows, an index leaves an array of its own by far,
//! an integer is divided by zero.

use super::desk::desk;
use super::fault::Cause;
use corosensei::trap::TrapHandlerRegs;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];

/// What was done at each signal before.
static BEFORE: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// What the kernel did, by the signal that stopped it.
pub fn words(signal: c_int) -> &'static str {
    match signal {
        libc::SIGFPE => "divides an integer by zero, or the least one by -1",
        libc::SIGILL => "comes where the compiler saw that no correct program comes",
        _ => "leaves its stack: too many variables of its own, or an index outside of one of them",
    }
}

/// From now on the signals of kernels are faults; those of others are what they were.
pub fn install() {
    BEFORE.get_or_init(|| {
        SIGNALS.map(|signal| {
            // SAFETY: the struct is the system's own, of which all zeros is a value; the handler has the type that the flag
            // stands for.
            unsafe {
                let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
                let mut before = action;
                action.sa_sigaction = handle as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigaction(signal, &raw const action, &raw mut before);
                before
            }
        })
    });
}

extern "C" fn handle(signal: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system gives the context of what it interrupted, and that is a fibre if its stack pointer is on the stack of
    // the fibre that runs.
    unsafe {
        let context = &mut *context.cast::<libc::ucontext_t>();
        let (code, stack) = interrupted(context);
        let desk = desk();
        if !desk.is_null() {
            let thread = (*desk).state.thread;
            let trap = *(*desk).traps.add(thread as usize);
            if trap.stack_ptr_in_bounds(stack) {
                // As if it were the return address of a call.
                (*desk).cause = Some(Cause::Stopped { thread, signal, code: code + 1 });
                go_on(context, &trap.setup_trap_handler(|| ()));
                return;
            }
        }
        let place = SIGNALS.iter().position(|its| *its == signal);
        if let (Some(place), Some(before)) = (place, BEFORE.get()) {
            // The instruction is tried again, and stopped again.
            libc::sigaction(signal, &raw const before[place], ptr::null_mut());
        }
    }
}

/// Where the code and the stack were.
#[cfg(target_arch = "x86_64")]
fn interrupted(context: &libc::ucontext_t) -> (usize, usize) {
    let register = |name: c_int| context.uc_mcontext.gregs[name as usize] as usize;
    (register(libc::REG_RIP), register(libc::REG_RSP))
}

#[cfg(target_arch = "x86_64")]
fn go_on(context: &mut libc::ucontext_t, at: &TrapHandlerRegs) {
    let TrapHandlerRegs { rip, rsp, rbp, rdi, rsi } = *at;
    let registers = [
        (libc::REG_RIP, rip),
        (libc::REG_RSP, rsp),
        (libc::REG_RBP, rbp),
        (libc::REG_RDI, rdi),
        (libc::REG_RSI, rsi),
    ];
    for (name, value) in registers {
        context.uc_mcontext.gregs[name as usize] = value as i64;
    }
}

#[cfg(target_arch = "aarch64")]
fn interrupted(context: &libc::ucontext_t) -> (usize, usize) {
    (context.uc_mcontext.pc as usize, context.uc_mcontext.sp as usize)
}

#[cfg(target_arch = "aarch64")]
fn go_on(context: &mut libc::ucontext_t, at: &TrapHandlerRegs) {
    let TrapHandlerRegs { pc, sp, x0, x1, x29, lr } = *at;
    let machine = &mut context.uc_mcontext;
    (machine.pc, machine.sp) = (pc, sp);
    for (name, value) in [(0, x0), (1, x1), (29, x29), (30, lr)] {
        machine.regs[name] = value;
    }
}
