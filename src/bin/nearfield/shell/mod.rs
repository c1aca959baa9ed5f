//! What the commands share: how they fail, print, show progress, write files, and open what they work on.

pub mod clock;
pub mod custom;
pub mod failure;
pub mod inputs;
pub mod output;
pub mod progress;
pub mod report;
pub mod searched;
pub mod totals;
pub mod uniform;
