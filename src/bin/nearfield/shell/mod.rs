//! What the commands share: how they fail, print, show progress, write files, and open what they work on.
//!
//! Each file uses only those above it in this list, and the arguments.

pub mod stop;

pub mod failure;

pub mod call_time;
pub mod clock;
pub mod number;
pub mod print;
pub mod progress;

pub mod device;
pub mod random;
pub mod settings;

pub mod labels;
pub mod metric;
pub mod saved;
pub mod scaled;

pub mod hit_lines;
pub mod output;
pub mod row_filter;
pub mod sample;
pub mod searched;
pub mod skipped;
pub mod suspect;

pub mod base;
pub mod points;
pub mod source;
pub mod target;

pub mod inputs;
pub mod totals;

pub mod summary;
