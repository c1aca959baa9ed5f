//! What `range` takes.

use super::common::Common;
use super::numbers::number;
use clap::Args;

#[derive(Args)]
pub struct RangeArgs {
    /// Keep distances below, similarities above it; for l2 a squared distance. `inf` and `-inf` keep every row that is a hit, or none
    #[arg(
        long,
        value_name = "R",
        display_order = 0,
        allow_hyphen_values = true,
        value_parser = number
    )]
    pub radius: f64,
    #[command(flatten)]
    pub common: Common,
}
