//! What all blocks of queries of a search did together, for `--stats`.

use nearfield::SearchStats;
use serde_json::{Map, Value, json};
use std::fmt;

/// Adds what one block did.
pub fn add(total: &mut SearchStats, block: &SearchStats) {
    let first = total.queries == 0;
    for name in &block.variants {
        if !total.variants.contains(name) {
            total.variants.push(name.clone());
        }
    }
    total.sums_exact = block.sums_exact && (first || total.sums_exact);
    total.queries += block.queries;
    total.rows = block.rows;
    total.chunks += block.chunks;
    total.streamed += block.streamed;
    total.scanned += block.scanned;
    total.rerun += block.rerun;
    total.bins_passed += block.bins_passed;
    total.bins_passed_max = total.bins_passed_max.max(block.bins_passed_max);
    total.submissions += block.submissions;
    total.flops += block.flops;
    total.bytes += block.bytes;
    for time in &block.times {
        match total.times.iter_mut().find(|t| t.stage == time.stage) {
            Some(t) => t.nanoseconds += time.nanoseconds,
            None => total.times.push(time.clone()),
        }
    }
}

pub fn as_json(stats: &SearchStats) -> Value {
    let times = stats.times.iter().map(|t| (t.stage.to_owned(), json!(t.nanoseconds)));
    json!({
        "variants": stats.variants,
        "queries": stats.queries,
        "rows": stats.rows,
        "chunks": stats.chunks,
        "streamed_bytes": stats.streamed,
        "scanned": stats.scanned,
        "rerun": stats.rerun,
        "bins_passed": stats.bins_passed,
        "bins_passed_max": stats.bins_passed_max,
        "sums_exact": stats.sums_exact,
        "submissions": stats.submissions,
        "flops": stats.flops,
        "bytes": stats.bytes,
        "device_nanoseconds": times.collect::<Map<_, _>>(),
    })
}

/// The same for people.
pub struct AsText<'a>(pub &'a SearchStats);

impl fmt::Display for AsText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.0;
        writeln!(f, "{} queries x {} rows", s.queries, s.rows)?;
        if s.chunks > 0 {
            writeln!(
                f,
                "  streamed         {:.4e} bytes in {} chunks",
                s.streamed as f64, s.chunks
            )?;
        }
        for name in &s.variants {
            writeln!(f, "  kernel           {name}")?;
        }
        writeln!(f, "  scanned          {}, of those run again {}", s.scanned, s.rerun)?;
        let mean = s.bins_passed as f64 / s.scanned.max(1) as f64;
        let most = s.bins_passed_max;
        writeln!(f, "  bins passed      {mean:.2} a query, at most {most}")?;
        let sums = if s.sums_exact { "exact in f32" } else { "within the bound" };
        writeln!(f, "  sums             {sums}")?;
        writeln!(f, "  submissions      {}", s.submissions)?;
        writeln!(f, "  operations       {:.4e}", s.flops as f64)?;
        write!(f, "  bytes of rows    {:.4e}", s.bytes as f64)?;
        for time in &s.times {
            let ms = time.nanoseconds as f64 / 1e6;
            write!(f, "\n  {:<16} {ms:.3} ms on the device", time.stage)?;
        }
        Ok(())
    }
}
