//! What of the rows of a file is read, and how.

use clap::Args;
use nearfield::format::{BitOrder, Conversion};

#[derive(Args)]
pub struct Reading {
    /// Read the first N rows of the file alone, or all where there are fewer; what lies behind them is not looked at, so that the
    /// beginning of a file whose end is missing can be used
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub first: Option<u64>,
    /// Skip rows with NaN or infinity, which most metrics refuse, and list them: on stderr, and in the JSON as `skipped`
    ///
    /// Rows keep their numbers. Queries that are skipped have no hits. `convert` leaves rows out. A base that is streamed is read once more
    /// before the search.
    #[arg(long)]
    pub skip_nan: bool,
    /// With --dtype bits: rows have N bits, where the last element of each is not full of them
    ///
    /// The bits behind them have to be 0. Rows of u8, as numpy.packbits makes them, have N / 8 elements, rounded up, those of u64 N / 64.
    /// Without it every bit of a row counts. Queries have as many as the base.
    #[arg(long, value_name = "N")]
    pub bits: Option<usize>,
    /// With --dtype bits: whether the lowest bit of a byte is the first (`little`, the default) or the highest (`big`, as of
    /// numpy.packbits without bitorder='little'); it matters where the last byte is not full
    #[arg(long, value_name = "little|big")]
    pub bit_order: Option<BitOrder>,
}

impl Reading {
    /// The same conversion, of what is read.
    pub fn of(&self, to: Conversion) -> Conversion {
        let order = self.bit_order.unwrap_or_default();
        to.first(self.first).skip_nan(self.skip_nan).bits(self.bits).bit_order(order)
    }
}
