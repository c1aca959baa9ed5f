//! How values are rounded to another type.

use clap::Args;
use nearfield::DType;
use nearfield::format::{Conversion, Losses, Scale};

#[derive(Args)]
pub struct Rounding {
    /// Multiply the values by S before they are rounded to the type; `auto` brings the largest to the end of i8 or u8, or near
    /// that of f16
    ///
    /// A search multiplies the queries, too, and gives distances back as those of the values in the files; a radius is one of
    /// them. What S is stands on stderr and in the JSON. A scale that takes distances out of f32 is refused, as lp:20 soon does.
    #[arg(long, value_name = "auto|S", requires = "dtype", allow_hyphen_values = true)]
    pub scale: Option<Scale>,
    /// Round although more than 1 % of the rows change by more than 1 % of their length, with --scale by more than 10 %, which is
    /// an error otherwise
    #[arg(long)]
    pub force: bool,
}

impl Rounding {
    pub fn to(&self, dtype: Option<DType>) -> Conversion {
        Conversion::from(dtype).scale(self.scale.unwrap_or_default()).force(self.force)
    }

    /// What of it had nothing to do, of a file of which so much became rows of a type.
    pub fn idle(&self, dtype: Option<DType>, losses: &Losses) -> Option<&'static str> {
        let rounded = losses.rows > 0;
        let wide = matches!(dtype, Some(DType::F32 | DType::Bf16));
        match self.scale {
            Some(Scale::Auto) if !rounded => {
                Some("--scale auto multiplied nothing: no row is rounded")
            }
            Some(Scale::Auto) if wide => Some(
                "--scale auto multiplied nothing: f32 and bf16 reach as far as values can; it is for i8, u8 and f16",
            ),
            _ if self.force && !rounded => Some("--force changed nothing: no row is rounded"),
            _ => None,
        }
    }
}
