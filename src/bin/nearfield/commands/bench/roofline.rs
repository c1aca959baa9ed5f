//! How near a scan comes to what the device can do (Williams, Waterman, Patterson 2009).

use crate::args::BenchArgs;
use nearfield::SearchStats;
use serde::Deserialize;

/// The work of a scan and its time by the device's clock.
#[derive(Clone, Copy)]
pub struct Achieved {
    pub flops: f64,
    /// Bytes of rows that have to be read: what caches miss beyond them, and what they save, is not in it. 0 of lists, of which nobody
    /// knows how often they are read.
    pub bytes: f64,
    seconds: f64,
}

impl Achieved {
    /// `None` on adapters without timestamps.
    pub fn of(stats: &SearchStats) -> Option<Achieved> {
        let scans = stats.times.iter().filter(|t| matches!(t.stage, "scan" | "distance"));
        let nanoseconds: u64 = scans.map(|t| t.nanoseconds).sum();
        (nanoseconds > 0).then(|| Achieved {
            flops: stats.flops as f64,
            bytes: stats.bytes as f64,
            seconds: nanoseconds as f64 / 1e9,
        })
    }

    /// From what a document says of it.
    #[cfg(feature = "charts")]
    pub fn new(flops: f64, bytes: f64, tflops: f64) -> Achieved {
        Achieved { flops, bytes, seconds: flops / tflops / 1e12 }
    }

    pub fn tflops(&self) -> f64 {
        self.flops / self.seconds / 1e12
    }

    pub fn gbs(&self) -> f64 {
        self.bytes / self.seconds / 1e9
    }

    /// Operations a byte.
    pub fn intensity(&self) -> f64 {
        self.flops / self.bytes
    }
}

/// What the device can do, as its maker or another program says: figures of the same run would flatter it.
#[derive(Clone, Copy, Deserialize)]
pub struct Peaks {
    pub gbs: f64,
    pub tflops: f64,
}

impl BenchArgs {
    /// The peaks that were given.
    pub fn peaks(&self) -> Option<Peaks> {
        self.peak_gbs.zip(self.peak_tflops).map(|(gbs, tflops)| Peaks { gbs, tflops })
    }
}

impl Peaks {
    /// The most TFLOP/s at so many operations a byte.
    pub fn roof(self, intensity: f64) -> f64 {
        self.tflops.min(intensity * self.gbs / 1e3)
    }

    /// Where the roof turns from bytes to operations.
    pub fn ridge(self) -> f64 {
        self.tflops * 1e3 / self.gbs
    }

    pub fn share(self, achieved: &Achieved) -> f64 {
        achieved.tflops() / self.roof(achieved.intensity())
    }

    /// What the roof is made of there.
    pub fn bound(self, intensity: f64) -> &'static str {
        if intensity < self.ridge() { "bytes" } else { "flops" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_of_both_ceilings_binds() {
        let peaks = Peaks { gbs: 2000.0, tflops: 100.0 };
        assert_eq!((peaks.ridge(), peaks.roof(5.0), peaks.roof(500.0)), (50.0, 10.0, 100.0));
        assert_eq!((peaks.bound(5.0), peaks.bound(500.0)), ("bytes", "flops"));
        let achieved = Achieved { flops: 5e12, bytes: 1e12, seconds: 1.0 };
        assert_eq!((achieved.tflops(), achieved.gbs(), achieved.intensity()), (5.0, 1000.0, 5.0));
        assert_eq!(peaks.share(&achieved), 0.5);
    }
}
