//! Lines on the two standard streams.

use super::failure::{Failure, Result};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

/// One line on stderr. That nobody reads it is no reason to fail.
pub fn to_stderr(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// One line for whoever sits at a terminal, and for no file or pipe.
pub fn to_terminal(line: fmt::Arguments<'_>) {
    if io::stderr().is_terminal() {
        to_stderr(line);
    }
}

/// What came of printing after `outputs` got their names: a failure says that they are there.
pub fn after(outputs: &[impl AsRef<Path>], printed: Result<()>) -> Result<()> {
    printed.map_err(|failure| match failure {
        Failure::Work(why) => {
            let names: Vec<_> =
                outputs.iter().map(|path| path.as_ref().display().to_string()).collect();
            Failure::Work(format!("{why}; the work is done, and written: {}", names.join(", ")))
        }
        other => other,
    })
}

/// Lines on stdout. A pipe that nobody reads any more, as `| head` leaves it, is [`Failure::Unheard`].
pub fn to_stdout(lines: fmt::Arguments<'_>) -> Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{lines}").and_then(|()| out.flush());
    written.map_err(refused)
}

/// What it means that stdout took no more.
pub fn refused(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Unheard,
        _ => Failure::Work(format!("stdout: {error}")),
    }
}
