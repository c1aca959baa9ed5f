//! One candidate on the device: whether it answers rightly, which kernel ran, and how long it took.

use super::choose::{Outcome, ratio};
use super::data::Set;
use super::load::{Held, Load, index};
use super::values::Values;
use crate::args::Global;
use crate::shell::failure::{Failure, Result};
use crate::shell::{device, stop};
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{Gpu, Guarantee, Hits, Index, Metric, Rows, SearchParams};
use std::collections::HashMap;
use std::time::Instant;

/// A candidate that takes so many times as long as the best is given up.
const GIVE_UP: f64 = 1.5;
/// Searches shorter than this are repeated more often.
const SHORT_NS: f64 = 2e6;

/// What of a search is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One stage on the device.
    Stage(&'static str),
    /// All of them.
    Device,
    /// From the call to its return.
    Wall,
}

/// How a candidate is measured.
#[derive(Clone)]
pub struct Probe {
    /// How the name of the kernel variant that has to run begins, and words that have to be part of it.
    pub kernel: String,
    pub words: Vec<String>,
    /// Words that must not be part of the name.
    pub without: Vec<String>,
    pub part: Part,
    pub loads: Vec<Load>,
    /// Whether a candidate is given up by the time of each load alone, rather than by those of all loads so far.
    pub each_load: bool,
}

/// Everything that candidates are measured with.
pub struct Trials<'a> {
    global: &'a Global,
    pub sets: Vec<Set>,
    runs: usize,
    small: Small,
    /// What candidates answered, which all others have to answer to the bit.
    known: HashMap<Load, Bits>,
}

/// Rows that the oracle goes through: no size is a multiple of a tile's, and rows are padded to three slabs of 32.
struct Small {
    set: Set,
    queries: Block,
    /// What was answered.
    known: HashMap<Held, Bits>,
}

const SMALL: (usize, usize, usize) = (3001, 67, 67);
const SMALL_LOAD: Load = Load::flat(0, SMALL.1, 10);
/// Lists that each query looks at where there are some.
const SMALL_PROBES: usize = 3;
/// Where there is a graph: rows that it is of, since it is built for each candidate, rows that each query keeps, and the share of the nearest that have
/// to be among them.
const SMALL_ROWS: usize = 700;
const SMALL_EF: usize = 128;
const SMALL_RECALL: f64 = 0.8;

#[derive(PartialEq)]
struct Bits(Vec<usize>, Vec<u64>, Vec<u32>);

impl Bits {
    fn of(hits: &Hits) -> Bits {
        let distances = hits.distances().iter().map(|d| d.to_bits());
        Bits(hits.lims().to_vec(), hits.ids().to_vec(), distances.collect())
    }
}

impl Probe {
    /// Whether a variant is of the kernel and has the constants that are meant.
    fn means(&self, variant: &str) -> bool {
        let has = |word: &String| variant.split('_').any(|part| part == word);
        variant.starts_with(&self.kernel)
            && self.words.iter().all(has)
            && !self.without.iter().any(has)
    }

    /// Refuses the candidate where the kernel is not among those that ran: the library passes over values that do not fit.
    fn ran(&self, hits: &Hits) -> Result<(), Outcome> {
        let variants = &hits.stats().variants;
        if variants.iter().any(|variant| self.means(variant)) {
            return Ok(());
        }
        let other = variants.iter().find(|v| v.starts_with("scan")).or(variants.first());
        let other = other.map_or("nothing", String::as_str);
        Err(Outcome::Refused(format!("the library ran {other} instead")))
    }
}

