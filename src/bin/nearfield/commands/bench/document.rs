//! What `--json` writes.

use super::case::{Case, Filter};
use super::measure::{Looked, Record};
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
    let roofline =
        record.achieved.as_ref().filter(|achieved| achieved.bytes > 0.0).map(|achieved| {
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
    let mut row = json!({
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
    });
    if let (Some(looked), Some(row)) = (&record.looked, row.as_object_mut()) {
        row.extend(lists(case, looked));
    }
    row
}

/// What stands of a case of lists, beside.
fn lists(case: &Case, looked: &Looked) -> Map<String, Value> {
    let Looked { lists, recall, rows_probed, ratio } = looked;
    let of = |share: f64| json!(lists.size(share));
    let [least, p10, p50, p90, p99, most] = [0.0, 0.1, 0.5, 0.9, 0.99, 1.0].map(of);
    let fields = [
        ("index", json!(case.base.index)),
        ("nlist", json!(lists.count)),
        ("nprobe", json!(case.nprobe)),
        ("k_factor", json!(case.k_factor)),
        ("ef", json!(case.ef)),
        ("bytes", json!(case.bytes)),
        ("asked", json!(case.asked.name())),
        ("recall", number(*recall)),
        ("rows_probed", number(*rows_probed)),
        ("train_s", number(lists.train_s)),
        ("add_s", number(lists.add_s)),
        (
            "list_sizes",
            json!({ "0": least, "10": p10, "50": p50, "90": p90, "99": p99, "100": most }),
        ),
        ("list_p50", p50.clone()),
        ("list_max", most.clone()),
        ("largest", number(lists.largest())),
        ("beside", json!(case.beside)),
        ("ratio", ratio.map_or(Value::Null, number)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
