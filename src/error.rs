//! One error type for the whole crate.

use std::fmt;
use std::path::{Path, PathBuf};

/// Shorthand for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, with the number that was needed and the number there was.
///
/// An operation that returns an error has changed nothing: an index is as it was before the call.
///
/// The text of an error is all there is to say, that of the system's error in [`Io`](Error::Io) included. So
/// [`source`](std::error::Error::source) is always `None`, and whoever prints a chain of errors prints nothing twice.
///
/// `Debug` prints the same text as `Display`, since that is what a program shows whose `main` returns a [`Result`].
///
/// # Example
/// ```
/// use nearfield::{Error, format};
/// match format::open("no such file.npy", None) {
///     Err(Error::Io { file, error }) => println!("{}: {:?}", file.display(), error.kind()),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No adapter answered, or none matched what was asked for.
    #[error("no GPU adapter{wanted}: {help}")]
    NoAdapter {
        /// What was asked for (`" matching \"radv\""`), empty when nothing was.
        wanted: String,
        /// How to get a driver on this system.
        help: String,
    },
    /// The device was lost: a driver reset, an unplugged GPU, a watchdog. Build a new [`Gpu`](crate::Gpu).
    #[error("the device was lost: {reason}")]
    DeviceLost {
        /// What the driver said.
        reason: String,
    },
    /// The request does not fit in what is left of the memory budget
    /// ([`memory_budget`](crate::GpuBuilder::memory_budget)), or the driver had no memory. Of rows that do not fit the text names
    /// [`StreamedFlat`](crate::StreamedFlat).
    #[error(
        "out of device memory: {requested} bytes requested for {what}, {in_use} in use, budget {budget}{}",
        instead(what)
    )]
    OutOfDeviceMemory {
        /// The label of the buffer.
        what: String,
        /// Bytes asked for.
        requested: u64,
        /// Bytes in use, pooled buffers included.
        in_use: u64,
        /// The budget of the [`Gpu`](crate::Gpu).
        budget: u64,
    },
    /// A limit of the adapter or of a format is too small for the request.
    #[error("{what}: {needed} needed, {limit} is the limit")]
    LimitExceeded {
        /// Which limit.
        what: String,
        /// What the request needs.
        needed: u64,
        /// What there is.
        limit: u64,
    },
    /// A feature of wgpu's that every kernel needs is missing.
    #[error("{feature} is missing: {help}")]
    MissingFeature {
        /// The feature, as wgpu names it.
        feature: String,
        /// What to do about it.
        help: &'static str,
    },
    /// Rows of another dimension than what they are for.
    #[error("dimension mismatch: expected {expected}, got {actual}")]
    DimensionMismatch {
        /// The dimension of the index, or of the file.
        expected: usize,
        /// That of the rows.
        actual: usize,
    },
    /// A slice that ends in the middle of a row.
    #[error("{}", partial(*len, *dim, *packed))]
    PartialRow {
        /// Elements in the slice, or its bytes where it is of [`packed`](Error::PartialRow::packed) bits.
        len: usize,
        /// Elements of a row, or its bits.
        dim: usize,
        /// Whether rows are packed bits, of which each begins a byte.
        packed: bool,
    },
    /// NaN or infinity where the metric has no answer for it.
    #[error("row {row}, column {column} is not finite")]
    NonFinite {
        /// Row, counted from 0 in the data of this call.
        row: u64,
        /// Column, counted from 0.
        column: usize,
    },
    /// A finite value that the metric does not allow.
    #[error("row {row}, column {column}: {reason}")]
    InvalidValue {
        /// Row, counted from 0 in the data of this call.
        row: u64,
        /// Column, counted from 0.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// So many rows of a file change so much of their length when they become another type that the answers would be those of
    /// other data; see [`Conversion::force`](crate::format::Conversion#structfield.force).
    #[error(
        "row {first_row} is the first of {} that change by more than {percent} % of their length \
         as {dtype}{}: {instead}; --force, Conversion::force, takes them as they are",
        found(*changed, *rows),
        times(*scale)
    )]
    LossyConversion {
        /// The name of the type that they become.
        dtype: &'static str,
        /// The first of them.
        first_row: u64,
        /// How many were found before the rest was not looked at any more.
        changed: u64,
        /// Rows in the file.
        rows: u64,
        /// What they are multiplied by before they are rounded.
        scale: f32,
        /// How much of its length a row may change: 1 without a scale, 10 with one.
        percent: u32,
        /// What to choose instead.
        instead: &'static str,
    },
    /// An argument outside its range.
    #[error("{argument}: {reason}")]
    InvalidArgument {
        /// Its name.
        argument: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The index has to [`train`](crate::Index::train) before rows are added or searched for.
    #[error("the index is not trained: train it with a sample of its rows first")]
    NotTrained,
    /// The metric is not defined for this type of element, or an operation not for this index.
    #[error("{what} does not support {item}")]
    Unsupported {
        /// Who does not support it.
        what: String,
        /// What is not supported.
        item: String,
    },
    /// An id was added that is already there, or twice in one call.
    #[error("id {id} is there already, or twice in the call")]
    DuplicateId {
        /// The id.
        id: u64,
    },
    /// An id that is not in the index.
    #[error("id {id} is not in the index")]
    UnknownId {
        /// The id.
        id: u64,
    },
    /// A WGSL text does not compile. `line` and `column` count in the user's own text.
    #[error("shader, line {line}, column {column}: {message}")]
    Shader {
        /// Line, from 1; 0 where the compiler names none.
        line: u32,
        /// Column, from 1; 0 where the compiler names none.
        column: u32,
        /// The compiler's words, with the source beside them.
        message: String,
    },
    /// A device profile is malformed, or asks for more than the adapter has.
    #[error("{origin}: {reason}")]
    Profile {
        /// Who gave the value: a profile, a variable of the environment, or a call of
        /// [`setting`](crate::GpuBuilder::setting).
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// A file is not what its name or its header says.
    #[error("{}, at byte {offset}: {reason}", .file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// The operating system refused a file operation.
    #[error("{}: {error}", .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The call was cancelled through its [`CancelToken`](crate::CancelToken).
    #[error("cancelled")]
    Cancelled,
    /// Something that this crate should have prevented: an error of wgpu's, or a function of the caller's that panicked on one of
    /// its threads. If no function of yours did, please report it.
    #[error("internal error: {message}")]
    Internal {
        /// What happened, in wgpu's words if it was wgpu.
        message: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is wrong with a length. Of packed bits it is told in bytes, since a row takes more of them than its bits fill.
fn partial(len: usize, dim: usize, packed: bool) -> String {
    let (what, why) = if packed {
        ("bytes", format!("a row of {dim} bits takes {} bytes", dim.div_ceil(8)))
    } else {
        ("elements", format!("{len} is no multiple of {dim}"))
    };
    format!("{len} {what} are no whole number of rows: {why}")
}

/// How many rows were found of all.
fn found(changed: u64, rows: u64) -> String {
    if changed >= rows {
        format!("{rows} rows, all there are,")
    } else {
        format!("{changed} or more rows, of {rows},")
    }
}

/// The scale as part of a sentence, where there is one.
fn times(scale: f32) -> String {
    if scale == 1.0 { String::new() } else { format!(" times {scale}") }
}

/// What to do where there is no memory for `what`.
fn instead(what: &str) -> &'static str {
    match what {
        "matrix" | "rows" | "bias" | "scale" | "bin norms" => {
            ": it needs a larger memory budget, or rows that stay in host memory and are searched by StreamedFlat, in larger \
             budgets than this"
        }
        _ => ": the memory budget is too small for this call",
    }
}

impl Error {
    pub(crate) fn argument(argument: &'static str, reason: impl Into<String>) -> Self {
        Error::InvalidArgument { argument, reason: reason.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, item: impl Into<String>) -> Self {
        Error::Unsupported { what: what.into(), item: item.into() }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Error::Internal { message: message.into() }
    }

    /// Attaches the file to an I/O error.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Error, Result};
    /// fn labels(path: &str) -> Result<String> {
    ///     std::fs::read_to_string(path).map_err(|error| Error::io(path, error))
    /// }
    /// let error = labels("no/labels.txt").unwrap_err().to_string();
    /// assert!(error.contains("labels.txt"), "{error}");
    /// ```
    pub fn io(file: impl AsRef<Path>, error: std::io::Error) -> Self {
        Error::Io { file: file.as_ref().to_owned(), error }
    }

    pub(crate) fn format(file: impl Into<PathBuf>, offset: u64, reason: impl Into<String>) -> Self {
        Error::Format { file: file.into(), offset, reason: reason.into() }
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
