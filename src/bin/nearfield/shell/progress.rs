//! Progress on stderr, for whatever takes longer than a second: a bar on a terminal, now and then a line elsewhere.

use super::print;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const SILENCE: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(100);
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// What is being done and how far it is. A thread of its own shows it, so that a long call without news shows, too.
pub struct Progress {
    shared: Arc<Shared>,
    shower: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

#[derive(Default)]
struct Shared {
    /// Its name, and when it began.
    phase: Mutex<Option<(String, Instant)>>,
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Shows nothing where `quiet`.
    pub fn start(quiet: bool) -> Progress {
        let shared = Arc::<Shared>::default();
        let shown = Arc::clone(&shared);
        let shower = (!quiet).then(|| {
            let (stop, stopped) = channel();
            (stop, std::thread::spawn(move || show(&shown, &stopped)))
        });
        Progress { shared, shower: Mutex::new(shower) }
    }

    /// Begins a part of the work: `total` steps, or 0 where that is unknown.
    pub fn phase(&self, name: &str, total: u64) {
        self.shared.done.store(0, Ordering::Relaxed);
        self.shared.total.store(total, Ordering::Relaxed);
        let mut phase = self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = Some((name.to_owned(), Instant::now()));
    }

    /// Shows nothing any more, and leaves nothing on a terminal.
    pub fn hide(&self) {
        let mut shower = self.shower.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stop, thread)) = shower.take() {
            drop(stop);
            // It only writes to stderr; if it failed at that, nobody could be told.
            let _ = thread.join();
        }
    }

    /// So many steps are done.
    pub fn set(&self, done: u64) {
        self.shared.done.store(done, Ordering::Relaxed);
    }

    /// Takes the share of steps `start..end` that is done.
    pub fn reporter(&self, start: u64, end: u64) -> Arc<dyn Fn(f64) + Send + Sync> {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |share| {
            let within = (end - start) as f64 * share.clamp(0.0, 1.0);
            shared.done.store(start + within as u64, Ordering::Relaxed);
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}

fn show(shared: &Shared, stopped: &Receiver<()>) {
    let (begin, timed_out) = (Instant::now(), Err(RecvTimeoutError::Timeout));
    if stopped.recv_timeout(SILENCE) != timed_out {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{msg} {bar:40} {percent:>3} % {elapsed} (left {eta})";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    loop {
        let now = shared.phase.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (phase, began) = now.unwrap_or_else(|| (String::new(), begin));
        let done = shared.done.load(Ordering::Relaxed);
        let total = shared.total.load(Ordering::Relaxed);
        if bar.is_hidden() {
            let seconds = begin.elapsed().as_secs();
            let share = match total {
                0 => String::new(),
                _ => format!(" {} %,", done.min(total) * 100 / total),
            };
            print::to_stderr(format_args!("{phase}:{share} {seconds} s"));
        } else {
            let rate = rate(done, total, began.elapsed());
            bar.set_message(format!("{phase}{rate}"));
            bar.set_length(total.max(1));
            bar.set_position(done);
        }
        let pause = if bar.is_hidden() { BETWEEN_LINES } else { REDRAW };
        if stopped.recv_timeout(pause) != timed_out {
            break;
        }
    }
    bar.finish_and_clear();
}

/// Steps a second since the part began, where there are steps.
fn rate(done: u64, total: u64, since: Duration) -> String {
    if total == 0 || done == 0 || since.is_zero() {
        return String::new();
    }
    format!(", {:.0}/s", done.min(total) as f64 / since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_part() {
        let second = Duration::from_secs(1);
        assert_eq!(
            (rate(300, 1000, second * 2), rate(9, 8, second)),
            (", 150/s".into(), ", 8/s".into())
        );
        assert_eq!(
            [rate(0, 8, second), rate(5, 0, second), rate(1, 8, Duration::ZERO)],
            ["", "", ""]
        );
    }
}
