//! From the keys that the device orders hits by back to distances.

use super::pair::{Family, Pair};
use crate::dtype::DType;
use crate::metric::{Metric, Order};

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
        // generic, so that each loop is compiled with its function in it
        fn fill(out: &mut [f32], keys: &[u32], value: impl Fn(u32) -> f32) {
            out.iter_mut().zip(keys).for_each(|(to, &key)| *to = value(key));
        }
        use Metric::*;
        let computed =
            matches!(self.metric, SqrtL2 | CosineDistance | Correlation | Hellinger | Haversine);
        let (cosine, l2) = (self.metric == Cosine, self.metric == L2);
        let complement = matches!(self.metric, CosineDistance | Correlation);
        match self.raw {
            _ if self.keeps => fill(out, keys, f32::from_bits),
            Raw::Ascending if l2 => fill(out, keys, |key| ascending_value(key).max(0.0)),
            Raw::Ascending if !computed => fill(out, keys, ascending_value),
            Raw::Descending if cosine => {
                fill(out, keys, |key| ascending_value(!key).clamp(-1.0, 1.0))
            }
            Raw::Descending if complement => {
                fill(out, keys, |key| one_less(ascending_value(!key).into()) as f32)
            }
            Raw::Descending if !computed => fill(out, keys, |key| ascending_value(!key)),
            _ => fill(out, keys, |key| self.decoded(key)),
        }
    }

    /// The key of a number in f32 that rows are ordered by: the reverse of [`raw`](Self::raw), of metrics that have no integers.
    pub fn key(&self, value: f32) -> u32 {
        match self.raw {
            Raw::Descending => !ascending_key(value),
            _ => ascending_key(value),
        }
    }

    /// The number that the device ordered by: what the metric is before roots and complements on the host.
    pub fn raw(&self, key: u32) -> f64 {
        match self.raw {
            Raw::Ascending => f64::from(ascending_value(key)),
            Raw::Descending => f64::from(ascending_value(!key)),
            Raw::Unsigned => f64::from(key),
            Raw::Signed => f64::from(0x7fff_fffeu32.wrapping_sub(key) as i32),
            Raw::Complement => f64::from(0xffff_fffe - key),
            Raw::Fraction => fraction(key, self.dim),
        }
    }

    fn decoded(&self, key: u32) -> f32 {
        let value = self.raw(key);
        let distance = match self.metric {
            // estimates may be below 0
            Metric::L2 => value.max(0.0),
            Metric::SqrtL2 => value.max(0.0).sqrt(),
            // the real value lies within, so that it only comes nearer
            Metric::Cosine => value.clamp(-1.0, 1.0),
            Metric::CosineDistance | Metric::Correlation => one_less(value),
            Metric::Hellinger => (1.0 - value).max(0.0).sqrt(),
            Metric::Haversine => 2.0 * (value.sqrt() / 2.0).min(1.0).asin(),
            _ => value,
        };
        distance as f32
    }

    /// A limit such that every key of a distance within `radius` is below it; a few beyond may be, too.
    pub fn key_limit(&self, radius: f32) -> u32 {
        let r = f64::from(radius);
        // every row or none: below, infinity would meet a slack of 0, and a value beyond its range has been clamped to it
        let (least, most) = match self.metric {
            Metric::Cosine => (-1.0, f64::INFINITY),
            Metric::CosineDistance | Metric::Correlation => (f64::NEG_INFINITY, 2.0),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        if r.is_infinite() || r < least || r > most {
            let all = (r > 0.0) == (self.metric.order() == Order::Ascending);
            return if all { u32::MAX } else { 0 };
        }
        // what the raw value is at the radius, and how far the way there and back may round
        let (raw, slack) = match self.metric {
            Metric::SqrtL2 => (r.max(0.0).powi(2), 1e-6),
            Metric::CosineDistance | Metric::Correlation => (1.0 - r, 1e-6),
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

    /// Whether a distance is within a radius: strictly below, for similarities strictly above. A radius that leaves out no
    /// number leaves out no hit, not even one whose distance is infinite, which a user's metric may return.
    pub fn within(&self, distance: f32, radius: f32) -> bool {
        let distance = if self.keeps { self.decoded(distance.to_bits()) } else { distance };
        match self.metric.order() {
            Order::Ascending => distance < radius || radius == f32::INFINITY,
            Order::Descending => distance > radius || radius == f32::NEG_INFINITY,
        }
    }
}

/// The distance of a similarity within [-1, 1], which rounding may have carried beyond.
fn one_less(similarity: f64) -> f64 {
    (1.0 - similarity).clamp(0.0, 2.0)
}

/// The f32 behind an ascending key; the counterpart of `shaders/lib/select/key.wgsl`.
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
    fn similarities_are_clamped_and_limits_know_it() {
        let over = !ascending_key(1.0f32.next_up());
        for (metric, expected, beyond) in [
            (Metric::Cosine, 1.0, (-1f32).next_down()),
            (Metric::CosineDistance, 0.0, 2f32.next_up()),
            (Metric::Correlation, 0.0, 2f32.next_up()),
        ] {
            let pair = crate::space::pair(&metric, DType::F32, DType::F32, 4);
            let decoder = Decoder::new(&metric, &pair, DType::F32, 4);
            let mut many = [0.5];
            decoder.distances(&[over], &mut many);
            assert_eq!((decoder.distance(over), many), (expected, [expected]));
            // whatever rounding made of the far end, it is within a radius beyond it
            assert_eq!(decoder.key_limit(beyond), u32::MAX, "{metric}");
        }
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