impl<'a> Trials<'a> {
    pub fn new(global: &'a Global, sets: Vec<Set>, runs: usize) -> Result<Trials<'a>> {
        let (rows, queries, dim) = SMALL;
        let set = Set::new(rows, queries, dim)?;
        let queries = Block::new(Rows::F32(&set.queries), dim)?;
        let small = Small { set, queries, known: HashMap::new() };
        Ok(Trials { global, sets, runs, small, known: HashMap::new() })
    }

    /// Measures the candidate `values`; `best` are the times to give up by.
    pub fn measure(&mut self, values: &Values, probe: &Probe, best: Option<&[f64]>) -> Outcome {
        match self.attempt(values, probe, best) {
            Ok(times) => Outcome::Timed(times),
            Err(outcome) => outcome,
        }
    }

    fn attempt(
        &mut self,
        values: &Values,
        probe: &Probe,
        best: Option<&[f64]>,
    ) -> Result<Vec<f64>, Outcome> {
        stop::check().map_err(refused)?;
        let gpu = values.apply(device::builder(self.global)).build().map_err(refused)?;
        self.check(&gpu, Some(probe))?;
        let mut times = Vec::new();
        let mut loaded: Option<(Held, Box<dyn Index>)> = None;
        for load in &probe.loads {
            let wanted = load.held();
            if loaded.as_ref().is_none_or(|(at, _)| *at != wanted) {
                // The last rows leave the device before the next ones come.
                drop(loaded.take());
                let made = index(&gpu, &self.sets[load.set], load).map_err(refused)?;
                loaded = Some((wanted, made));
            }
            if let Some((_, index)) = &loaded {
                self.time(&**index, load, probe, best, &mut times)?;
            }
        }
        Ok(times)
    }

    /// Appends the median time of one load to those before it; an error where it answers other bits than the candidates
    /// before, or is so slow that the candidate is given up.
    fn time(
        &mut self,
        index: &dyn Index,
        load: &Load,
        probe: &Probe,
        best: Option<&[f64]>,
        times: &mut Vec<f64>,
    ) -> Result<(), Outcome> {
        let set = &self.sets[load.set];
        let params = load.params().timed(probe.part != Part::Wall);
        let queries = Rows::F32(&set.queries[..load.queries * set.dim]);
        let search = || {
            let begin = Instant::now();
            let hits = index.search_with(queries, load.k, &params).map_err(refused)?;
            let wall = begin.elapsed().as_nanos() as f64;
            Ok((nanoseconds(&hits, probe.part).unwrap_or(wall).max(1.0), hits))
        };
        // The first search compiles kernels and allocates buffers: it is not timed.
        let (_, hits) = search()?;
        probe.ran(&hits)?;
        let bits = Bits::of(&hits);
        if self.known.get(load).is_some_and(|known| *known != bits) {
            return Err(Outcome::Wrong("not the bits that other candidates answered".into()));
        }
        self.known.insert(*load, bits);

        let (first, _) = search()?;
        let mut runs = vec![first];
        times.push(first);
        if slower(times, probe, best) > GIVE_UP {
            // One slow run may be another program's doing.
            let (again, _) = search()?;
            runs.push(again);
            replace_last(times, first.min(again));
            if slower(times, probe, best) > GIVE_UP {
                return Err(Outcome::Slow(times.clone()));
            }
        }
        let count = if first < SHORT_NS { self.runs * 5 } else { self.runs };
        while runs.len() < count {
            runs.push(search()?.0);
        }
        runs.sort_by(f64::total_cmp);
        replace_last(times, runs[runs.len() / 2]);
        Ok(())
    }

    /// Holds a small search against the oracle, and to the bit against the other candidates'.
    fn check(&mut self, gpu: &Gpu, probe: Option<&Probe>) -> Result<(), Outcome> {
        let small = &mut self.small;
        let any = |of: fn(&Load) -> bool| probe.is_some_and(|probe| probe.loads.iter().any(of));
        let (lists, codes) = (any(|load| load.nprobe > 0), any(|load| load.codes));
        let nprobe = if lists { SMALL_PROBES } else { 0 };
        let (ef, rows) = if any(|load| load.ef > 0) { (SMALL_EF, SMALL_ROWS) } else { (0, 0) };
        let load = Load { nprobe, codes, ef, rows, ..SMALL_LOAD };
        let index = index(gpu, &small.set, &load).map_err(refused)?;
        let queries = Rows::F32(&small.set.queries);
        let hits = index.search_with(queries, load.k, &load.params()).map_err(refused)?;
        if let Some(probe) = probe {
            probe.ran(&hits)?;
        }
        let bits = Bits::of(&hits);
        let known = small.known.get(&load.held());
        if known == Some(&bits) {
            return Ok(());
        }
        let of = |rows: Rows<'_>, n: usize| -> Result<Vec<Vec<u64>>, Outcome> {
            let lists = index.assign(rows, n).map_err(refused)?;
            Ok(lists.rows().map(|row| row.iter().map(|list| list.0).collect()).collect())
        };
        let (probes, labels) = match lists {
            true => (of(queries, nprobe)?, of(Rows::F32(&small.set.rows), 1)?),
            false => (Vec::new(), Vec::new()),
        };
        // what a graph found are rows, at their distances, and most of those that there are to find
        let found = if ef > 0 { small_recall(&*index, queries, &hits)? } else { Vec::new() };
        let eligible = |query: usize, row: usize| match ef {
            0 => !lists || probes[query].contains(&labels[row][0]),
            _ => found[query].contains(&(row as u64)),
        };
        let decoded = index.reconstruct_many(&index.ids()).map_err(refused)?;
        let base = Block::new(Rows::F32(&decoded), small.set.dim).map_err(refused)?;
        let problem = Problem {
            measure: &Metric::L2,
            queries: &small.queries,
            base: &base,
            eligible: &eligible,
        };
        let got: Vec<_> = hits.rows().collect();
        check_search(&problem, load.k, &got).map_err(Outcome::Wrong)?;
        if known.is_some() {
            return Err(Outcome::Wrong("right, but not the bits of other candidates".into()));
        }
        small.known.insert(load.held(), bits);
        Ok(())
    }

