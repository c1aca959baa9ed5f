//! Whether the device's fused multiply-add rounds once, as the name says. WGSL and SPIR-V allow both, and drivers in software round the product,
//! too. Whoever computes the same distances on the host has to know; the device itself is asked, once.

use super::dataset::Dataset;
use super::search::submit_search;
use crate::call::{Filter, Options};
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::format::SliceSource;
use crate::metric::Metric;
use std::sync::{Mutex, PoisonError};

/// Elements of which two go to one partial sum.
const DIM: usize = 33;
/// A number whose square is as far from two numbers in f32, and what that and 1 are together, rounded once and rounded twice.
const ELEMENT: f32 = 4097.0;
const ONCE: f32 = 16_785_410.0;
const TWICE: f32 = 16_785_408.0;

/// What was found.
#[derive(Default)]
struct Known(Mutex<Option<bool>>);

/// Whether products are not rounded before they are added to a sum.
pub(crate) fn is_fused(gpu: &Gpu) -> Result<bool> {
    let state = gpu.state::<Known>()?;
    // held meanwhile: who asks at the same time waits for the answer
    let mut known = state.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(fused) = *known {
        return Ok(fused);
    }
    let mut row = [0.0; DIM];
    (row[0], row[DIM - 1]) = (1.0, ELEMENT);
    let empty = Dataset::unscanned(gpu, &Metric::L2, DType::F32, DIM)?;
    let rows = empty.append(&mut SliceSource::new(Rows::F32(&row), DIM)?)?;
    let origin = Rows::F32(&[0.0; DIM]);
    let found = submit_search(&rows, origin, 1, Filter::default(), Options::dense())?.wait()?;
    let fused = match found.distances[..] {
        [ONCE] => true,
        [TWICE] => false,
        ref other => return Err(Error::internal(format!("a sum of two squares is {other:?}"))),
    };
    log::debug!(
        "{}: products are rounded {}",
        gpu.caps().name,
        if fused { "once" } else { "twice" }
    );
    *known = Some(fused);
    Ok(fused)
}
