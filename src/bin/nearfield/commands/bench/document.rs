//! What `--json` writes.

use super::case::Filter;
use super::measure::Record;
use super::roofline::Peaks;
use crate::shell::clock;
use crate::shell::number::json as number;
use nearfield::Gpu;
use serde_json::{Map, Value, json};

/// What holds for all rows.
pub struct About {
    #[cfg(feature = "charts")]
    pub adapter: String,
    suite: String,
    date: String,
    described: Value,
}

impl About {
    pub fn of(suite: &str, gpu: &Gpu) -> About {
        let (caps, profile) = (gpu.caps(), gpu.profile());
        let described = json!({
            "name": caps.name,
            "driver": caps.driver,
            "backend": caps.backend.to_string(),
            "device_type": caps.device_type.to_string(),
            "timestamps": caps.timestamps,
            "profile": profile.name(),
            "profile_measured": profile.is_measured(),
        });
        let date = clock::now();
        About {
            #[cfg(feature = "charts")]
            adapter: caps.name.clone(),
            suite: suite.to_owned(),
            date,
            described,
        }
    }
}

pub fn of(about: &About, peaks: Option<Peaks>, records: &[Record]) -> Value {
    json!({
        "command": "bench",
        "version": env!("CARGO_PKG_VERSION"),
        "suite": about.suite,
        "date": about.date,
        "adapter": about.described,
        "peaks": peaks.map(|p| json!({ "gbs": number(p.gbs), "tflops": number(p.tflops) })),
        "rows": records.iter().map(|record| row(record, peaks)).collect::<Vec<_>>(),
    })
}

fn row(record: &Record, peaks: Option<Peaks>) -> Value {
    let case = &record.case;
    let stages = record.stages.iter().map(|stage| {
        // Uploads and clears, which come before the first stage.
        let name = if stage.stage.is_empty() { "other" } else { stage.stage };
        (name.to_owned(), number(stage.nanoseconds as f64 / 1e6))
    });
    let roofline = record.achieved.as_ref().map(|achieved| {
        json!({
            "flops": number(achieved.flops),
            "bytes": number(achieved.bytes),
            "flops_per_byte": number(achieved.intensity()),
            "tflops": number(achieved.tflops()),
            "gbs": number(achieved.gbs()),
            "bound": peaks.map(|peaks| peaks.bound(achieved.intensity())),
            "share": peaks.map(|peaks| number(peaks.share(achieved))),
        })
    });
    json!({
        "name": case.name,
        "kernel": record.kernel,
        "metric": case.base.metric.to_string(),
        "n": case.base.n,
        "d": case.base.d,
        "dtype": case.base.dtype.name(),
        "label": case.base.label,
        "settings": case.base.settings,
        "half_filtered": case.filter != Filter::All,
        "filter_by_query": case.filter.by_query(),
        "filter_prepared": case.filter.is_prepared(),
        "within": case.within,
        "queries": case.queries,
        "k": case.k,
        "wall_ms": number(record.time.wall_ms()),
        "wall_min_ms": number(record.wall_min_ms),
        "device_ms": number(record.time.device_ms().unwrap_or(0.0)),
        "host_ms": record.time.host_ms().map(number),
        "stages_ms": stages.collect::<Map<_, _>>(),
        "queries_per_s": number(record.queries_per_s()),
        "tflops": number(record.tflops()),
        "bins_passed": number(record.bins_passed),
        "rerun": record.rerun,
        "checked": record.checked,
        "excused": record.excused,
        "roofline": roofline,
    })
}
