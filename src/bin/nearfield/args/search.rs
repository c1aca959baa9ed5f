//! What `search` takes.

use super::common::Common;
use clap::Args;

#[derive(Args)]
pub struct SearchArgs {
    /// How many neighbours, also beyond the number of rows; at most 67108864, the longest row that a file here may have
    ///
    /// Places of the files of --out without a hit have the id -1 and the distance 3.4028235e38, of similarities -3.4028235e38.
    #[arg(short, value_name = "K", display_order = 0, value_parser = clap::value_parser!(u64).range(1..=1 << 26))]
    pub k: u64,
    /// Leave out the certificate that no neighbour is missed; distances stay exact
    ///
    /// Which rows are missed depends on the data, the batch and the kernel. Where all rows lie close together and far from the
    /// origin that can be any of them.
    #[arg(long)]
    pub fast: bool,
    #[command(flatten)]
    pub common: Common,
}
