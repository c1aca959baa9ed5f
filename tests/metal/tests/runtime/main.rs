//! The GPU that runs Metal's code, itself under test: what it computes, what it finds, what an application has of it.

mod cache;
mod common;
mod device;
mod faults;
mod functions;
