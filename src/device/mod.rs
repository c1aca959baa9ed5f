//! The GPU: adapter choice, what it can do, its profile, its memory, and its loss.

mod adapter;
mod backend;
mod bounds;
mod builder;
mod cache_dir;
mod caps;
mod completion;
mod coop;
mod driver_help;
mod gpu;
mod health;
mod heap;
mod memory;
mod open;
mod options;
mod poller;
mod probe;
mod profile;
mod profile_file;
mod profiles;
mod timing;
mod traffic;
mod variables;
mod wait;

pub use adapter::AdapterSummary;
pub use backend::{Backend, DeviceType};
pub use builder::GpuBuilder;
pub use caps::Caps;
pub(crate) use completion::Completion;
pub use coop::CoopShape;
pub use gpu::Gpu;
pub(crate) use memory::Ledger;
pub use memory::{LabelUse, MemoryReport};
pub use profile::Profile;
pub(crate) use timing::PassTimer;
