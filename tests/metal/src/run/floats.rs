//! Whether the processor flushes subnormals, as Metal's default does.

use std::arch::asm;

/// Flushes while it stands.
pub struct Floats {
    before: u64,
}

impl Floats {
    pub fn set(flush: bool) -> Floats {
        let before = control();
        if flush {
            set_control(before | FLUSH);
        }
        Floats { before }
    }
}

impl Drop for Floats {
    fn drop(&mut self) {
        set_control(self.before);
    }
}

/// Of results and of operands.
#[cfg(target_arch = "x86_64")]
const FLUSH: u64 = 1 << 15 | 1 << 6;
#[cfg(target_arch = "aarch64")]
const FLUSH: u64 = 1 << 24;

#[cfg(target_arch = "x86_64")]
fn control() -> u64 {
    let mut control = 0_u32;
    // SAFETY: it stores the register there.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack)) };
    control.into()
}

#[cfg(target_arch = "x86_64")]
fn set_control(control: u64) {
    let control = control as u32;
    // SAFETY: only the bits that flush differ from what the register held, and no Rust code computes in floats meanwhile.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack)) };
}

#[cfg(target_arch = "aarch64")]
fn control() -> u64 {
    let control: u64;
    // SAFETY: it reads a register.
    unsafe { asm!("mrs {}, fpcr", out(reg) control, options(nostack, nomem)) };
    control
}

#[cfg(target_arch = "aarch64")]
fn set_control(control: u64) {
    // SAFETY: as on x86-64.
    unsafe { asm!("msr fpcr, {}", in(reg) control, options(nostack, nomem)) };
}
