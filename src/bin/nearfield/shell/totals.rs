//! What all blocks of queries of a search did together, for `--stats`.

use nearfield::SearchStats;
use serde_json::{Map, Value, json};
use std::fmt;

/// Adds what one block did.
pub fn add(total: &mut SearchStats, block: &SearchStats) {
    total.queries += block.queries;
    total.rows = block.rows;
    total.chunks += block.chunks;
    total.streamed += block.streamed;
    total.add_work(block);
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
