//! Lines on the two standard streams.

use super::failure::{Failure, Result};
use std::fmt;
use std::io::{self, Write};

/// One line on stderr. That nobody reads it is no reason to fail.
pub fn to_stderr(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Lines on stdout. A pipe that nobody reads any more, as `| head` leaves it, is [`Failure::Unheard`].
pub fn to_stdout(lines: fmt::Arguments<'_>) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{lines}").and_then(|()| out.flush());
    written.map_err(|e| match e.kind() {
        io::ErrorKind::BrokenPipe => Failure::Unheard,
        _ => Failure::Work(format!("stdout: {e}")),
    })
}
