//! What ends a kernel, in words.

use super::kernel::Kernel;
use super::state::{ATOMIC, TOGETHER, WRITE};
use super::trap;
use super::wait::Wait;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};

/// What a thread or the scheduler found.
#[derive(Debug)]
pub enum Cause {
    /// Not every thread or lane reached the same barrier or exchange: what each waits for.
    Stuck(Vec<Wait>),
    Outside {
        thread: u32,
        at: Place,
        bytes: u32,
        how: u32,
        code: usize,
    },
    Race {
        threads: [u32; 2],
        variable: usize,
        byte: usize,
        how: u32,
        code: usize,
    },
    /// By the processor.
    Stopped {
        thread: u32,
        signal: i32,
        code: usize,
    },
    Disagree {
        thread: u32,
        what: u32,
        line: u32,
    },
}

/// Where an address lies that no dispatch may touch.
#[derive(Debug)]
pub enum Place {
    /// So many bytes before the nearest variable (a workgroup variable or a buffer), or beyond its end.
    Beside {
        variable: usize,
        shared: bool,
        before: bool,
        bytes: usize,
    },
    Nowhere,
}

/// A fault and where it was found.
#[derive(Debug)]
pub struct Fault {
    message: String,
}

impl Fault {
    pub fn new(kernel: &Kernel, group: [u32; 3], cause: &Cause) -> Fault {
        let mut message = format!("kernel {}, workgroup {group:?}: ", kernel.about.name);
        match cause {
            Cause::Stuck(waits) => stuck(&mut message, kernel, waits),
            Cause::Outside { thread, at, bytes, how, code } => {
                let line = kernel.line_of(*code);
                let _ = write!(
                    message,
                    "thread {thread} {} {bytes} bytes {at}{}",
                    verb(*how),
                    kernel.quote(line)
                );
            }
            Cause::Race { threads: [one, other], variable, byte, how, code } => {
                let line = kernel.line_of(*code);
                let _ = write!(
                    message,
                    "a race: thread {one} {} byte {byte} of workgroup variable {variable}, which thread {other} touched since the \
                     last barrier{}",
                    verb(*how),
                    kernel.quote(line)
                );
            }
            Cause::Stopped { thread, signal, code } => {
                let (what, line) = (trap::words(*signal), kernel.line_of(*code));
                let _ = write!(message, "thread {thread} {what}{}", kernel.quote(line));
            }
            Cause::Disagree { thread, what, line } => {
                let what = TOGETHER[*what as usize];
                let _ = write!(
                    message,
                    "{what}: lane of thread {thread} has another pointer, stride or order than the rest{}",
                    kernel.quote(Some(*line))
                );
            }
        }
        Fault { message }
    }
}

impl Fault {
    /// The host could not run it.
    pub fn of_host(kernel: &Kernel, message: String) -> Fault {
        Fault { message: format!("kernel {}: {message}", kernel.about.name) }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Place::Beside { variable, shared, before, bytes } => {
                let kind = if *shared { "workgroup variable" } else { "buffer" };
                let side = if *before { "before" } else { "beyond the end of" };
                write!(f, "{bytes} bytes {side} {kind} {variable}")
            }
            Place::Nowhere => f.write_str("outside of every buffer and workgroup variable"),
        }
    }
}

fn verb(how: u32) -> &'static str {
    match how {
        WRITE => "writes",
        ATOMIC => "changes by an atomic operation",
        _ => "reads",
    }
}

/// Groups the threads by what they wait for.
fn stuck(message: &mut String, kernel: &Kernel, waits: &[Wait]) {
    let mut kinds: BTreeMap<Wait, Vec<usize>> = BTreeMap::new();
    for (thread, wait) in waits.iter().enumerate() {
        kinds.entry(*wait).or_default().push(thread);
    }
    let _ = write!(message, "its {} threads do not meet", waits.len());
    for (wait, threads) in kinds {
        let what = match wait {
            Wait::Barrier { .. } => "wait at a barrier",
            Wait::Lanes { what, .. } => &format!("wait at {}", TOGETHER[what as usize]),
            Wait::Done => "have ended",
            Wait::Ready | Wait::Fault => "run",
        };
        let _ = write!(
            message,
            "\n  {} {what}: {}{}",
            threads.len(),
            spans(&threads),
            kernel.quote(wait.line())
        );
    }
}

/// "0 to 31, 40".
fn spans(threads: &[usize]) -> String {
    let mut text = String::new();
    for run in threads.chunk_by(|a, b| a + 1 == *b) {
        let comma = if text.is_empty() { "" } else { ", " };
        let (first, last) = (run[0], run[run.len() - 1]);
        let _ = if first == last {
            write!(text, "{comma}{first}")
        } else {
            write!(text, "{comma}{first} to {last}")
        };
    }
    text
}
