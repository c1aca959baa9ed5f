//! What `--json` writes.

use super::measure::Record;
use super::roofline::Peaks;
use super::suite::Kind;
use nearfield::Gpu;
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// What holds for all rows.
pub struct About {
    pub adapter: String,
    suite: String,
    date: String,
    described: Value,
}

impl About {
    pub fn of(suite: &str, gpu: &Gpu) -> About {
        let (caps, profile) = (gpu.caps(), gpu.profile());
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let described = json!({
            "name": caps.name,
            "driver": caps.driver,
            "backend": caps.backend.to_string(),
            "device_type": caps.device_type.to_string(),
            "timestamps": caps.timestamps,
            "profile": profile.name(),
            "profile_measured": profile.is_measured(),
        });
        let date = utc(since.map_or(0, |since| since.as_secs()));
        About { adapter: caps.name.clone(), suite: suite.to_owned(), date, described }
    }
}

pub fn of(about: &About, peaks: Option<Peaks>, records: &[Record]) -> Value {
    json!({
        "command": "bench",
        "version": env!("CARGO_PKG_VERSION"),
        "suite": about.suite,
        "date": about.date,
        "adapter": about.described,
        "peaks": peaks.map(|p| json!({ "gbs": p.gbs, "tflops": p.tflops })),
        "rows": records.iter().map(|record| row(record, peaks)).collect::<Vec<_>>(),
    })
}

fn row(record: &Record, peaks: Option<Peaks>) -> Value {
    let case = &record.case;
    let stages = record.stages.iter().map(|stage| {
        // uploads and clears, before the first stage
        let name = if stage.stage.is_empty() { "other" } else { stage.stage };
        (name.to_owned(), json!(stage.nanoseconds as f64 / 1e6))
    });
    let roofline = record.achieved.as_ref().map(|achieved| {
        json!({
            "flops": achieved.flops,
            "bytes": achieved.bytes,
            "flops_per_byte": achieved.intensity(),
            "tflops": achieved.tflops(),
            "gbs": achieved.gbs(),
            "bound": peaks.map(|peaks| peaks.bound(achieved.intensity())),
            "share": peaks.map(|peaks| peaks.share(achieved)),
        })
    });
    json!({
        "name": case.name,
        "kernel": record.kernel,
        "metric": case.base.metric.to_string(),
        "n": case.base.n,
        "d": case.base.d,
        "f16_copy": case.base.copy,
        "half_filtered": case.kind != Kind::Plain,
        "filter_by_query": case.kind == Kind::Each,
        "queries": case.queries,
        "k": case.k,
        "wall_ms": record.wall_ms,
        "wall_min_ms": record.wall_min_ms,
        "device_ms": record.device_ms,
        "stages_ms": stages.collect::<Map<_, _>>(),
        "queries_per_s": record.queries_per_s(),
        "tflops": record.tflops(),
        "bins_passed": record.bins_passed,
        "rerun": record.rerun,
        "checked": record.checked,
        "excused": record.excused,
        "roofline": roofline,
    })
}

/// Seconds since 1970 as RFC 3339 has them. The days go by Hinnant, "chrono-compatible low-level date algorithms": years
/// begin in March, so that the day that leap years add is a year's last.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_dates() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_000_000_000), "2001-09-09T01:46:40Z");
        assert_eq!(utc(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(utc(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
