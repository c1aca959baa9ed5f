//! What numbers are multiplied by before they are rounded to f16, so that they lie where that has most bits.

/// The power of two that brings `largest` into [2^13, 2^14), so far as the product of two of them stays within f32.
pub(crate) fn f16_factor(largest: f32) -> f32 {
    if largest == 0.0 {
        return 1.0;
    }
    let exponent = 13 - largest.log2().floor() as i32;
    2f32.powi(exponent.clamp(-60, 60))
}
