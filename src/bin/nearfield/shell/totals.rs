//! What all blocks of queries of a search did together, for `--stats`.

use super::call_time::CallTime;
use super::number;
use nearfield::{Hits, SearchStats};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// The work of the blocks so far, and the time of their calls.
#[derive(Default)]
pub struct Totals {
    pub stats: SearchStats,
    pub hits: u64,
    /// Queries of a search for neighbours with fewer hits than there might be.
    pub few: u64,
    time: CallTime,
}

impl Totals {
    /// Adds what one block did, in a call of this length, and how many hits it gave.
    pub fn add(&mut self, hits: &Hits, found: u64, wall: Duration) {
        let (stats, block) = (&mut self.stats, hits.stats());
        self.hits += found;
        stats.queries += block.queries;
        stats.rows = block.rows;
        stats.stream.chunks += block.stream.chunks;
        stats.stream.bytes += block.stream.bytes;
        stats.add_work(block);
        self.time.add(CallTime::new(wall, block.device_nanoseconds()));
    }

    /// The statistics of the library, and the time of the calls.
    pub fn as_json(&self) -> Value {
        let (mut stats, time) = (json!(self.stats), self.time);
        stats["wall_ms"] = number::json(time.wall_ms());
        stats["device_ms"] = json!(time.device_ms().map(number::json));
        stats["host_ms"] = json!(time.host_ms().map(number::json));
        stats
    }
}

/// The same for people.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, call) = (&self.stats, self.time);
        writeln!(f, "{} queries x {} rows", s.queries, s.rows)?;
        if s.stream.chunks > 0 {
            writeln!(
                f,
                "  streamed         {:.4e} bytes in {} chunks",
                s.stream.bytes as f64, s.stream.chunks
            )?;
        }
        if s.ivf.nprobe > 0 {
            let mean = s.ivf.rows_probed as f64 / s.queries.max(1) as f64;
            writeln!(f, "  lists            {} a query, of {mean:.0} rows", s.ivf.nprobe)?;
            for (count, what) in [
                (s.ivf.flat, "went through all rows, but for theirs masked"),
                (s.ivf.filled, "went on to more lists"),
                (s.ivf.proved, "provably miss nothing"),
            ] {
                if count > 0 {
                    writeln!(f, "                   {count} queries {what}")?;
                }
            }
        }
        if s.graph.walked > 0 {
            let mean = s.graph.steps as f64 / s.graph.walked as f64;
            writeln!(f, "  graph            {} queries, {mean:.1} steps each", s.graph.walked)?;
            for (count, what) in [
                (s.graph.capped, "ended before they were done"),
                (s.graph.again, "met too few rows and were answered exactly"),
            ] {
                if count > 0 {
                    writeln!(f, "                   {count} queries {what}")?;
                }
            }
        }
        if s.refine.candidates > 0 {
            let mean = s.refine.candidates as f64 / s.queries.max(1) as f64;
            writeln!(f, "  candidates       {mean:.1} a query, compared by their rows")?;
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
        write!(f, "\n  wall time        {:.3} ms from call to return", call.wall_ms())?;
        if let Some(ms) = call.host_ms() {
            write!(f, "\n  host time        {ms:.3} ms of it, without the device's")?;
        }
        Ok(())
    }
}
