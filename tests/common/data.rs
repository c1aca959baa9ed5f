//! Generated rows: kinds that are hard for a search, brought into the domain of a metric and into an element type.

use half::{bf16, f16};
use nearfield::{DType, Metric, Rows};

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, the same everywhere.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normal, mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let (r, angle) = (1.0 - self.uniform(), std::f64::consts::TAU * self.uniform());
        (-2.0 * r.ln()).sqrt() * angle.cos()
    }
}

/// What the rows look like, before the metric's domain and the element type have their say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Independent normals.
    Normal,
    /// Eight different rows, over and over; queries among them.
    Duplicates,
    /// One row, over and over; the queries differ from it.
    AllEqual,
    /// Every third row and the first query are zero.
    ZeroVectors,
    /// Equal norms, far from the origin, close to each other.
    FarShell,
    /// Rows that differ from one row by an ulp or two here and there; queries too.
    NearDuplicates,
    /// Norms from 1e-15 to 1e15 (as far as the type reaches) in one base.
    WideNorms,
    /// Each row one value in all columns.
    ConstantRows,
    /// A single one a row.
    OneHot,
    /// Whole numbers from -4 to 4, so that f32 sums are exact.
    Integers,
}

impl Kind {
    pub const ALL: [Kind; 10] = [
        Kind::Normal,
        Kind::Duplicates,
        Kind::AllEqual,
        Kind::ZeroVectors,
        Kind::FarShell,
        Kind::NearDuplicates,
        Kind::WideNorms,
        Kind::ConstantRows,
        Kind::OneHot,
        Kind::Integers,
    ];

    /// `n` rows of `d`; `queries` asks for the kind's queries rather than its base. `reach` is the largest decimal
    /// exponent of a norm.
    pub fn rows(self, n: usize, d: usize, seed: u64, queries: bool, reach: f64) -> Vec<f64> {
        // What base and queries share is drawn first, from the seed alone.
        let mut shared = Random::new(seed);
        let centre: Vec<f64> = (0..d).map(|_| shared.normal()).collect();
        let prototypes: Vec<f64> = (0..8 * d).map(|_| shared.normal()).collect();
        let mut random = Random::new(seed ^ if queries { 0x51ed_270b } else { 0x0f1e_35d2 });
        let mut rows = Vec::with_capacity(n * d);
        for i in 0..n {
            let normals: Vec<f64> = (0..d).map(|_| random.normal()).collect();
            let row: Vec<f64> = match self {
                Kind::Normal => normals,
                Kind::Duplicates => {
                    let which = random.below(8) as usize;
                    prototypes[which * d..(which + 1) * d].to_vec()
                }
                Kind::AllEqual if queries => normals,
                Kind::AllEqual => centre.clone(),
                Kind::ZeroVectors if (queries && i == 0) || (!queries && i % 3 == 1) => {
                    vec![0.0; d]
                }
                Kind::ZeroVectors => normals,
                Kind::FarShell => {
                    let near: Vec<f64> =
                        normals.iter().map(|v| v * 0.01).zip(&centre).map(|(v, c)| v + c).collect();
                    scaled(&near, 100.0 * (d as f64).sqrt())
                }
                Kind::NearDuplicates => {
                    let nudge = |c: &f64| {
                        let ulps = random.below(8).saturating_sub(5) as u32;
                        f64::from(f32::from_bits((*c as f32).to_bits() + ulps))
                    };
                    centre.iter().map(nudge).collect()
                }
                Kind::WideNorms => {
                    scaled(&normals, 10f64.powf((2.0 * random.uniform() - 1.0) * reach))
                }
                Kind::ConstantRows => vec![(normals[0] * 8.0).round() / 8.0; d],
                Kind::OneHot => {
                    let hot = random.below(d as u64) as usize;
                    (0..d).map(|j| f64::from(u8::from(j == hot))).collect()
                }
                Kind::Integers => (0..d).map(|_| random.below(9) as f64 - 4.0).collect(),
            };
            rows.extend(row);
        }
        rows
    }
}

fn scaled(row: &[f64], norm: f64) -> Vec<f64> {
    let had = row.iter().map(|v| v * v).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    row.iter().map(|v| v * norm / had).collect()
}

/// The data that a metric takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    Real,
    /// Some elements missing.
    Missing,
    /// Non-negative.
    NonNegative,
    /// Non-negative, rows sum to 1, a third of them with zeros in the same columns.
    Distribution,
    /// Numbers in [0, 1], every fourth column a category as a negative code, some missing, some rows of the wrong kind.
    Mixed,
    /// (latitude, longitude) in radians.
    LatLon,
    Bits,
}

impl Domain {
    pub fn of(metric: &Metric) -> Domain {
        match metric {
            Metric::NanEuclidean => Domain::Missing,
            Metric::Gower => Domain::Mixed,
            Metric::Jaccard => Domain::NonNegative,
            Metric::Haversine => Domain::LatLon,
            m if m.is_binary() => Domain::Bits,
            m if m.needs_non_negative() => Domain::Distribution,
            _ => Domain::Real,
        }
    }

