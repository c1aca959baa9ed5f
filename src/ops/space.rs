//! What a metric on a type of element comes down to: a transform of rows on the host, one way to compute a pair on the
//! device, and the way back from its key to the distance.

use crate::dtype::DType;
use crate::kernel::registry::{Family, Pair};
use crate::metric::{Metric, Order};

/// Largest dimension whose integer sums fit 32 bits for every metric.
const MAX_INTEGER_DIM: usize = 32_768;

/// A change of every row and query before the device sees them, in f64, so that it costs one rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Transform {
    /// As they are.
    None,
    /// Centred on the mean and of length 1 (correlation); zero where the variance is zero.
    Standardise,
    /// Square roots (Hellinger).
    Sqrt,
    /// (latitude, longitude) to a point of the unit sphere (haversine).
    Sphere,
}

impl Transform {
    pub fn of(metric: &Metric) -> Transform {
        match metric {
            Metric::Correlation => Transform::Standardise,
            Metric::Hellinger => Transform::Sqrt,
            Metric::Haversine => Transform::Sphere,
            _ => Transform::None,
        }
    }

    /// Dimension of the transformed rows.
    pub fn dim(self, dim: usize) -> usize {
        if self == Transform::Sphere { 3 } else { dim }
    }

    /// Appends the transformed rows to `out`.
    pub fn apply(self, rows: &[f32], dim: usize, out: &mut Vec<f32>) {
        for row in rows.chunks_exact(dim) {
            match self {
                Transform::None => out.extend_from_slice(row),
                Transform::Sqrt => out.extend(row.iter().map(|&x| f64::from(x).sqrt() as f32)),
                Transform::Sphere => {
                    let (lat, lon) = (f64::from(row[0]), f64::from(row[1]));
                    let point = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()];
                    out.extend(point.map(|v| v as f32));
                }
                Transform::Standardise => {
                    let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / dim as f64;
                    let centred = |&x: &f32| f64::from(x) - mean;
                    let norm = row.iter().map(|x| centred(x).powi(2)).sum::<f64>().sqrt();
                    // A constant row leaves only the rounding of its mean, which is no variance.
                    let constant = row.iter().all(|x| x == &row[0]);
                    let scale = if constant || norm == 0.0 { 0.0 } else { 1.0 / norm };
                    out.extend(row.iter().map(|x| (centred(x) * scale) as f32));
                }
            }
        }
    }
}

/// Brings the queries of cosine to length 1; its rows keep their own scale.
pub(crate) fn normalise(queries: &mut [f32], dim: usize) {
    for row in queries.chunks_exact_mut(dim) {
        let norm = square(row).sqrt();
        let scale = if norm == 0.0 { 0.0 } else { 1.0 / norm };
        row.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
    }
}

/// |x|^2 in f64, in eight independent lanes: one chain of additions would take most of a search's time on the host.
fn square(row: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    for chunk in row.chunks(8) {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(x) * f64::from(x);
        }
    }
    lanes.iter().sum()
}

/// The way to compute one pair of a query of type `query` and a row of type `row`.
pub(crate) fn pair(metric: &Metric, row: DType, query: DType, dim: usize) -> Pair {
    let integers = row.is_integer() && row == query && dim <= MAX_INTEGER_DIM;
    let tree = |family, scaled| Pair::Tree { family, scaled };
    let direct = |family| Pair::Direct { family, descending: false };
    match metric {
        Metric::L2 | Metric::SqrtL2 if integers => Pair::Integer { family: "l2" },
        Metric::InnerProduct if integers => Pair::Integer { family: "dot" },
        Metric::L1 if integers => Pair::Integer { family: "l1" },
        Metric::Linf if integers => Pair::Integer { family: "linf" },
        Metric::L2 | Metric::SqrtL2 | Metric::Haversine => tree(Family::L2, false),
        Metric::InnerProduct | Metric::Correlation | Metric::Hellinger => tree(Family::Dot, false),
        Metric::Cosine => tree(Family::Dot, true),
        Metric::L1 => direct("l1"),
        Metric::Linf => direct("linf"),
        Metric::Lp(_) => direct("lp"),
        Metric::Canberra => direct("canberra"),
        Metric::BrayCurtis => direct("braycurtis"),
        Metric::JensenShannon => direct("jensenshannon"),
        Metric::Jaccard => Pair::Direct { family: "jaccard", descending: true },
        Metric::NanEuclidean => direct("naneuclidean"),
        Metric::Gower => direct("gower"),
        Metric::KlDivergence => direct("kl"),
        Metric::Hamming => Pair::Bits { family: "hamming" },
        Metric::BitJaccard => Pair::Bits { family: "bitjaccard" },
        Metric::Dice => Pair::Bits { family: "dice" },
        Metric::RusselRao => Pair::Bits { family: "russelrao" },
        Metric::Custom(custom) => Pair::Custom(custom.clone()),
    }
}

