//! `nearfield tune`: measures the shapes that device profiles choose, on the machine at hand, and writes a profile.
//!
//! Every candidate is a device of its own, opened with its settings, that first has to answer a small search as f64 does
//! and to the bit as the others do; then it is timed on the same rows as they.
//!
//! Each file uses only those above it in this list.

mod values;

mod choose;
mod data;
mod load;
mod shapes;
mod table;

mod trial;

mod sweep;

mod tuner;

mod calibrate;
mod limit;
mod lists;
mod matrices;
mod submissions;
mod tiles;

mod codes;
mod graphs;

mod steps;

mod file;
mod report;

mod run;

pub use run::run;
