//! The metrics in f32 as a GPU may compute them, with division, roots and logarithms as bad as WGSL allows.
//!
//! Written apart from the crate's shaders: it tests that the stated tau holds for honest f32 arithmetic, no more.

use nearfield::{DType, Metric};

const U: f32 = 1.0 / (1 << 24) as f32;

/// What orders the rows (smaller is nearer) and the distance that is returned.
pub type Result = Option<(f64, f32)>;

/// Functions that err by `sign` times what WGSL allows.
#[derive(Clone, Copy)]
pub struct Arithmetic {
    pub sign: f32,
}

impl Arithmetic {
    fn div(self, a: f32, b: f32) -> f32 {
        a / b * (1.0 + 4.0 * U * self.sign)
    }

    fn sqrt(self, a: f32) -> f32 {
        a.sqrt() * (1.0 + 8.0 * U * self.sign)
    }

    fn ln(self, a: f32) -> f32 {
        let exact = f64::from(a).ln();
        let off = if (0.5..=2.0).contains(&a) { 8.0 } else { 5.0 * exact.abs() };
        (exact + off * f64::from(U * self.sign)) as f32
    }

    fn pow(self, a: f32, p: f32) -> f32 {
        if a == 0.0 {
            return 0.0;
        }
        let log2 = (f64::from(self.ln(a)) / std::f64::consts::LN_2) as f32;
        let y = p * log2;
        let off = (5.0 + 4.0 * y.abs()) * U * self.sign;
        (f64::from(y).exp2() * (1.0 + f64::from(off))) as f32
    }

    fn relative(self, a: f32, b: f32) -> f32 {
        if a == 0.0 { 0.0 } else { a * self.ln(self.div(a, b)) }
    }

    pub fn evaluate(self, metric: &Metric, dtypes: (DType, DType), q: &[f32], x: &[f32]) -> Result {
        let integers = dtypes.0 == dtypes.1 && dtypes.0.is_integer();
        if integers && let Some(exact) = self.integers(metric, q, x) {
            return Some(exact);
        }
        let sum = |term: &dyn Fn(f32, f32) -> f32| {
            q.iter().zip(x).fold(0.0f32, |acc, (&q, &x)| acc + term(q, x))
        };
        let present: Vec<(f32, f32)> = q.iter().copied().zip(x.iter().copied()).collect();
        let present: Vec<(f32, f32)> =
            present.into_iter().filter(|(q, x)| !q.is_nan() && !x.is_nan()).collect();
        let (d, found) = (q.len() as f32, present.len() as f32);
        let value = match metric {
            Metric::L2 => l2(q, x),
            Metric::SqrtL2 => return Some((l2(q, x).into(), self.sqrt(l2(q, x)))),
            Metric::InnerProduct => return Some((-f64::from(dot(q, x)), dot(q, x))),
            Metric::Cosine => {
                let cosine = dot(&unit(q), &unit(x));
                return Some((-f64::from(cosine), cosine));
            }
            Metric::CosineDistance => {
                let cosine = dot(&unit(q), &unit(x));
                return Some((-f64::from(cosine), 1.0 - cosine));
            }
            Metric::Correlation => {
                let r = dot(&unit(&self.centred(q)), &unit(&self.centred(x)));
                return Some((-f64::from(r), 1.0 - r));
            }
            Metric::Hellinger => {
                let root = |v: &[f32]| v.iter().map(|&v| self.sqrt(v)).collect::<Vec<_>>();
                let s = dot(&root(q), &root(x));
                return Some((-f64::from(s), self.sqrt((1.0 - s).max(0.0))));
            }
            Metric::Haversine => {
                let chord = l2(&on_sphere(q), &on_sphere(x));
                let angle = 2.0 * (f64::from(chord).sqrt() / 2.0).min(1.0).asin();
                return Some((chord.into(), angle as f32));
            }
            Metric::L1 => sum(&|q, x| (q - x).abs()),
            Metric::Linf => q.iter().zip(x).fold(0.0, |acc: f32, (q, x)| acc.max((q - x).abs())),
            Metric::Lp(p) => sum(&|q, x| self.pow((q - x).abs(), *p)),
            Metric::Canberra => sum(&|q, x| {
                let magnitude = q.abs() + x.abs();
                if magnitude == 0.0 { 0.0 } else { self.div((q - x).abs(), magnitude) }
            }),
            Metric::BrayCurtis => {
                let (a, b) = (sum(&|q, x| (q - x).abs()), sum(&|q, x| (q + x).abs()));
                match (a == 0.0, b == 0.0) {
                    (true, true) => 0.0,
                    (false, true) => return None,
                    _ => self.div(a, b),
                }
            }
            Metric::JensenShannon => {
                let both = |q: f32, x: f32| {
                    let m = (q + x) * 0.5;
                    self.relative(q, m) + self.relative(x, m)
                };
                0.5 * sum(&both)
            }
            Metric::Jaccard => {
                let (a, b) = (sum(&f32::min), sum(&f32::max));
                let similarity = if b == 0.0 { 1.0 } else { self.div(a, b) };
                return Some((-f64::from(similarity), similarity));
            }
            Metric::NanEuclidean if present.is_empty() => return None,
            Metric::NanEuclidean => {
                let total = present.iter().fold(0.0f32, |acc, (q, x)| acc + (q - x) * (q - x));
                total * self.div(d, found)
            }
            Metric::Gower if present.is_empty() => return None,
            Metric::Gower => {
                let term = |&(q, x): &(f32, f32)| match (q < 0.0, x < 0.0) {
                    (true, true) => Some(f32::from(u8::from(q != x))),
                    (false, false) => (q <= 1.0 && x <= 1.0).then(|| (q - x).abs()),
                    _ => None,
                };
                let mut total = 0.0f32;
                for pair in &present {
                    total += term(pair)?;
                }
                self.div(total, found)
            }
            Metric::KlDivergence => {
                if q.iter().zip(x).any(|(&q, &x)| q > 0.0 && x == 0.0) {
                    return None;
                }
                sum(&|q, x| self.relative(q, x))
            }
            other => panic!("{other} is not computed in f32"),
        };
        Some((value.into(), value))
    }