/// The family and scaling of stage A, for the metrics that have one.
pub(crate) fn scan_family(metric: &Metric) -> Option<(Family, bool)> {
    match metric {
        Metric::L2 | Metric::SqrtL2 | Metric::Haversine => Some((Family::L2, false)),
        Metric::InnerProduct | Metric::Correlation | Metric::Hellinger => {
            Some((Family::Dot, false))
        }
        Metric::Cosine => Some((Family::Dot, true)),
        _ => None,
    }
}

/// Parameter of a direct metric.
pub(crate) fn argument(metric: &Metric) -> f32 {
    if let Metric::Lp(p) = metric { *p } else { 0.0 }
}

/// From the device's keys to distances.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    metric: Metric,
    raw: Raw,
    dim: u32,
    keeps: bool,
}

#[derive(Clone, Copy, Debug)]
enum Raw {
    Ascending,
    Descending,
    Unsigned,
    /// `0x7ffffffe - value` of signed sums.
    Signed,
    /// `0xfffffffe - value` of unsigned sums.
    Complement,
    Fraction,
}

impl Decoder {
    pub fn new(metric: &Metric, pair: &Pair, row: DType, dim: usize) -> Decoder {
        let raw = match pair {
            Pair::Tree { family: Family::L2, .. } => Raw::Ascending,
            Pair::Tree { .. } => Raw::Descending,
            Pair::Direct { descending, .. } if *descending => Raw::Descending,
            Pair::Direct { .. } => Raw::Ascending,
            Pair::Integer { family: "dot" } if row == DType::I8 => Raw::Signed,
            Pair::Integer { family: "dot" } => Raw::Complement,
            Pair::Integer { .. } | Pair::Bits { family: "hamming" } => Raw::Unsigned,
            Pair::Bits { .. } => Raw::Fraction,
            Pair::Custom(c) if c.order == Order::Descending => Raw::Descending,
            Pair::Custom(_) => Raw::Ascending,
        };
        Decoder { metric: metric.clone(), raw, dim: dim as u32, keeps: false }
    }

    /// One that leaves keys as they are, the bits of a number: of two keys with one distance it still tells the nearer.
    pub fn keeping(&self) -> Decoder {
        Decoder { keeps: true, ..self.clone() }
    }

    /// The distance behind a key, as the metric defines it.
    pub fn distance(&self, key: u32) -> f32 {
        if self.keeps { f32::from_bits(key) } else { self.decoded(key) }
    }

    /// The distances behind many keys; most metrics need no look at each.
    pub fn distances(&self, keys: &[u32], out: &mut [f32]) {
        let fill = |out: &mut [f32], value: fn(u32) -> f32| {
            out.iter_mut().zip(keys).for_each(|(to, &key)| *to = value(key));
        };
        let computed = matches!(
            self.metric,
            Metric::SqrtL2 | Metric::Correlation | Metric::Hellinger | Metric::Haversine
        );
        match self.raw {
            _ if self.keeps => fill(out, f32::from_bits),
            Raw::Ascending if !computed => fill(out, ascending_value),
            Raw::Descending if !computed => fill(out, |key| ascending_value(!key)),
            _ => out.iter_mut().zip(keys).for_each(|(to, &key)| *to = self.decoded(key)),
        }
    }

    fn decoded(&self, key: u32) -> f32 {
        let value = match self.raw {
            Raw::Ascending => f64::from(ascending_value(key)),
            Raw::Descending => f64::from(ascending_value(!key)),
            Raw::Unsigned => f64::from(key),
            Raw::Signed => f64::from(0x7fff_fffeu32.wrapping_sub(key) as i32),
            Raw::Complement => f64::from(0xffff_fffe - key),
            Raw::Fraction => fraction(key, self.dim),
        };
        let distance = match self.metric {
            Metric::SqrtL2 => value.sqrt(),
            Metric::Correlation => 1.0 - value,
            Metric::Hellinger => (1.0 - value).max(0.0).sqrt(),
            Metric::Haversine => 2.0 * (value.sqrt() / 2.0).min(1.0).asin(),
            _ => value,
        };
        distance as f32
    }

