//! The range of numbers, learnt from a sample of them by one of four statistics.

use super::kinds::SqRange;

/// Rounds of least squares, and how many of these may change nothing before they end.
const ROUNDS: usize = 2000;
const EQUAL_ROUNDS: usize = 16;

/// Where a range begins, and how wide it is: of `levels` values. There is a number at least.
pub(super) fn range(by: SqRange, values: &mut [f32], levels: u32) -> (f32, f32) {
    let (low, high) = match by {
        SqRange::MinMax(arg) => {
            let (low, high) = extremes(values);
            let more = (high - low) * arg;
            (low - more, high + more)
        }
        SqRange::MeanStd(arg) => {
            let n = values.len() as f64;
            let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
            let square = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
            let far = if square > 0.0 { square.sqrt() } else { 1.0 } * f64::from(arg);
            ((mean - far) as f32, (mean + far) as f32)
        }
        SqRange::Quantiles(arg) => {
            values.sort_unstable_by(f32::total_cmp);
            let n = values.len();
            let left = (arg * n as f32) as usize;
            let left = if left > n - left { n / 2 } else { left };
            (values[left.min(n - 1)], values[(n - 1).saturating_sub(left)])
        }
        SqRange::Optim => least_squares(values, levels),
    };
    (low, high - low)
}

fn extremes(values: &[f32]) -> (f32, f32) {
    let of = |(low, high): (f32, f32), &x: &f32| (low.min(x), high.max(x));
    values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), of)
}

/// The ends of the `levels` values a i + b, i = 0, 1..., to the nearest of which the squared distances are least, as far as turns of
/// rounding and least squares find them.
fn least_squares(values: &[f32], levels: u32) -> (f32, f32) {
    let (low, high) = extremes(values);
    if low == high {
        return (low, high);
    }
    let most = f64::from(levels - 1);
    let (mut a, mut b) = ((f64::from(high) - f64::from(low)) / most, f64::from(low));
    let n = values.len() as f64;
    let sum: f64 = values.iter().map(|&x| f64::from(x)).sum();
    let (mut last, mut equal) = (f64::NAN, 0);
    for _ in 0..ROUNDS {
        let (mut sum_i, mut sum_ii, mut sum_xi, mut error) = (0.0, 0.0, 0.0, 0.0);
        for &x in values {
            let x = f64::from(x);
            let i = ((x - b) / a + 0.5).floor().clamp(0.0, most);
            error += (x - (i * a + b)).powi(2);
            sum_i += i;
            sum_ii += i * i;
            sum_xi += i * x;
        }
        equal = if error == last { equal + 1 } else { 0 };
        last = error;
        let det = sum_i * sum_i - sum_ii * n;
        if equal == EQUAL_ROUNDS || det == 0.0 {
            break;
        }
        let (new_a, new_b) =
            ((sum_i * sum - n * sum_xi) / det, (sum_i * sum_xi - sum_ii * sum) / det);
        // all at one level: a line through one point says nothing of its slope
        if !(new_a.is_finite() && new_a > 0.0) {
            break;
        }
        (a, b) = (new_a, new_b);
    }
    (b as f32, (b + a * most) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_computed_by_hand() {
        let of = |by, values: &[f32]| range(by, &mut values.to_vec(), 256);
        let values = [3.0, 1.0, 2.0, 5.0, 4.0];
        assert_eq!(of(SqRange::MinMax(0.0), &values), (1.0, 4.0));
        assert_eq!(of(SqRange::MinMax(0.5), &values), (-1.0, 8.0));
        // mean 3, variance 2
        let (low, width) = of(SqRange::MeanStd(1.0), &values);
        assert!((low - (3.0 - 2f32.sqrt())).abs() < 1e-6 && (width - 8f32.sqrt()).abs() < 1e-6);
        assert_eq!(of(SqRange::MeanStd(2.0), &[7.0; 3]), (5.0, 4.0));
        assert_eq!(of(SqRange::Quantiles(0.2), &values), (2.0, 2.0));
        assert_eq!(of(SqRange::Quantiles(0.0), &values), (1.0, 4.0));
        assert_eq!(of(SqRange::Quantiles(0.4), &[1.0]), (1.0, 0.0));
        for by in [SqRange::MinMax(0.0), SqRange::Quantiles(0.1), SqRange::Optim] {
            assert_eq!(of(by, &[-2.5; 9]), (-2.5, 0.0));
        }
    }

    #[test]
    fn least_squares_find_values_that_lie_on_levels() {
        // 0 to 15, with one far less frequent between
        let mut values: Vec<f32> = (0..160).map(|i| (i % 16) as f32 * 0.25 - 1.0).collect();
        let (low, width) = range(SqRange::Optim, &mut values, 16);
        assert!((low + 1.0).abs() < 1e-5 && (width - 3.75).abs() < 1e-5, "{low} {width}");
        // an outlier costs all others more than it is worth
        let error = |(low, width): (f32, f32), values: &[f32]| -> f32 {
            let step = width / 15.0;
            let nearest = |x: f32| ((x - low) / step).round().clamp(0.0, 15.0) * step + low;
            values.iter().map(|&x| (x - nearest(x)).powi(2)).sum()
        };
        let mut skewed: Vec<f32> = (0..2000).map(|i| (i as f32 * 0.618).fract()).collect();
        skewed.push(3.0);
        let plain = range(SqRange::MinMax(0.0), &mut skewed.clone(), 16);
        let best = range(SqRange::Optim, &mut skewed, 16);
        assert!(error(best, &skewed) <= error(plain, &skewed));
    }
}