    /// Brings rows of `d` into the domain; `seed` decides what is missing.
    pub fn apply(self, rows: &mut [f64], d: usize, seed: u64) {
        let mut random = Random::new(seed ^ 0xd0_3a1e);
        for (i, row) in rows.chunks_exact_mut(d).enumerate() {
            match self {
                Domain::Real | Domain::Bits => {}
                Domain::Missing => {
                    let missing = |_: &f64| random.below(8) == 0 || i % 50 == 7;
                    let missing: Vec<bool> = row.iter().map(missing).collect();
                    erase(row, &missing);
                }
                Domain::NonNegative => row.iter_mut().for_each(|v| *v = v.abs()),
                Domain::Distribution => {
                    for (j, v) in row.iter_mut().enumerate() {
                        let zero = *v == 0.0 || (i % 3 == 1 && j % 5 == 2);
                        *v = if zero { 0.0 } else { v.abs() + 0.1 };
                    }
                    let total: f64 = row.iter().sum();
                    // A zero row has no sum to be divided by.
                    let even = 1.0 / d as f64;
                    row.iter_mut().for_each(|v| *v = if total > 0.0 { *v / total } else { even });
                }
                Domain::Mixed => {
                    for (j, v) in row.iter_mut().enumerate() {
                        let code = -1.0 - (v.abs() * 2.0).round().min(3.0);
                        let number = v.abs().min(1.0);
                        let wrong_kind = j == 3 && i % 40 == 9;
                        *v = if (j % 4 == 3) != wrong_kind { code } else { number };
                    }
                    let missing: Vec<bool> =
                        row.iter().map(|_| random.below(8) == 0 || i % 50 == 7).collect();
                    erase(row, &missing);
                }
                Domain::LatLon => {
                    let fold = |v: f64, half: f64| {
                        let turns = (v + half) / (2.0 * half);
                        (turns - turns.floor()) * 2.0 * half - half
                    };
                    row[0] = fold(row[0], std::f64::consts::FRAC_PI_2);
                    row[1] = fold(row[1], std::f64::consts::PI);
                }
            }
        }
    }

    /// How elements are stretched before they are rounded to bytes.
    fn byte_scale(self, kind: Kind, d: usize) -> f64 {
        match (self, kind) {
            // Bytes cannot sum to 1: they are counts, of 20 on average.
            (Domain::Distribution, _) => 20.0 * d as f64,
            (Domain::Mixed | Domain::LatLon, _) | (_, Kind::Integers | Kind::OneHot) => 1.0,

            (_, Kind::FarShell) => 0.5,
            _ => 40.0,
        }
    }
}

fn erase(row: &mut [f64], missing: &[bool]) {
    for (v, _) in row.iter_mut().zip(missing).filter(|(_, missing)| **missing) {
        *v = f64::NAN;
    }
}

/// Rows that own their memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Owned {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    Bits(Vec<u8>),
}

impl Owned {
    /// Rounds to `dtype`. Nothing becomes denormal, which drivers may take for zero, or infinite. u8 takes magnitudes.
    pub fn encode(values: &[f64], d: usize, dtype: DType, domain: Domain, kind: Kind) -> Owned {
        let scale = domain.byte_scale(kind, d);
        let clamped = |v: f64, smallest: f64, largest: f64| {
            if v.abs() < smallest { 0.0 } else { v.clamp(-largest, largest) as f32 }
        };
        let all = values.iter();
        match dtype {
            DType::F32 => Owned::F32(all.map(|&v| clamped(v, 1e-37, 1e37)).collect()),
            DType::F16 => {
                Owned::F16(all.map(|&v| f16::from_f32(clamped(v, 6.2e-5, 6e4))).collect())
            }
            DType::Bf16 => {
                Owned::Bf16(all.map(|&v| bf16::from_f32(clamped(v, 1e-37, 1e37))).collect())
            }
            // NaN becomes 0: bytes have no missing elements.
            DType::I8 => Owned::I8(all.map(|v| (v * scale).round() as i8).collect()),
            DType::U8 => Owned::U8(all.map(|v| (v * scale).round().abs() as u8).collect()),
            DType::Bits => {
                let byte = |eight: &[f64]| {
                    eight.iter().rev().fold(0, |byte, &v| byte << 1 | u8::from(v > 0.0))
                };
                Owned::Bits(values.chunks(d).flat_map(|row| row.chunks(8).map(byte)).collect())
            }
            other => panic!("no generator for {other}"),
        }
    }

    pub fn rows(&self) -> Rows<'_> {
        match self {
            Owned::F32(v) => Rows::F32(v),
            Owned::F16(v) => Rows::F16(v),
            Owned::Bf16(v) => Rows::Bf16(v),
            Owned::I8(v) => Rows::I8(v),
            Owned::U8(v) => Rows::U8(v),
            Owned::Bits(v) => Rows::Bits(v),
        }
    }
}