    /// Checks a device that was opened with a finished profile, on some of the timed rows too.
    pub fn verify(&mut self, gpu: &Gpu) -> Result<()> {
        let fault = |outcome| match outcome {
            Outcome::Wrong(why) | Outcome::Refused(why) => {
                Failure::Work(format!("the new profile does not stand its check: {why}"))
            }
            _ => Failure::Work("the new profile does not stand its check".into()),
        };
        self.check(gpu, None).map_err(fault)?;
        let first = self.known.iter().filter(|(load, _)| load.held() == SMALL_LOAD.held());
        let Some((load, known)) = first.max_by_key(|(load, _)| (load.queries, load.k)) else {
            return Ok(());
        };
        let set = &self.sets[load.set];
        let index = index(gpu, set, load)?;
        let hits = index.search(&set.queries[..load.queries * set.dim], load.k)?;
        if Bits::of(&hits) != *known {
            return Err(fault(Outcome::Wrong("not the bits that the candidates answered".into())));
        }
        Ok(())
    }

    /// Operations of a load, as 2 n d a query.
    pub fn operations(&self, load: &Load) -> f64 {
        2.0 * self.sets[load.set].rows.len() as f64 * load.queries as f64
    }
}

/// What each query found along edges, unless that is less than it should be.
fn small_recall(
    index: &dyn Index,
    queries: Rows<'_>,
    hits: &Hits,
) -> Result<Vec<Vec<u64>>, Outcome> {
    let exact = SearchParams::new().guarantee(Guarantee::Exact);
    let exact = index.search_with(queries, SMALL_LOAD.k, &exact).map_err(refused)?;
    let ids = |hits: &Hits| -> Vec<Vec<u64>> {
        hits.rows().map(|row| row.iter().map(|hit| hit.0).collect()).collect()
    };
    let (found, wanted) = (ids(hits), ids(&exact));
    let there = |(found, wanted): (&Vec<u64>, &Vec<u64>)| {
        wanted.iter().filter(|id| found.contains(id)).count()
    };
    let there: usize = found.iter().zip(&wanted).map(there).sum();
    let share = there as f64 / wanted.iter().map(Vec::len).sum::<usize>().max(1) as f64;
    match share >= SMALL_RECALL {
        true => Ok(found),
        false => Err(Outcome::Wrong(format!("{share:.3} of the nearest rows"))),
    }
}

fn replace_last(times: &mut [f64], time: f64) {
    if let Some(last) = times.last_mut() {
        *last = time;
    }
}

/// How many times as long as the best candidate this one takes, by the loads that have a time.
fn slower(times: &[f64], probe: &Probe, best: Option<&[f64]>) -> f64 {
    let (done, all) = (times.len(), probe.loads.len());
    match best.filter(|best| best.len() >= done) {
        None => 1.0,
        Some(best) if probe.each_load => ratio(&times[done - 1..], &best[done - 1..]),
        // Loads without a time are taken to be as fast as the best's.
        Some(best) => ratio(times, best).powf(done as f64 / all as f64),
    }
}

fn refused(error: nearfield::Error) -> Outcome {
    Outcome::Refused(error.to_string())
}

/// By the device's clock; `None` where it has none.
fn nanoseconds(hits: &Hits, part: Part) -> Option<f64> {
    let stats = hits.stats();
    let sum = match part {
        Part::Wall => 0,
        Part::Device => stats.device_nanoseconds(),
        Part::Stage(stage) => {
            stats.times.iter().filter(|t| t.stage == stage).map(|t| t.nanoseconds).sum()
        }
    };
    (sum > 0).then_some(sum as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_known_by_its_constants() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect();
        let probe = Probe {
            kernel: "scan_tile_".into(),
            words: words(&["bm64", "tm8"]),
            without: words(&["epilogue"]),
            part: Part::Device,
            loads: Vec::new(),
            each_load: false,
        };
        assert!(probe.means("scan_tile_f32_bm64_bn64_bk16_tm8_tn8"));
        assert!(!probe.means("scan_tile_f32_bm64_bn64_bk16_tm4_tn8"));
        assert!(!probe.means("scan_tile_f32_bm640_bn64_bk16_tm8_tn8"));
        assert!(!probe.means("scan_tile_f32_bm64_bn64_bk16_tm8_tn8_epilogue_bias"));
        assert!(!probe.means("scan_row_f32_bm64_tm8"));
    }
}