    /// A limit such that every key of a distance within `radius` is below it; a few beyond may be, too.
    pub fn key_limit(&self, radius: f32) -> u32 {
        let r = f64::from(radius);
        // what the raw value is at the radius, and how far the way there and back may round
        let (raw, slack) = match self.metric {
            Metric::SqrtL2 => (r.max(0.0).powi(2), 1e-6),
            Metric::Correlation => (1.0 - r, 1e-6),
            Metric::Hellinger => (1.0 - r.max(0.0).powi(2), 1e-6),
            Metric::Haversine if r >= std::f64::consts::PI => return u32::MAX,
            Metric::Haversine => (4.0 * (r.max(0.0) / 2.0).sin().powi(2), 1e-6),
            _ => (r, 0.0),
        };
        let up = raw + slack * (1.0 + raw.abs());
        let down = raw - slack * (1.0 + raw.abs());
        match self.raw {
            Raw::Ascending => ascending_key(up as f32).saturating_add(1),
            Raw::Descending => (!ascending_key(down as f32)).saturating_add(1),
            Raw::Unsigned => up.ceil() as u32,
            Raw::Signed if down >= 0x7fff_ffffu32.into() => 0,
            Raw::Signed => (2_147_483_646.0 - down.floor()).clamp(0.0, 4_294_967_295.0) as u32,
            Raw::Complement => (4_294_967_294.0 - down.floor()).clamp(0.0, 4_294_967_295.0) as u32,
            Raw::Fraction => (up * 4_294_967_296.0 + 2.0).clamp(0.0, 4_294_967_295.0) as u32,
        }
    }

    /// Whether a distance is within a radius: strictly below, for similarities strictly above.
    pub fn within(&self, distance: f32, radius: f32) -> bool {
        let distance = if self.keeps { self.decoded(distance.to_bits()) } else { distance };
        match self.metric.order() {
            Order::Ascending => distance < radius,
            Order::Descending => distance > radius,
        }
    }
}

/// The f32 behind an ascending key; the counterpart of `shaders/common/key.wgsl`.
fn ascending_value(key: u32) -> f32 {
    f32::from_bits(if key & 0x8000_0000 != 0 { key & 0x7fff_ffff } else { !key })
}

fn ascending_key(value: f32) -> u32 {
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    if bits & 0x8000_0000 != 0 { !bits } else { bits | 0x8000_0000 }
}

/// The one fraction n / m with m <= 2 dim in [key, key + 1) / 2^32, found on the way down the Stern-Brocot tree.
///
/// Two different fractions with denominators below 2^16 lie further apart than 2^-32, so it is the one that was stored.
fn fraction(key: u32, dim: u32) -> f64 {
    if key == 0 || key >= 0xffff_fffe {
        return if key == 0 { 0.0 } else { 1.0 };
    }
    let (low, high) = (u64::from(key), u64::from(key) + 1);
    let (mut a, mut b, mut c, mut d) = (0u64, 1u64, 1u64, 1u64);
    let most = u64::from(dim) * 2;
    while b + d <= most {
        let (n, m) = (a + c, b + d);
        let scaled = n << 32;
        if scaled < low * m {
            // as many steps to the right as stay below `low`: (a + t c) / (b + t d) < low
            let t = ((low * b - (a << 32)).div_ceil((c << 32) - low * d)).max(2) - 1;
            (a, b) = (a + t * c, b + t * d);
        } else if scaled >= high * m {
            let t = (((c << 32) - high * d) / (high * b - (a << 32)).max(1)).max(1);
            (c, d) = (c + t * a, d + t * b);
        } else {
            return n as f64 / m as f64;
        }
    }
    // Not reached for keys that the device made.
    f64::from(key) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_order_and_come_back() {
        let values = [f32::MIN, -1.5, -1e-30, 0.0, 1e-30, 1.0, 1.0000001, f32::MAX];
        for pair in values.windows(2) {
            assert!(ascending_key(pair[0]) < ascending_key(pair[1]));
        }
        assert!(values.iter().all(|&v| ascending_value(ascending_key(v)) == v));
        assert_eq!(ascending_key(-0.0), ascending_key(0.0));
    }

    #[test]
    fn fractions_come_back() {
        for d in [8u64, 64, 1000, 32_760] {
            for m in (1..=2 * d).step_by((d as usize / 97).max(1)) {
                for n in (0..=m).step_by((m as usize / 13).max(1)) {
                    let key = if n == m { 0xffff_fffe } else { ((n << 32) / m) as u32 };
                    assert_eq!(fraction(key, d as u32), n as f64 / m as f64, "{n}/{m}");
                }
            }
        }
    }
}
