//! Why a command ends with another status than 0.

use super::stop;
use nearfield::Error;
use std::fmt;
use std::path::Path;

pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// What goes to stderr, by the exit status that follows.
#[derive(Debug)]
pub enum Failure {
    /// The arguments are wrong, by themselves or for these files: status 2.
    Usage(String),
    /// Anything else: status 1.
    Work(String),
    /// A signal: status 128 and its number.
    Stopped,
    /// Nobody reads stdout any more, and nothing else is left that anybody would have: status 0, and silence.
    Unheard,
}

impl Failure {
    pub fn status(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Work(_) => 1,
            Failure::Stopped => stop::status().unwrap_or(1),
            Failure::Unheard => 0,
        }
    }

    /// An error about rows of a file, with its name; the rows of the call began at `first_row`.
    pub fn about(file: &Path, first_row: u64, error: Error) -> Failure {
        let file = file.display();
        match error {
            Error::NonFinite { row, column } => {
                let error = Error::NonFinite { row: first_row + row, column };
                Failure::Work(format!("{file}: {error}; --skip-nan skips such rows"))
            }
            Error::InvalidValue { row, column, reason } => {
                let error = Error::InvalidValue { row: first_row + row, column, reason };
                Failure::Work(format!("{file}: {error}"))
            }
            Error::LossyConversion { .. } => Failure::Work(format!("{file}: {error}")),
            other => other.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Names of the library's arguments say nothing here, unless they are those of options or variables.
            Error::InvalidArgument { argument, reason } => Failure::Usage(match argument {
                "k" => format!("-k: {reason}"),
                "radius" | "scale" | "metric" | "adapter" => format!("--{argument}: {reason}"),
                "memory_budget" => format!("--memory-budget: {reason}"),
                "certify" | "nprobe" | "fill" | "prove" => format!("--param {argument}: {reason}"),
                "ivf" => format!("--param nprobe: {reason}"),
                "ef" | "max_steps" => format!("--param {argument}: {reason}"),
                "graph" => format!("--param efSearch: {reason}"),
                "k_factor" | "refine" => format!("--param k_factor: {reason}"),
                "approximate" => format!("--nlist: {reason}"),
                "path" | "dtype" | "bits" | "bytes" | "rows" | "files" => reason,
                other => format!("{other}: {reason}"),
            }),
            Error::Unsupported { .. } => Failure::Usage(error.to_string()),
            // Nothing but a signal cancels.
            Error::Cancelled => Failure::Stopped,
            _ => Failure::Work(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Usage(message) | Failure::Work(message) => message,
            Failure::Stopped => "stopped by a signal, so no file was written",
            Failure::Unheard => "nobody reads the output",
        })
    }
}