    /// In i32 or u32 accumulators, ordered on the integer.
    fn integers(self, metric: &Metric, q: &[f32], x: &[f32]) -> Result {
        let pairs = || q.iter().zip(x).map(|(&q, &x)| (q as i64, x as i64));
        let total: i64 = match metric {
            Metric::L2 | Metric::SqrtL2 => pairs().map(|(q, x)| (q - x) * (q - x)).sum(),
            Metric::InnerProduct => pairs().map(|(q, x)| -q * x).sum(),
            Metric::L1 => pairs().map(|(q, x)| (q - x).abs()).sum(),
            Metric::Linf => pairs().map(|(q, x)| (q - x).abs()).max().unwrap_or(0),
            _ => return None,
        };
        let value = match metric {
            Metric::SqrtL2 => self.sqrt(total as f32),
            Metric::InnerProduct => -total as f32,
            _ => total as f32,
        };
        Some((total as f64, value))
    }

    fn centred(self, x: &[f32]) -> Vec<f32> {
        if x.iter().all(|v| *v == x[0]) {
            return vec![0.0; x.len()];
        }
        let mean = self.div(x.iter().sum(), x.len() as f32);
        x.iter().map(|v| v - mean).collect()
    }
}

/// 32 lanes, then a tree.
fn tree(d: usize, step: impl Fn(f32, usize) -> f32) -> f32 {
    let mut lanes = [0.0f32; 32];
    for i in 0..d {
        lanes[i % 32] = step(lanes[i % 32], i);
    }
    let mut width = 16;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

fn l2(q: &[f32], x: &[f32]) -> f32 {
    tree(q.len(), |acc, i| (q[i] - x[i]).mul_add(q[i] - x[i], acc))
}

fn dot(q: &[f32], x: &[f32]) -> f32 {
    tree(q.len(), |acc, i| q[i].mul_add(x[i], acc))
}

fn unit(x: &[f32]) -> Vec<f32> {
    let norm = x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    x.iter().map(|&v| if norm == 0.0 { 0.0 } else { (f64::from(v) / norm) as f32 }).collect()
}

fn on_sphere(x: &[f32]) -> [f32; 3] {
    let (lat, lon) = (f64::from(x[0]), f64::from(x[1]));
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()].map(|v| v as f32)
}
