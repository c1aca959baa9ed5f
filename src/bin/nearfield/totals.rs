//! What all blocks of queries of a search did together, for `--stats`.

use nearfield::SearchStats;
use serde_json::{Map, Value, json};
use std::fmt;

/// Adds what one block did.
pub fn add(total: &mut SearchStats, block: &SearchStats) {
    total.queries += block.queries;
    total.rows = block.rows;
    total.stream.chunks += block.stream.chunks;
    total.stream.bytes += block.stream.bytes;
    total.add_work(block);
}

pub fn as_json(stats: &SearchStats) -> Value {
    let times = stats.times.iter().map(|t| (t.stage.to_owned(), json!(t.nanoseconds)));
    json!({
        "variants": stats.variants,
        "queries": stats.queries,
        "rows": stats.rows,
        "chunks": stats.stream.chunks,
        "streamed_bytes": stats.stream.bytes,
        "scanned": stats.exact.scanned,
        "rerun": stats.exact.rerun,
        "bins_passed": stats.exact.bins_passed,
        "bins_passed_max": stats.exact.bins_passed_max,
        "sums_exact": stats.exact.sums_exact,
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
        if s.stream.chunks > 0 {
            writeln!(
                f,
                "  streamed         {:.4e} bytes in {} chunks",
                s.stream.bytes as f64, s.stream.chunks
            )?;
        }
        for name in &s.variants {
            writeln!(f, "  kernel           {name}")?;
        }
        writeln!(
            f,
            "  scanned          {}, of those run again {}",
            s.exact.scanned, s.exact.rerun
        )?;
        let mean = s.exact.bins_passed as f64 / s.exact.scanned.max(1) as f64;
        let most = s.exact.bins_passed_max;
        writeln!(f, "  bins passed      {mean:.2} a query, at most {most}")?;
        let sums = if s.exact.sums_exact { "exact in f32" } else { "within the bound" };
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
