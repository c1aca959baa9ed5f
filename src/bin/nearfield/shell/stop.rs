//! SIGINT, SIGTERM and SIGHUP: the work is cancelled, the unfinished files go, and the exit status names the signal.
//!
//! Calls of the library end at their next submission, streams of rows at their next block. Work that has not ended a second
//! later, since it asks nobody, or is told again to end, ends where it is. Files that are taking their names finish that; then the
//! work is done, and the exit status 0.

use nearfield::format::AtomicFile;
use nearfield::{CancelToken, Error};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
#[cfg(unix)]
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// How often it is asked for signals.
const PAUSE: Duration = Duration::from_millis(10);
/// How long work has to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// The work goes on.
const WORKING: usize = 0;
/// All work is done but the names of the files, which come at once: a signal waits for that.
const NAMING: usize = usize::MAX;

/// One of these two, or the number of the signal that ended the work.
static STATE: AtomicUsize = AtomicUsize::new(WORKING);
/// A third: the files have their names, and all that is left is to say so, which a signal may end, but not the work.
const NAMED: usize = NAMING - 1;
static TOKEN: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);

/// Begins to listen.
pub fn listen() -> io::Result<()> {
    let raised = Arc::new(AtomicUsize::new(0));
    for signal in signals() {
        signal_hook::flag::register_usize(signal, Arc::clone(&raised), signal as usize)?;
    }
    // Where a file may not grow any further its write fails then, which leaves no other file behind.
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        let mut deadline: Option<Instant> = None;
        loop {
            std::thread::sleep(PAUSE);
            let state = STATE.load(Ordering::SeqCst);
            if state == NAMING {
                continue;
            }
            let signal = raised.swap(0, Ordering::SeqCst);
            if deadline.is_some_and(|deadline| signal > 0 || Instant::now() > deadline) {
                AtomicFile::abandon_all();
                // Destructors of a driver whose threads are at work may crash.
                signal_hook::low_level::exit(status().unwrap_or(0).into());
            }
            if signal == 0 {
                continue;
            }
            if set(WORKING, signal) {
                TOKEN.cancel();
            } else if state != NAMED {
                // The naming has just begun. One that came meanwhile is as good.
                let _ = raised.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
                continue;
            }
            deadline = Some(Instant::now() + GRACE);
        }
    })?;
    Ok(())
}

fn signals() -> Vec<i32> {
    let mut all = vec![SIGINT, SIGTERM];
    #[cfg(unix)]
    if !ignores_hangup() {
        all.push(signal_hook::consts::SIGHUP);
    }
    all
}

/// Whether whoever started the program has it outlive a hang-up, as `nohup` does: listening would undo that.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        Some(mask) => mask & 1 << (signal_hook::consts::SIGHUP - 1) != 0,
        // Elsewhere a program with no terminal to lose is taken for one.
        None => !(io::stdout().is_terminal() || io::stderr().is_terminal()),
    }
}

fn set(from: usize, to: usize) -> bool {
    STATE.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

/// Cancels calls of the library when a signal comes.
pub fn token() -> CancelToken {
    TOKEN.clone()
}

/// `Err(Cancelled)` once one came.
pub fn check() -> nearfield::Result<()> {
    if TOKEN.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

/// The exit status of a program that a signal ended, once one did.
pub fn status() -> Option<u8> {
    let signal = u8::try_from(STATE.load(Ordering::SeqCst)).ok();
    signal.filter(|&signal| usize::from(signal) != WORKING).map(|signal| 128 + signal)
}

/// Gives files their names, all of them or none, and removes the files `gone` of an earlier run with them. A signal that comes
/// before, while the files are synced or wait for another process, leaves none; one that comes later leaves all.
pub fn name(
    files: impl IntoIterator<Item = AtomicFile>,
    gone: impl IntoIterator<Item = std::path::PathBuf>,
) -> nearfield::Result<()> {
    let ready = AtomicFile::ready_all(files, gone, &mut check)?;
    naming(|| ready.finish())
}

/// Gives files their names by `finish`, which should be short: a signal that comes meanwhile waits for it.
pub fn naming(finish: impl FnOnce() -> nearfield::Result<()>) -> nearfield::Result<()> {
    if !set(WORKING, NAMING) && !set(NAMED, NAMING) {
        return Err(Error::Cancelled);
    }
    let outcome = finish();
    STATE.store(if outcome.is_ok() { NAMED } else { WORKING }, Ordering::SeqCst);
    outcome
}
